from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.kinds import kind_of
from tests.corpus import PING_QUERY, STARTED

RECEIVED_S = STARTED.timestamp()

OF_THE_PING = {
    "v": "version",
    "kv": "version",
    "lic": "base64",
    "guid": "uuid",
    "et": "timestamp_ms",
    "lt": "timestamp_ms",
    "fs.r": "boolean",
} | dict.fromkeys(("env", "os", "licls", "p", "dm", "it"), "text")


def test_the_real_ping_is_told_field_by_field() -> None:
    pairs = parse_qsl(PING_QUERY)
    assert len(pairs) == 47
    told = {name: kind_of(value, name, RECEIVED_S) for name, value in pairs}
    assert told == {name: OF_THE_PING.get(name, "integer") for name, _ in pairs}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ip", "4.16.1.0", "ip"),
        ("version", "4.16.1.0", "version"),
        ("ua", "120.0.6099.109", "version"),
        ("x", "4.16", "float"),
        ("v", "4.16", "version"),
        ("et", "1770278520", "timestamp_s"),
        ("x", "1770278520", "timestamp_s"),
        ("x", "1770278520.25", "timestamp_s"),
        ("x", "9770278520.25", "float"),
        ("bytes_out", "1770278520", "integer"),
        ("user_id", "1770278520123", "integer"),
        ("bytes_out", "1234567890", "integer"),
        ("created_at", "1234567890", "timestamp_s"),
        ("bytes_out", "9999999999999", "integer"),
        ("id", "2026-02-05", "timestamp_iso"),
        ("id", "12:30:45", "text"),
        ("etag", "d41d8cd98f00b204e9800998ecf8427e", "hash"),
        ("commit", "20904e45", "hash"),
        ("x", "20904e45", "text"),
        ("build_date", "20260205", "timestamp_iso"),
        ("build_date", "20261305", "integer"),
        ("guid", "550e8400e29b41d4a716446655440000", "uuid"),
        ("php", "8.2", "version"),
        ("firmware", "1.0.0.12", "version"),
        ("package_version", "2:8.39-12", "version"),
        ("ios_version", "15.2(7)E3", "version"),
        ("go_version", "go1.21.5", "version"),
        ("oid", "1.3.6.1", "text"),
        ("x", "1.3.6.1.4.1.9", "text"),
        ("x", "05.02.2026", "text"),
        ("x", "555.123.4567", "text"),
        ("country", "NO", "text"),
        ("x", "NO", "boolean"),
        ("x", "NaN", "float"),
        ("x", "12e3", "float"),
        ("x", "logo@2x.png", "text"),
        ("x", "abc::def", "text"),
        ("x", "::", "ip"),
        ("x", "0.0.0.0:80", "ip"),
        ("x", "jdbc:postgresql://db.example/a", "url"),
        ("x", "[INFO] started [ok]", "text"),
        ("x", "{name}", "text"),
        ("x", " {}", "text"),
        ("x", "q83vEjRWeJCrze8SNFZ4kKvN7w==", "base64"),
        ("x", "q83vEjRWeJCrze8SNFZ4kKvN7x==", "text"),
        ("x", "/83vEjRWeJCrze8SNFZ4kKvN7w==", "base64"),
        ("x", "/usr/share/Doc1", "path"),
    ],
)
def test_name_and_time_decide_what_a_value_alone_does_not(name: str, value: str, expected: str) -> None:
    assert kind_of(value, name, RECEIVED_S) == expected


@given(st.text(), st.text(), st.none() | st.floats(0, 1e12))
def test_no_value_breaks_it(value: str, name: str, received_s: float | None) -> None:
    assert kind_of(value, name, received_s)


@pytest.mark.parametrize("start", ["1.", "a@", "/", "0x", "http://", "eyJ", "a-1.1.1", "::", "[", "-", "{", "sha256-"])
def test_no_pattern_runs_away(start: str) -> None:
    for filler in ("1", "a", ".", "1.", "a.", ":", "-", "=", "aA1", "{", "[1,"):
        for name in ("v", "oid", "commit", "x"):
            assert kind_of(start + filler * 4000, name, RECEIVED_S)
            assert kind_of((start + filler * 4000)[:4000] + "!", name, RECEIVED_S)
