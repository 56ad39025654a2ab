"""Promises about the container: what the linters say, how it is caged, and that its build and its command work."""

import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
import yaml

from tests.contract.image import CHECKOUT, HANG_SECONDS, TOOLS, Image, context, dockerfile
from tests.corpus import GUID, PATH, PING_BODY, PING_QUERY

Row = dict[str, Any]


def compose(*, product: bool = False) -> Row:
    """Read the compose file; with `product` its commented service is in force."""
    text = (CHECKOUT / "compose.yaml").read_text()
    loaded: Row = yaml.safe_load(re.sub(r"(?m)^#(?=  )", "", text) if product else text)
    return loaded


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    built = Image(tmp_path)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    said = subprocess.run(
        [TOOLS / "hadolint", "--disable-ignore-pragma", "--failure-threshold", "style", CHECKOUT / "Dockerfile"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},  # no configuration that could ignore anything
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_the_base_image_is_slim_pinned_to_a_minor_version_and_names_no_host() -> None:
    images = [stage[0].text.partition(" AS ")[0] for stage in dockerfile().values()]
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", images[0])
    assert set(images[1:]) == {"python"}, "the first stage, so that one line decides"


def test_the_image_runs_as_a_numbered_user_and_keeps_its_data_in_the_volume() -> None:
    stage = dockerfile()[""]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", stage.the("USER").text)
    assert [stage.the(name).text for name in ("WORKDIR", "EXPOSE")] == ["/data", "8080"]
    assert stage.the("VOLUME").command == ["/data", "/ca"]
    settings = {name: value for name, value in stage.environment().items() if name.startswith("TELEMOCK_")}
    assert settings == {
        "TELEMOCK_HOST": "0.0.0.0",
        "TELEMOCK_DB": "/data/telemetry.db",
        "TELEMOCK_CA_DIR": "/ca",
        "TELEMOCK_LOG_FORMAT": "json",
    }


def test_nothing_reaches_the_build_but_what_the_wheel_is_made_of() -> None:
    assert {path.parts[0] for path in context()} == {"LICENSE", "README.md", "pyproject.toml", "migrations", "telemock"}
    assert not [path for path in context() if path.suffix == ".pyc" or "__pycache__" in path.parts]


@pytest.mark.parametrize("product", [False, True], ids=["alone", "with the product"])
def test_the_compose_file_follows_its_specification(tmp_path: Path, product: bool) -> None:  # noqa: FBT001 - a parameter
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(compose(product=product)))
    said = subprocess.run(
        [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_compose_gives_telemock_no_more_rights_than_it_needs() -> None:
    composed = compose()
    assert list(composed["services"]) == ["telemock"]
    service = composed["services"]["telemock"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "user", "network_mode", "pid", "ipc", "devices"} & set(service)
    (temporary,) = service["tmpfs"]
    folder, _, options = temporary.partition(":")
    assert folder == "/tmp"
    assert {"noexec", "nosuid", "nodev"} < set(options.split(","))
    data, authority = dockerfile()[""].the("VOLUME").command
    assert service["volumes"] == [f"telemetry:{data}", f"authority:{authority}", f"trust:{authority}/public"]
    assert set(composed["volumes"]) == {"telemetry", "authority", "trust"}
    assert service["restart"] == "unless-stopped"


def test_compose_publishes_one_port_to_this_machine_through_a_network_that_leads_nowhere() -> None:
    composed = compose()
    service = composed["services"]["telemock"]
    assert service["ports"] == [f"127.0.0.1:8080:{dockerfile()[''].the('EXPOSE').text}"]
    assert service["networks"] == ["product", "publish"]
    assert composed["networks"] == {
        "product": {"internal": True},
        "publish": {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"}},
    }


def test_compose_asks_for_health_as_the_image_does() -> None:
    check = compose()["services"]["telemock"]["healthcheck"]
    step = dockerfile()[""].the("HEALTHCHECK")
    assert check["test"] == ["CMD", *step.command]
    assert {name.replace("_", "-"): str(value) for name, value in check.items() if name != "test"} == step.flags


def test_the_product_of_compose_reaches_telemock_and_nothing_else() -> None:
    services = compose(product=True)["services"]
    assert set(services) == {"telemock", "cribl"}
    product = services["cribl"]
    assert product["networks"] == ["product"]
    assert "ports" not in product
    trusted = product["environment"]["NODE_EXTRA_CA_CERTS"]
    assert product["volumes"] == [f"trust:{Path(trusted).parent}:ro"]
    assert Path(trusted).name == "telemock-ca-cert.pem"
    assert product["environment"]["https_proxy"] == product["environment"]["http_proxy"] == "http://telemock:8080"
    assert product["depends_on"] == {"telemock": {"condition": "service_healthy"}}


def test_the_image_serves_from_a_read_only_tree_as_its_user_and_ends_with_its_signal(image: Image) -> None:
    stage = dockerfile()[""]
    assert image.exit_code(["touch", "/opt/telemock/written"]) != 0
    # No other machine needs to reach the test, and its port must be free.
    with image.started(TELEMOCK_HOST="127.0.0.1", TELEMOCK_PORT="0") as process:
        assert process.stdout is not None
        starting, ready = (json.loads(process.stdout.readline()) for _ in range(2))
        assert ready["event"] == "ready"
        url = starting["url"]
        health = [word.replace("http://127.0.0.1:8080", url) for word in stage.the("HEALTHCHECK").command]
        assert url in health
        assert image.exit_code(health) == 0
        as_proxy = build_opener(ProxyHandler({"http": url}))
        with as_proxy.open(f"http://cdn.cribl.io{PATH}?{PING_QUERY}", timeout=HANG_SECONDS) as answer:
            assert answer.read() == PING_BODY
        process.send_signal(signal.Signals[stage.the("STOPSIGNAL").text])
        assert process.wait(HANG_SECONDS) == 0
    assert image.exit_code(health) == 1
    public = Path(image.inside("/ca/public"))
    assert "PRIVATE" not in "".join(path.read_text("latin-1") for path in public.iterdir())
    key = public.parent / "telemock-ca.pem"
    assert (public.parent.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o700, 0o600)
    with closing(sqlite3.connect(image.inside(stage.environment()["TELEMOCK_DB"]))) as connection:
        found = connection.execute("SELECT host, path, guid, via FROM exchanges").fetchall()
    assert found == [("cdn.cribl.io", PATH, GUID, "proxy")]
