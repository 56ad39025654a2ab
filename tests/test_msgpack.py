import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.fields import read_body
from tests.steady import STEADY

KIND = "application/msgpack"


def test_messagepack_has_the_fields_that_json_would_have() -> None:
    told = {"host": "web01", "pid": 7, "up": 0.5, "ok": True, "no": None, "ids": [b"\x01\xff"], 3: {"in": {}}}
    body = msgspec.msgpack.encode([told, msgspec.msgpack.Ext(9, b"\x02\xff")])
    for kind in (KIND, "application/x-msgpack", "application/vnd.msgpack"):
        assert [*read_body(body, kind).leaves] == [
            ("$[].host", "web01", "string"),
            ("$[].pid", "7", "number"),
            ("$[].up", "0.5", "number"),
            ("$[].ok", "true", "word"),
            ("$[].no", "null", "word"),
            ("$[].ids[]", "01ff", "string"),
            ("$[].3.in", "{}", "text"),
            ("$[]", "02ff", "string"),
        ]


@pytest.mark.parametrize("body", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 100_000, b"\xa2\xff\xff"])
def test_what_is_no_messagepack_is_one_field(body: bytes) -> None:
    assert [name for name, _, _ in read_body(body, KIND).leaves] == ["$"]


@STEADY
@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    assert read_body(body, KIND).is_whole
