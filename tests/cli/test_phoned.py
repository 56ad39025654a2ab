import gzip
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from telemock.analysis.findings import Finding, Place
from telemock.cli.phoned import UNSEEN, PhonedHome, add_up
from telemock.exchange import Exchange
from telemock.fields import request_bytes
from tests.corpus import CONNECTION, PING_QUERY, moment, ping

GZIP = '[["Content-Encoding", "gzip"]]'
EMAIL = Finding(Place("GET", "http", "a.test", "/", "query", "wh\no"), (), "email", "high", example="jo*\x1b", count=1)
SHOWN = r"email jo*\x1b (query wh\no to a.test)"


def test_requests_that_are_alike_are_added_up_the_most_frequent_first() -> None:
    phoned = add_up(
        [
            ping(host="a.test", path="/rare", method="POST", status=204, request_body=b"four"),
            ping(),
            ping(status=503),
            ping(),
        ],
        [],
    )
    headers = ping().request_headers
    size = request_bytes("GET", "/telemetry/index.html", PING_QUERY, headers, None, trailers=None)
    rare = request_bytes("POST", "/rare", PING_QUERY, headers, b"four", trailers=None)
    assert list(phoned.lines("agent")) == [
        f"agent sent 4 requests to 2 hosts, {3 * size + rare} bytes.",
        f"  3x  {3 * size} bytes  GET http://cdn.cribl.io/telemetry/index.html (200, 503)",
        f"  1x  {rare:>4} bytes  POST http://a.test/rare (204)",
        UNSEEN,
    ]
    assert phoned.as_json()["asked"][0] == {
        "method": "GET",
        "url": "http://cdn.cribl.io/telemetry/index.html",
        "count": 3,
        "sent": 3,
        "bytes_up": 3 * size,
        "statuses": {"200": 2, "503": 1},
    }


def test_what_happened_below_http_is_told_by_kind() -> None:
    refused = replace(CONNECTION, kind="tls_refused", host="2001:db8::1", detail="none: It closed.")
    blocked = replace(CONNECTION, kind="blocked", host="b.test", port=443, detail="Not here.")
    upstream = replace(CONNECTION, kind="upstream", host="u.test", detail="GET was answered 200.")
    phoned = add_up([], [CONNECTION, blocked, refused, upstream, blocked])
    assert list(phoned.lines("agent")) == [
        "agent sent no request that could be read.",
        "No TLS came about with:",
        "  1x  [2001:db8::1]: none: It closed.",
        "Not let through to:",
        "  2x  b.test:443: Not here.",
        "Not HTTP:",
        "  1x  It began with b'\\x00'",
        UNSEEN,
    ]
    assert [each["kind"] for each in phoned.as_json()["connections"]] == [
        "blocked",
        "malformed",
        "tls_refused",
        "upstream",
    ]


def test_a_tunnel_that_ended_here_without_a_request_is_not_told_as_let_through() -> None:
    passed = replace(CONNECTION, kind="tunnel", host="a.test", port=443, detail="")
    unasked = replace(passed, host="b.test", detail="Nothing was asked in the tunnel before it ended.")
    unsaid = replace(passed, host="c.test", detail="Nothing was said in the tunnel before it ended.")
    assert list(add_up([], [unasked, passed, unsaid]).lines("agent"))[1:-1] == [
        "Let through, unseen, to:",
        "  1x  a.test:443: ",
        "Tunnels in which nothing was asked, to:",
        "  1x  b.test:443: Nothing was asked in the tunnel before it ended.",
        "  1x  c.test:443: Nothing was said in the tunnel before it ended.",
    ]


def test_nobody_was_phoned() -> None:
    assert list(add_up([], []).lines("agent")) == ["agent phoned nobody.", UNSEEN]
    nothing: dict[str, object] = {"requests": 0, "sent": 0, "hosts": 0, "bytes_up": 0, "asked": [], "connections": []}
    assert add_up([], []).as_json() == {**nothing, "sensitive": [], "unseen": UNSEEN}


def test_nothing_that_a_terminal_would_obey_gets_through() -> None:
    evil = "\x1b]0;owned\x07\u202e\n\udcff"
    asked = ping(method=evil, host=evil, path="/" + evil)
    met = replace(CONNECTION, kind="blocked", host=evil, detail=evil)
    lines = list(add_up([asked], [met]).lines(evil))
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 5
    assert "\\x1b]0;owned\\x07\\u202e\\n\\xff" in lines[1]


def test_no_screen_is_filled_and_no_line_is_endless() -> None:
    lines = list(add_up([ping(path=f"/{number}") for number in range(30)], []).lines("agent"))
    assert len(lines) == 1 + 25 + 1 + 1
    assert lines[-2] == "  … and 5 more"
    (_, *lines, _) = add_up([ping(path="/" + "a" * 5000 + end) for end in ("one", "other")], []).lines("agent")
    assert [len(line) < 400 for line in lines] == [True, True]
    assert ["one (200)" in lines[0], "other (200)" in lines[1]] == [True, True]


def test_the_url_of_an_address_has_its_brackets() -> None:
    assert add_up([ping(host="::1", scheme="https", path="/")], []).as_json()["asked"][0]["url"] == "https://[::1]/"


def test_what_a_client_sent_again_is_one_request_and_all_its_bytes_are_told() -> None:
    gone = [post(0, "{}", 503), post(1, "{}", 503), post(3, "[]"), post(7, "{}")]
    phoned = add_up(gone, [])
    (asked,) = phoned.asked
    assert (asked.count, asked.sent, asked.statuses) == (2, 4, {503: 2, 200: 2})
    first, second, *_ = phoned.lines("agent")
    assert first == f"agent sent 2 requests to 1 host, and again 2 times, {asked.bytes_up} bytes."
    assert second == f"  2x  {asked.bytes_up} bytes  POST http://a.test/v1 (200, 503), sent 4 times"
    assert (phoned.as_json()["requests"], phoned.as_json()["sent"]) == (2, 4)


def post(second: float, body: str, status: int = 200, **changes: Any) -> Exchange:
    return ping(
        received_at=moment(second),
        method="POST",
        host="a.test",
        path="/v1",
        query="",
        status=status,
        request_body=body.encode(),
        **changes,
    )


HEARTBEAT = (
    '{"install_id": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5aa", "id": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5ab", "up": 1,'
    ' "started_at": "2026-02-05T10:55:50Z", "started": 1770288950, "license_until": 1770288999, "built": 1600000000}'
)
MADE = '{"name": "opened", "time": "2026-02-05T10:55:57.9Z"}'
FORM = "data=" + b64encode(b'{"event": "opened", "properties": {"time": 1770288950123, "n": 1}}').decode()
BATCH = '{"batch": [{"uuid": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5aa", "n": 1}], "sentAt": "%s"}'
EVENT = '{"messageId": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5aa", "attempt": %d}'


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        # After a failure, what is the same is a retry; when it comes late, it comes by itself.
        (post(0, "a=1", 503), post(59, "a=1"), 1),
        (post(0, "a=1", 503), post(61, "a=1"), 2),
        (post(0, "a=1", 503), post(1, "a=2"), 2),
        (post(0, "", 503), post(1, ""), 1),
        (post(0, "a=1", 503), replace(post(1, "a=1"), path="/v2"), 2),
        (post(0, "a=1", 503), replace(post(1, "a=1"), query="b"), 2),
        (post(0, "a=1", 503), replace(post(1, "a=1"), method="PUT"), 2),
        (post(0, "a=1", 503), replace(post(1, "a=1"), guid="another"), 2),
        (post(0, "a=1", 503), replace(post(1, "a=1"), guid=None, client="::2"), 2),
        (post(0, "a=1", 503), replace(post(1, "a=1"), request_truncated=True), 2),
        # What no client tries again after, and what it does, or where it gave up.
        *((post(0, "a=1", status), post(1, "a=1"), 2) for status in (200, 204, 301, 400, 401, 404, 410, 413)),
        *((post(0, "a=1", status), post(1, "a=1"), 1) for status in (408, 425, 429, 499, 500, 502, 504)),
        (post(0, "", 404), post(1, "", 404), 2),
        (post(0, "a=1", latency_ms=5000.0), post(4, "a=1"), 1),
        (post(4, "a=1"), post(0, "a=1", latency_ms=5000.0), 1),
        (post(0, "a=1", latency_ms=5000.0), post(6, "a=1"), 2),
        (post(0, "a=1", latency_ms=900.0), post(0.5, "a=1"), 2),
        # What was answered, and has nothing that only this event has, is a heartbeat.
        (post(0, HEARTBEAT), post(1, HEARTBEAT), 2),
        (post(0, MADE), post(1, MADE), 1),
        (post(0, MADE, 404), post(3599, MADE), 1),
        (post(0, MADE), post(3601, MADE), 2),
        (post(0, FORM), post(1, FORM), 1),
        (post(0, "t=1770288950&b=1"), post(1, "t=1770288950&b=1"), 1),
        # Another time of sending, another attempt, and another packing, are no other events.
        (post(0, BATCH % "2026-02-05T10:55:58Z"), post(1, BATCH % "2026-02-05T10:55:59Z"), 1),
        (post(0, BATCH % "x"), post(1, BATCH.replace("1", "2") % "x"), 2),
        (post(0, EVENT % 1), post(1, EVENT % 2), 1),
        (post(0, EVENT % 1), post(1, EVENT.replace("4fd2", "4fd3") % 1), 2),
        (post(0, "a=1", 503), replace(post(1, ""), request_headers=GZIP, request_body=gzip.compress(b"a=1")), 1),
    ],
)
def test_what_is_the_same_was_sent_again_where_something_says_so(first: Exchange, second: Exchange, count: int) -> None:
    assert sum(asked.count for asked in add_up([first, second], []).asked) == count


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([], None),
        (None, "So many requests were not looked through for what is sensitive; telemock analyze does that."),
        ([EMAIL], "Sensitive: email jo*\\x1b (query wh\\no to a.test); telemock analyze tells all."),
        ([EMAIL] * 5, f"Sensitive: {', '.join([SHOWN] * 3)}, and 2 more; telemock analyze tells all."),
    ],
)
def test_what_is_sensitive_is_told_masked_in_one_line(findings: list[Finding] | None, line: str | None) -> None:
    phoned = PhonedHome(0, [], [], findings)
    assert list(phoned.lines("agent"))[1:-1] == ([] if line is None else [line])
    if findings:
        assert phoned.as_json()["sensitive"][0]["name"] == "wh\no"
