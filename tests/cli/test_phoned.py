from dataclasses import replace

from telemock.cli.phoned import UNSEEN, add_up
from telemock.fields import request_bytes
from tests.corpus import CONNECTION, PING_QUERY, ping


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
    size = request_bytes("GET", "/telemetry/index.html", PING_QUERY, headers, None)
    rare = request_bytes("POST", "/rare", PING_QUERY, headers, b"four")
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
        "  1x  2001:db8::1: none: It closed.",
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


def test_nobody_was_phoned() -> None:
    assert list(add_up([], []).lines("agent")) == ["agent phoned nobody.", UNSEEN]
    nothing: dict[str, object] = {"requests": 0, "hosts": 0, "bytes_up": 0, "asked": [], "connections": []}
    assert add_up([], []).as_json() == {**nothing, "unseen": UNSEEN}


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
    (_, line, _) = add_up([ping(path="/" + "a" * 5000)], []).lines("agent")
    assert len(line) < 200


def test_the_url_of_an_address_has_its_brackets() -> None:
    assert add_up([ping(host="::1", scheme="https", path="/")], []).as_json()["asked"][0]["url"] == "https://[::1]/"
