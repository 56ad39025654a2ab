"""These are the promises of what a request says of its sender: identity and problems, the answer unchanged."""

import json

import pytest

from tests.corpus import GUID
from tests.server.served import PING_BODY, PING_QUERY, PING_TARGET, Row, Served

EVENTS = "/telemetry/events"
NOBODY = (None, None, None, None, None)
WHOLE = ("4.16.1-20904e45", GUID, "prod", "s-1", "2026-02-05T07:58:11.000Z")


def identity(row: Row) -> tuple[str | None, ...]:
    return tuple(row[name] for name in ("version", "guid", "env", "session_id", "client_time"))


def test_the_real_ping_is_understood_whole(server: Served) -> None:
    assert server.ask("GET", PING_TARGET, host="cdn.cribl.io").body == PING_BODY
    exchange = server.exchange()
    params = json.loads(exchange["params"])
    assert (exchange["query"], exchange["problems"], len(params)) == (PING_QUERY, None, 47)
    assert (params["lic"], params["fs.r"]) == ("bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ==", "f")
    assert identity(exchange) == ("4.16.1-20904e45", GUID, "prod", None, "2026-02-05T08:02:00.000Z")


SAID = [
    ({"v": WHOLE[0], "guid": GUID, "env": "prod", "session_id": "s-1", "lt": "1770278291000"}, WHOLE),
    ({"version": WHOLE[0], "iid": GUID, "env": "prod", "session_id": "s-1", "timestamp": "1770278291000"}, WHOLE),
    ({"version": "1", "v": "2.0.0", "iid": "a", "guid": GUID}, ("2.0.0", GUID, None, None, None)),
    ({"timestamp": "2026-02-05T08:58:11+01:00", "lt": "0"}, (*NOBODY[:4], "2026-02-05T07:58:11.000Z")),
    ({"v": "", "guid": "", "version": "4.16.1"}, ("4.16.1", *NOBODY[1:])),
    ({"timestamp": "yesterday"}, NOBODY),
    ({"os": "ubuntu-24.04"}, NOBODY),
]


@pytest.mark.parametrize(("said", "who"), SAID)
@pytest.mark.parametrize("path", ["/telemetry/index.html", "/telemetry/config", "/telemetry/nothing"])
def test_a_query_says_who_speaks(server: Served, path: str, said: dict[str, str], who: tuple[str | None, ...]) -> None:
    query = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in said.items())
    for _ in range(2):
        server.ask("GET", f"{path}?{query}")
    assert [identity(row) for row in server.exchanges()] == [who, who]


@pytest.mark.parametrize(("said", "who"), SAID)
@pytest.mark.parametrize("form", ["{}", "[{}]", '[{{"os": 1}}, {}]', '{{"os": "a"}}\n{}\n'])
def test_events_say_who_speaks(server: Served, form: str, said: dict[str, str], who: tuple[str | None, ...]) -> None:
    assert server.ask("POST", EVENTS, body=form.format(json.dumps(said)).encode()).status == 200
    assert identity(server.exchange()) == who


def test_events_of_numbers_say_who_speaks_too(server: Served) -> None:
    body = json.dumps([{"v": 4, "session_id": 7}, {"timestamp": 1770278291000, "v": 5}]).encode()
    assert server.ask("POST", EVENTS, body=body).status == 200
    assert identity(server.exchange()) == ("4", None, None, "7", WHOLE[4])


def test_the_query_of_events_goes_before_their_bodies(server: Served) -> None:
    server.ask("POST", f"{EVENTS}?v=1.0.0&guid={GUID}", body=b'{"v": "2.0.0", "env": "test"}')
    assert identity(server.exchange()) == ("1.0.0", GUID, "test", None, None)


@pytest.mark.parametrize("value", [None, True, [], {}, ["4.16.1"]])
def test_what_is_no_text_in_an_event_says_nothing(server: Served, value: object) -> None:
    assert server.ask("POST", EVENTS, body=json.dumps({"v": value, "guid": value}).encode()).status == 200
    assert identity(server.exchange()) == NOBODY


MISFITS = [
    ("v", "four"),
    ("version", "four"),
    ("guid", "not-a-uuid"),
    ("iid", "12"),
    ("lic", "%"),
    ("mc", "-1"),
    ("fc.giv", "many"),
    ("pp.ie", "1.5"),
    ("lt", "soon"),
    ("et", "5"),
    ("fs.r", "perhaps"),
    ("env", ""),
]


@pytest.mark.parametrize(("name", "value"), MISFITS)
def test_a_value_that_does_not_fit_is_named_and_the_answer_stays_the_same(
    server: Served, name: str, value: str
) -> None:
    for _ in range(2):
        answer = server.ask("GET", f"/telemetry/index.html?dc=1&{name}={value.replace('%', '%25')}")
        assert (answer.status, answer.body) == (200, PING_BODY)
    for exchange in server.exchanges():
        (problem,) = json.loads(exchange["problems"])
        assert problem.startswith(f"{name}: ")
        assert problem.endswith(f"Got {value!r}.")
        assert json.loads(exchange["params"]) == {"dc": "1", name: value}


@pytest.mark.parametrize(("name", "value"), [*MISFITS, ("mc", [1]), ("v", {"a": 1}), ("guid", None)])
def test_an_events_value_that_does_not_fit_is_named_with_its_event(server: Served, name: str, value: object) -> None:
    answer = server.ask("POST", EVENTS, body=json.dumps([{"mc": 1}, {name: value, "own": {}}]).encode())
    assert answer.json() == {"status": "accepted", "count": 2}
    (problem,) = json.loads(server.exchange()["problems"])
    assert problem.startswith(f"event 2: {name}: ")


def test_unknown_names_and_other_hosts_have_no_problems(server: Served) -> None:
    server.ask("GET", "/telemetry/index.html?fc.new=x&constructor=1&__proto__=2")
    server.ask("GET", "/elsewhere?mc=-1&v=four")
    first, second = server.exchanges()
    assert (first["problems"], first["profile"]) == (None, "cribl")
    assert (second["problems"], second["profile"], identity(second)) == (None, None, NOBODY)


def test_a_flood_of_problems_is_cut(server: Served) -> None:
    body = json.dumps([{"mc": -1}] * 1000).encode()
    assert server.ask("POST", EVENTS, body=body).json()["count"] == 1000
    assert len(json.loads(server.exchange()["problems"])) == 100


def test_a_path_spelled_with_percents_is_the_products_as_well(server: Served) -> None:
    assert server.ask("GET", f"/%74elemetry/index.html?{PING_QUERY}").body == PING_BODY
    exchange = server.exchange()
    assert (exchange["profile"], exchange["guid"]) == ("cribl", GUID)
