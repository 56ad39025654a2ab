"""Cribl's profile knows the real ping: every field of it fits, and what does not fit is named and kept."""

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.profiles.cribl import CRIBL, PingSchema
from telemock.profiles.profile import Identity
from tests.corpus import GUID, PING_QUERY, VERSION
from tests.steady import STEADY


def test_the_real_ping_fits_and_says_who_speaks() -> None:
    for _ in range(2):
        reading = CRIBL.read_query(PING_QUERY)
        assert reading.problems == ()
        assert reading.identity == Identity(VERSION, GUID, "prod", None, "2026-02-05T08:02:00.000Z")
        params = json.loads(reading.params)
        assert len(params) == 47
        assert [*params.items()] == parse_qsl(PING_QUERY)
        assert params["lic"] == "bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ=="


def test_every_field_of_the_real_ping_is_declared() -> None:
    declared = {field.data_key or name for name, field in PingSchema().fields.items()}
    assert declared >= {name for name, _ in parse_qsl(PING_QUERY)}
    assert declared >= {"version", "iid", "session_id", "user_id", "timestamp"}


def test_the_ping_reads_the_same_through_the_schema_itself() -> None:
    loaded = PingSchema().load(dict(parse_qsl(PING_QUERY)))
    assert loaded["fc_giv"] == 9
    assert loaded["pp_ie"] == 0
    assert loaded["fs_r"] is False
    assert str(loaded["guid"]) == GUID


@pytest.mark.parametrize(
    ("host", "path", "owned"),
    [
        ("cdn.cribl.io", "/anything", True),
        ("127.0.0.1", "/telemetry/index.html", True),
        ("127.0.0.1", "/telemetry", False),
        ("cribl.io", "/", False),
    ],
)
def test_the_vendors_host_and_the_telemetry_paths_are_the_products(host: str, path: str, *, owned: bool) -> None:
    assert CRIBL.owns(host, path) is owned


COUNTERS = [
    *("fc.giv", "fc.h7h", "fc.EYq", "fc.qiD", "fc.uOA", "fc.rTA", "fc.GZs", "fc.ffg", "fc.nUz", "lk.max", "lk.csv"),
    *("pp", "pp.ie", "pp.ib", "pp.ce", "pp.cb", "pp.oe", "pp.ob", "mc", "ib", "ob", "ie", "oe", "im"),
    *("pc", "dc", "ic", "qc", "oc", "sc", "prc", "rc", "wpc", "tpp"),
]


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_is_a_whole_number_that_is_not_negative(name: str) -> None:
    assert CRIBL.read_query(f"{name}=0").problems == ()
    assert CRIBL.read_query(f"{name}=18446744073709551616").problems == ()
    for misfit in ("-1", "1.5", "many", "", "0x10"):
        (problem,) = CRIBL.read_query(f"{name}={misfit}").problems
        assert problem.startswith(f"{name}: ")
        assert problem.endswith(f" Got {misfit!r}.")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("guid=b117a3cd", "guid: Not a valid UUID. Got 'b117a3cd'."),
        ("iid=", "iid: Not a valid UUID. Got ''."),
        ("v=4.16", "v: Not a version such as 4.16.1-20904e45. Got '4.16'."),
        ("v=4.16.1-", "v: Not a version such as 4.16.1-20904e45. Got '4.16.1-'."),
        ("v=4.16.1%0A", "v: Not a version such as 4.16.1-20904e45. Got '4.16.1\\n'."),
        ("version=four", "version: Not a version such as 4.16.1. Got 'four'."),
        ("version=4.16%0A", "version: Not a version such as 4.16.1. Got '4.16\\n'."),
        ("lic=%25%25", "lic: Not base64 of text. Got '%%'."),
        ("lic=abc", "lic: Not base64 of text. Got 'abc'."),
        ("lic=%2F%2F8%3D", "lic: Not base64 of text. Got '//8='."),
        ("lic=ä", "lic: Not base64 of text. Got 'ä'."),
        ("et=yesterday", "et: Not a time in epoch milliseconds. Got 'yesterday'."),
        ("lt=1770278520", "lt: Not a time in epoch milliseconds. Got '1770278520'."),
        ("timestamp=", "timestamp: Not a time in epoch milliseconds. Got ''."),
        ("fs.r=maybe", "fs.r: Not a valid boolean. Got 'maybe'."),
        ("env=", "env: Shorter than minimum length 1. Got ''."),
        ("licls=", "licls: Shorter than minimum length 1. Got ''."),
        ("session_id", "session_id: Shorter than minimum length 1. Got ''."),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_kept(query: str, problem: str) -> None:
    reading = CRIBL.read_query(query)
    assert reading == CRIBL.read_query(query)
    assert reading.problems == (problem,)
    assert [*json.loads(reading.params).items()] == parse_qsl(query, keep_blank_values=True)


@pytest.mark.parametrize(
    "query",
    [
        "guid=B117A3CD-37E2-43A8-BB5B-A5D5EB5A5FEC",
        "v=4.16.1",
        "v=4.16.1-20904e45",
        "version=4",
        "version=4.16.1-rc.1",
        "lic=aGk%3D",
        "et=946684800000",
        "timestamp=2026-02-05T07%3A58%3A11Z",
        "fs.r=t&env=prod",
        "fs.r=true",
        "fs.r=0",
        "os=Windows+11",
        "fc.NEW=anything&fc.other=&x=-1",
    ],
)
def test_a_value_that_fits_and_a_name_that_is_not_known_are_no_problem(query: str) -> None:
    reading = CRIBL.read_query(query)
    assert reading.problems == ()
    assert [*json.loads(reading.params).items()] == parse_qsl(query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("query", "identity"),
    [
        ("version=4.17.0&iid=i&lt=1770278520000", Identity("4.17.0", "i", client_time="2026-02-05T08:02:00.000Z")),
        ("v=4.16.1&version=4.17.0&guid=g&iid=i", Identity("4.16.1", "g")),
        ("lt=1770278520000&timestamp=1770278291000", Identity(client_time="2026-02-05T07:58:11.000Z")),
        ("et=1770278520000", Identity()),
        ("session_id=s&user_id=u&env=lab", Identity(env="lab", session_id="s")),
    ],
)
def test_both_spellings_of_each_identity_are_known(query: str, identity: Identity) -> None:
    assert CRIBL.read_query(query).identity == identity


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"pc": 9, "v": "4.16.1", "fs.r": False, "et": 1770278291000, "et_": None}, ""),
        ({"timestamp": "2026-02-05T07:58:11.000Z"}, ""),
        ({"pc": True}, "event 1: pc: Not a valid integer. Got True."),
        ({"pc": 9.0}, ""),
        ({"pc": 1.5}, "event 1: pc: Not a valid integer. Got 1.5."),
        ({"pc": 1e999}, "event 1: pc: Not a valid integer. Got inf."),
        ({"pc": None}, "event 1: pc: Field may not be null. Got None."),
        ({"v": 4}, "event 1: v: Not a valid string. Got 4."),
        ({"guid": 5}, "event 1: guid: Not a valid UUID. Got 5."),
        ({"fs.r": []}, "event 1: fs.r: Not a valid boolean. Got []."),
        ({"lic": {}}, "event 1: lic: Not a valid string. Got {}."),
        ({"lt": [1]}, "event 1: lt: Not a time in epoch milliseconds. Got [1]."),
    ],
)
def test_the_fields_of_an_event_are_values_of_json(value: dict[str, object], problem: str) -> None:
    assert "".join(CRIBL.read_events([value], CRIBL.read_query("")).problems) == problem


@STEADY
@given(st.sampled_from([*PingSchema().fields]), st.text())
def test_no_text_of_any_field_fails_the_reading(attribute: str, text: str) -> None:
    name = PingSchema().fields[attribute].data_key or attribute
    reading = CRIBL.read_events([{name: text}], CRIBL.read_query(""))
    assert all(problem.startswith(f"event 1: {name}: ") for problem in reading.problems)
