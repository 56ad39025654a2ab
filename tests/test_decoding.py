import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.decoding import MAX_DEPTH, MAX_PARTS, Budget, layers
from tests.corpus import PING_QUERY


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def as_sent(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def innermost(value: str) -> list[tuple[str, str]]:
    return [(" → ".join(layer.chain), layer.text) for layer in layers(value) if layer.innermost]


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ==", [("base64", "license-free-4.16.1-20904e45")]),
        ("d2hlcmUgaXMgaXQ_", [("base64", "where is it?")]),
        (b"web01.example.com".hex(), [("hex", "web01.example.com")]),
        (b"web01.example.com".hex().upper(), [("hex", "web01.example.com")]),
        ("alice%40example.com", [("percent", "alice@example.com")]),
        (b64(gzip.compress(b"from web01", mtime=0)), [("base64 → gzip", "from web01")]),
        (gzip.compress(b"from web01", mtime=0).hex(), [("hex → gzip", "from web01")]),
        (b64(zlib.compress(b"from web01")), [("base64 → deflate", "from web01")]),
        (b64(zlib.compress(b'{"h":"web01"}')[2:-4]), [("base64 → deflate → json → $.h", "web01")]),
        (as_sent(gzip.compress(b'{"h":"web01"}', mtime=0)), [("gzip → json → $.h", "web01")]),
        *((as_sent(zlib.compress(b"from web01", level)), [("deflate", "from web01")]) for level in (0, 1, 2, 6, 9)),
        (quote(b64("user=bob&x=1")), [("base64 → query → user", "bob"), ("base64 → query → x", "1")]),
        ("https://a.example/c?u=bob%40x.org#top", [("query → u", "bob@x.org")]),
        ("next=https%3A%2F%2Fa.example&n=1", [("query → next", "https://a.example"), ("query → n", "1")]),
        ('{"a":{"b":[{"c":"x"},{"c":2.5}]}}', [("json → $.a.b[].c", "x"), ("json → $.a.b[].c", "2.5")]),
        (json.dumps(json.dumps({"k": True})), [("json → $ → json → $.k", "true")]),
        (JWT, [("jwt header → json → $.alg", "HS256"), ("jwt payload → json → $.sub", "alice")]),
        (
            b64(json.dumps([['"""', "[[[[{{{{'"] * 3])),
            [("base64 → json → $[][]", text) for text in ['"""', "[[[[{{{{'"] * 3],
        ),
        (b64('{"id":"' + b64("hello world") + '"}'), [("base64 → json → $.id → base64", "hello world")]),
    ],
)
def test_a_value_is_unwrapped_as_deep_as_it_goes(value: str, expected: list[tuple[str, str]]) -> None:
    assert innermost(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "production",
        "Password",
        "ubuntu-24.04",
        "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec",
        "d41d8cd98f00b204e9800998ecf8427e",
        "1770278520000",
        "3132333435363738393031323334",
        "100%",
        "50%zz",
        "%ff%fe",
        "a=b",
        "{not json}",
        '{"a":',
        "[1,2",
        "eyJhbGciOiJIUzI1NiJ9.not.json",
        b64(gzip.compress(b"cut short by somebody", mtime=0)[:-9]),
        b64(zlib.compress(b"cut short by somebody")[:-3]),
        b64(zlib.compress(b"webby")[2:-4]),
        "x^2 + y^2",
        "x\x01\ud800 of no bytes",
        b64(b"\x00\x01\x02\x03\x04\x05\x06\x07\x08"),
        b64("a\x1b[31mred text"),
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_what_is_not_coded_is_left_alone(value: str) -> None:
    assert list(layers(value)) == []


def test_every_step_on_the_way_is_given_before_what_is_in_it() -> None:
    steps = [(layer.chain, layer.innermost) for layer in layers(b64('{"a":"x"}'))]
    assert steps == [(("base64",), False), (("base64", "json", "$.a"), True)]


def test_bombs_end_at_a_limit() -> None:
    for pack in (gzip.compress, zlib.compress):
        packed = pack(b"a" * 10**8)
        assert list(layers(b64(packed))) == list(layers(as_sent(packed))) == []
    deep = "hello world"
    for _ in range(3 * MAX_DEPTH):
        deep = b64(deep)
    assert len(list(layers(deep))) == MAX_DEPTH
    assert len(list(layers(json.dumps(["x"] * 10 * MAX_PARTS)))) == MAX_PARTS
    many = "&".join(f"a{number}=x" for number in range(10 * MAX_PARTS))
    assert len(list(layers(many))) == MAX_PARTS
    nested = json.dumps([json.dumps(["y" * 1000] * 300)] * 3)
    assert 2**19 < sum(len(layer.text) for layer in layers(nested)) <= 2**20
    assert list(layers("%41" * 2**20)) == []


@pytest.mark.parametrize(
    ("value", "is_spent"),
    [
        (json.dumps(["x"] * MAX_PARTS), False),
        (json.dumps(["x"] * (MAX_PARTS + 1)), True),
        ("&".join(["a=x"] * (MAX_PARTS + 1)), True),
        (json.dumps([json.dumps(["x"] * 6000)] * 2), True),
        (b64(gzip.compress(b"a" * 2**19)), False),
        (b64(gzip.compress(b"a" * (2**20 + 1))), True),
        (b64("a" * 2**20), True),
        ("a long text " * 2**17, False),
        (PING_QUERY, False),
    ],
)
def test_more_than_comes_out_is_noted(value: str, is_spent: bool) -> None:  # noqa: FBT001 - a table's cell
    budget = Budget()
    for _ in layers(value, budget):
        pass
    assert budget.is_spent == is_spent


def test_too_deep_is_noted() -> None:
    deep = "hello world"
    for depth in range(1, MAX_DEPTH + 2):
        deep = b64(deep)
        budget = Budget()
        assert len([*layers(deep, budget)]) == min(depth, MAX_DEPTH)
        assert budget.is_spent == (depth > MAX_DEPTH)


def test_nothing_of_the_real_ping_is_unwrapped_but_the_licence() -> None:
    unwrapped = {pair.partition("=")[0]: [*layers(pair.partition("=")[2])] for pair in PING_QUERY.split("&")}
    assert [name for name, found in unwrapped.items() if found] == ["lic"]


@given(st.text(alphabet=st.characters(categories=["L", "N"], max_codepoint=0x7F), min_size=12))
def test_what_was_coded_comes_out(text: str) -> None:
    coded = b64(text)
    if not coded.isdigit():
        assert ("base64", text) in {(" → ".join(layer.chain), layer.text) for layer in layers(coded)} or coded.isalpha()


@given(st.text() | st.binary().map(b64) | st.binary().map(bytes.hex))
def test_no_value_breaks_it(value: str) -> None:
    assert len(list(layers(value))) <= MAX_PARTS


def test_that_there_are_more_lines_than_are_looked_at_is_told() -> None:
    budget = Budget()
    assert [*layers("{}\n" * (MAX_PARTS + 1) + '{"a": "b"}\n', budget)] == []
    assert budget.is_spent
