import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.path_templates import path_template
from tests.steady import STEADY

UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/api/users/1000/items/7", "/api/users/{int}/items/{int}", {"users": "1000", "items": "7"}),
        (f"/users/{UUID}.json", "/users/{uuid}.json", {"users": UUID}),
        (f"/users/{UUID.upper()}", "/users/{uuid}", {"users": UUID.upper()}),
        ("/o/d41d8cd98f00b204e9800998ecf8427e", "/o/{hash}", {"o": "d41d8cd98f00b204e9800998ecf8427e"}),
        ("/o/507f1f77bcf86cd799439011", "/o/{hex}", {"o": "507f1f77bcf86cd799439011"}),
        ("/d/2026-02-05/x", "/d/{date}/x", {"d": "2026-02-05"}),
        ("/d/2026-02-05T10:55:58.09Z", "/d/{date}", {"d": "2026-02-05T10:55:58.09Z"}),
        (
            "/t/bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ==",
            "/t/{base64}",
            {"t": "bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ=="},
        ),
        ("/a/10/a/20/30", "/a/{int}/a/{int}/{int}", {"a": "10", "a.2": "20", "a.3": "30"}),
        ("/12345", "/{int}", {"1": "12345"}),
        ("/api/4505/envelope/", "/api/{int}/envelope/", {"api": "4505"}),
    ],
)
def test_values_in_a_path_become_fields(path: str, template: str, values: dict[str, str]) -> None:
    assert path_template(path) == (template, tuple(values.items()))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "*",
        "",
        "/telemetry/index.html",
        "/v1/batch",
        "/2/httpapi",
        "/api/0/organizations",
        "/deadbeefcafe/x",
        "/2026-13-05",
        "/jquery-3.6.0.min.js",
        "/getTelemetryConfigurationForClientV2",
        "/THE-QUICK-BROWN-FOX-2-JUMPS",
        "/.env",
        "/user-123",
        "/" + "1" * 5000,
    ],
)
def test_words_stay_words(path: str) -> None:
    assert path_template(path) == (path, ())


def test_a_placeholder_that_a_client_wrote_is_none() -> None:
    assert path_template("/a/{int}/7{b}/12") == ("/a/%7Bint%7D/7{b}/{int}", (("7{b}", "12"),))


@STEADY
@given(st.text("/aZ09-{}=.%é", max_size=40))
def test_a_template_with_its_values_is_the_path_again(path: str) -> None:
    template, values = path_template(path)
    parts = [*map(str, template.split("/"))]
    left = [value for _, value in values]
    again = "/".join(_filled(part, left) for part in parts)
    assert again.replace("%7B", "{").replace("%7D", "}") == path.replace("%7B", "{").replace("%7D", "}")


def _filled(segment: str, values: list[str]) -> str:
    kinds = ("int", "uuid", "date", "hash", "hex", "base64")
    kind = next((kind for kind in kinds if segment.startswith(f"{{{kind}}}")), None)
    return segment if kind is None else values.pop(0) + segment.removeprefix(f"{{{kind}}}")
