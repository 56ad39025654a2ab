import struct
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.fields import read_body
from telemock.leaves import typed_leaves
from telemock.protobuf import MAX_DEPTH, read_frames, read_message
from tests.steady import STEADY

PROTOBUF = "application/x-protobuf"


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    octets = b""
    while number > 0x7F:
        octets += bytes([number & 0x7F | 0x80])
        number >>= 7
    return octets + bytes([number])


def field(number: int, value: float | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    octets = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(octets)) + octets


def pair(key: str, any_value: bytes) -> bytes:
    return field(1, key) + field(2, any_value)


def leaves(content: bytes) -> list[tuple[str, str]] | None:
    message = read_message(content)
    return None if message is None else [(path, text) for path, text, _ in typed_leaves(message, Counter())]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [("$", "{}")]),
        (field(1, "web01") + field(2, 7), [("$.1", "web01"), ("$.2", "7")]),
        (field(1, -1) + field(300, 2**63 - 1), [("$.1", "-1"), ("$.300", "9223372036854775807")]),
        (field(3, 0.5) + varint(4 << 3 | 5) + struct.pack("<f", 0.1), [("$.3", "0.5"), ("$.4", "0.1")]),
        (varint(7 << 3 | 1) + struct.pack("<Q", 1795820684119565000), [("$.7", "1795820684119565000")]),
        (varint(7 << 3 | 5) + struct.pack("<i", -3), [("$.7", "-3")]),
        (
            field(1, field(2, field(3, "deep"))) + field(1, field(2, field(3, "er"))),
            [("$.1.2.3", "deep"), ("$.1.2.3", "er")],
        ),
        (varint(5 << 3 | 3) + field(1, "in a group") + varint(5 << 3 | 4), [("$.5.1", "in a group")]),
        (field(6, bytes([5, 9, 0, 3])), [("$.6", "5"), ("$.6", "9"), ("$.6", "0"), ("$.6", "3")]),
        (field(6, struct.pack("<3Q", 1, 2, 30000)), [("$.6", "1"), ("$.6", "2"), ("$.6", "30000")]),
        (field(2, bytes(range(0xC8, 0xD8))), [("$.2", bytes(range(0xC8, 0xD8)).hex())]),
        (field(2, zlib.compress(b"x" * 40 + bytes(range(99)))), None),
        (field(1, "") + field(2, "two\nlines\tü"), [("$.1", ""), ("$.2", "two\nlines\tü")]),
        # A message of one string whose tag and length are printable, too: the string ends where it ends.
        (field(4, field(1, "j" * 40 + "@x.org") + field(5, "J")), [("$.4.1", "j" * 40 + "@x.org"), ("$.4.5", "J")]),
        (field(1, pair("host.name", field(1, "lab-7"))), [('$.1["host.name"]', "lab-7")]),
        (
            field(1, pair("n", field(3, 42)) + b"") + field(1, pair("b", field(2, 1))) + field(1, pair("none", b"")),
            [('$.1["n"]', "42"), ('$.1["b"]', "true"), ('$.1["none"]', "{}")],
        ),
        (
            field(1, pair("list", field(5, field(1, field(1, "a")) + field(1, field(3, 2))))),
            [('$.1["list"][]', "a"), ('$.1["list"][]', "2")],
        ),
        (field(1, pair("sub", field(6, field(1, pair("in", field(4, 1.5)))))), [('$.1["sub"]["in"]', "1.5")]),
        (field(1, pair("sub", field(6, field(1, "no pair")))), [('$.1["sub"].1', "no pair")]),
        # A name and a version are no pair.
        (field(1, field(1, "my.lib") + field(2, "1.0")), [("$.1.1", "my.lib"), ("$.1.2", "1.0")]),
        (
            field(1, pair("a", field(1, "b"))) + field(1, field(3, 1)),
            [("$.1.1", "a"), ("$.1.2.1", "b"), ("$.1.3", "1")],
        ),
    ],
)
def test_a_message_is_walked_by_the_numbers_of_its_fields(
    content: bytes, expected: list[tuple[str, str]] | None
) -> None:
    found = leaves(content)
    assert found is not None
    if expected is None:  # longer bytes stand as they are, for whoever looks what is packed in them
        assert [(path, zlib.decompress(text.encode(errors="surrogateescape"))[:4]) for path, text in found] == [
            ("$.2", b"xxxx")
        ]
    else:
        assert found == expected


@pytest.mark.parametrize(
    "content",
    [
        field(1, "cut")[:-1],
        b"\x08",
        b"\x08" + b"\xff" * 11,
        b"\x00\x01",
        varint(9 << 3 | 3) + field(1, 1),
        varint(9 << 3 | 4),
        varint(9 << 3 | 3) + varint(8 << 3 | 4),
        b"\x0f",
        varint(2**28 << 3) + b"\x01",
    ],
)
def test_what_does_not_end_with_its_last_field_is_no_message(content: bytes) -> None:
    assert read_message(content) is None


def test_deep_messages_and_groups_end_at_a_limit() -> None:
    deep = field(1, "x")
    for _ in range(3 * MAX_DEPTH):
        deep = field(1, deep)
    ((path, _),) = leaves(deep) or []
    assert path.count(".1") == MAX_DEPTH + 1
    assert read_message(varint(1 << 3 | 3) * 100_000) is None


def test_nested_pairs_cost_no_more_than_they_are_long() -> None:
    deep = field(1, "x")
    for _ in range(MAX_DEPTH // 2):
        deep = field(6, field(1, pair("k", deep)) + field(1, field(3, 1)))
    assert leaves(field(1, pair("k", deep))) is not None


def frame(message: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(message)) + message


def test_the_frames_of_grpc_are_messages() -> None:
    body = frame(field(1, "web01")) + frame(field(1, "web02")) + frame(b"grpc-status: 0\r\n", 0x80)
    for kind in ("application/grpc", "application/grpc+proto", "application/grpc-web+proto; x=y"):
        assert [leaf[:2] for leaf in read_body(body, kind).leaves] == [("$.1", "web01"), ("$.1", "web02")]
    for broken in (body[:-1], frame(field(1, "x")[:-1]), frame(field(1, "x"), 2), b"\0\0"):
        assert read_frames(broken) is None


@pytest.mark.parametrize(
    "kind",
    [PROTOBUF, "application/protobuf; proto=a.B", "Application/Vnd.Google.Protobuf", "application/octet-stream", ""],
)
def test_protobuf_is_known_by_its_type_or_by_its_bytes(kind: str) -> None:
    body = field(1, "web01") + field(2, 7)
    assert [leaf[:2] for leaf in read_body(body, kind).leaves] == [("$.1", "web01"), ("$.2", "7")]


def test_bytes_that_nobody_calls_protobuf_must_look_like_it() -> None:
    for body in (b"8080", b"\x08\x01", b"\x0a\x02hi", b"user=bob"):
        assert [name for name, _, _ in read_body(body, "").leaves] != ["$.1"]
    assert [name for name, _, _ in read_body(b"\x08\x01", PROTOBUF).leaves] == ["$.1"]
    assert [*read_body(b"no protobuf", PROTOBUF).leaves] == [("$", "no protobuf", "text")]


_MESSAGE = st.recursive(
    st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
    lambda inner: st.lists(st.tuples(st.integers(1, 20), inner | st.integers(0, 2**64 - 1)), max_size=5).map(
        lambda fields: b"".join(field(number, value) for number, value in fields)
    ),
    max_leaves=20,
)


@STEADY
@given(st.binary(max_size=400) | _MESSAGE)
def test_no_bytes_break_it(content: bytes) -> None:
    for kind in (PROTOBUF, "application/grpc", ""):
        assert read_body(content, kind).is_whole
