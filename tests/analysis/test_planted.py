import base64
import gzip
import hashlib
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.findings import Findings, Place
from telemock.analysis.planted import Needles, Planted
from telemock.errors import InvalidSetting

HOST = "Build-Host07"
MAC = "0A:1B:2c:3d:4e:5f"
PLACE = Place("GET", "http", "vendor.example", "/", "query", "x")


def forms(value: str, text: str) -> set[str]:
    return {trace.form for trace in Needles([Planted("it", value)]).find(text)}


def is_found(value: str, text: str) -> bool:
    """Tell whether it is found in the text, or in what is wrapped in it."""
    return bool(Findings(Needles([Planted("it", value)])).look(PLACE, text))


@pytest.mark.parametrize("spelling", [HOST, HOST.lower(), HOST.upper()])
@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("plain", str),
        ("hex", lambda text: text.encode().hex()),
        ("hex", lambda text: text.encode().hex().upper()),
        ("hex of UTF-16", lambda text: text.encode("utf-16-le").hex()),
        ("percent", lambda text: "".join(f"%{octet:02X}" for octet in text.encode())),
        ("base32", lambda text: base64.b32encode(text.encode()).decode()),
        ("reversed", lambda text: text[::-1]),
        ("escapes", lambda text: "".join(f"\\u{ord(each):04x}" for each in text)),
        ("character references", lambda text: "".join(f"&#{ord(each)};" for each in text)),
        ("base64", lambda text: base64.b64encode(text.encode()).decode()),
        ("base64", lambda text: base64.b64encode(b"\0" + text.encode() + b"\xff").decode()),
        ("base64", lambda text: base64.urlsafe_b64encode(b"\0\0" + text.encode() + b"\xff").decode()),
        ("base64 of UTF-16", lambda text: base64.b64encode(text.encode("utf-16-le")).decode()),
        ("md5 as hex", lambda text: hashlib.md5(text.encode()).hexdigest()),
        ("sha1 as hex", lambda text: hashlib.sha1(text.encode()).hexdigest().upper()),
        ("sha256 as hex", lambda text: hashlib.sha256(text.encode()).hexdigest()[:12]),
        ("sha256 as hex", lambda text: hashlib.sha256(f"{text}\n".encode()).hexdigest()),
        ("sha1 as base64", lambda text: base64.b64encode(hashlib.sha1(text.encode()).digest())[:12].decode()),
        ("sha256 as base64", lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()),
    ],
)
def test_a_planted_value_is_found_in_any_coding_and_as_its_hash(form: str, code: object, spelling: str) -> None:
    assert callable(code)
    assert form in forms(HOST, f"a={code(spelling)}.")
    assert not forms(HOST, f"a={code('Other-Host99')}.")


def test_an_interface_is_found_whatever_separates_its_octets() -> None:
    for text in ("0a1b2c3d4e5f", "0a-1b-2c-3d-4e-5f", hashlib.sha256(b"0A1B2C3D4E5F").hexdigest()):
        assert forms(MAC, text), text


def test_short_values_must_stand_alone() -> None:
    assert forms("bob", "user-bob, 7") == {"plain"}
    assert not forms("bob", "bobby")
    assert forms("vm", "VM") == {"plain"}
    assert not forms("vm", "a vm b"), "two letters are a word in any text"
    assert forms("vm", hashlib.md5(b"vm").hexdigest()) == {"md5 as hex"}
    assert is_found("bob", base64.b64encode(b'{"user":"bob"}').decode())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", "IBM MQ 9.2"),
        ("a", "M"),
        ("id", "mount type NFS"),
        ("ab", "part mfr code"),
        ("jo", "page 6a6f of"),
        ("12", "21"),
        ("abc", "1616263200"),
        ("dev", "fc646576-0000-4000-8000-000000000000"),
    ],
)
def test_what_codings_make_of_short_values_is_not_found_by_chance(value: str, text: str) -> None:
    assert not forms(value, text)


def test_short_values_are_found_coded_where_nothing_goes_on_beside_them() -> None:
    assert forms("a", "YQ==") == {"base64"}
    assert forms("dev", "x=646576;") == {"hex"}
    assert forms("dev", "(ZGV2)") == {"base64"}
    assert forms("abc", r"hi \u0020\u0061\u0062\u0063\u0020 end") == {"escapes"}
    assert forms("abc", "100% of %20%61%62%63%20 end") == {"percent"}
    assert forms("abc", "&#32;&#97;&#98;&#99;&#32;") == {"character references"}
    assert forms("web01", "0x7765623031") == {"hex"}


def test_a_number_is_found_among_numbers() -> None:
    needles = Needles([Planted("pin", "4711234")])
    assert [trace.form for trace in needles.find("14711234", is_number=True)] == ["plain"]
    assert needles.has_digits
    assert not Needles([Planted("it", HOST)]).has_digits


def test_an_empty_value_is_refused() -> None:
    for value in ("", " \n"):
        with pytest.raises(InvalidSetting, match="is empty"):
            Needles([Planted("it", value)])


WRAPPINGS = st.sampled_from(
    (
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: text.encode().hex(),
        lambda text: quote(text, safe=""),
        lambda text: json.dumps({"inner": [text]}),
        lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
        lambda text: f"https://vendor.example/?a=1&b={quote(text, safe='')}",
    )
)


@given(st.lists(WRAPPINGS, max_size=4), st.sampled_from((HOST, hashlib.sha256(HOST.lower().encode()).hexdigest())))
def test_a_planted_value_is_found_however_deep_it_is_wrapped(wrappings: list[object], text: str) -> None:
    for wrap in wrappings:
        assert callable(wrap)
        text = wrap(text)
    assert is_found(HOST, text)


@given(st.text(min_size=1), st.text())
def test_no_text_breaks_it_and_what_is_there_is_found(value: str, around: str) -> None:
    if value.strip():
        assert forms(value, value.strip())
        assert isinstance(forms(value, html.escape(around)), set)
