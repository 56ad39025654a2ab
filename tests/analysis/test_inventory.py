from typing import Any

import pytest

from telemock.analysis.endpoint import MAX_FIELDS, Endpoint, Seen
from telemock.analysis.inventory import MAX_ENDPOINTS, MAX_INSTANCES, take_inventory
from telemock.exchange import compact_json
from telemock.fields import request_bytes
from telemock.leaves import MOST_LEAVES
from tests.corpus import GUID, PING_QUERY, moment

HEADERS = compact_json([["Host", "cdn.cribl.io"]])


def seen(number: int = 0, **changes: Any) -> Seen:
    made = Seen(
        method="GET",
        scheme="https",
        host="cdn.cribl.io",
        port=None,
        path="/telemetry/index.html",
        query=PING_QUERY,
        request_headers=HEADERS,
        body=None,
        is_whole=True,
        request_bytes=0,
        received_at=moment(number),
        status=200,
        latency_ms=0.5,
        instance=GUID,
        response_bytes=29,
    )._replace(**changes)
    size = request_bytes(
        made.method, made.path, made.query, made.request_headers, made.body, trailers=made.request_trailers
    )
    return made._replace(request_bytes=size)


def only(*exchanges: Seen) -> Endpoint:
    (endpoint,) = take_inventory(exchanges).endpoints.values()
    return endpoint


def names(endpoint: Endpoint, source: str) -> dict[str, list[str]]:
    return {field.name: field.examples() for field in endpoint.all_fields() if field.source == source}


def test_an_endpoint_is_counted_timed_and_weighed() -> None:
    endpoint = only(*(seen(number, latency_ms=number, status=200 + number % 2) for number in range(1, 1001)))
    assert (endpoint.count, endpoint.instances, endpoint.statuses) == (1000, 1, {200: 500, 201: 500})
    assert endpoint.bytes_down == 29_000
    written = f"GET /telemetry/index.html?{PING_QUERY} HTTP/1.1\r\nHost: cdn.cribl.io\r\n\r\n"
    assert endpoint.bytes_up == 1000 * len(written)
    assert endpoint.latency.at(0.5, 0.95, 0.99) == pytest.approx([500, 950, 990], abs=10)
    assert (endpoint.first_seen, endpoint.last_seen) == (moment(1), moment(1000))


def test_the_real_ping_has_its_47_fields() -> None:
    endpoint = only(seen(1), seen(2))
    query = names(endpoint, "query")
    assert len(query) == 48
    assert query.pop("lic → base64") == ["license-free-4.16.1-20904e45"], "what is inside of one is a field, too"
    assert query["fc.EYq"] == ["15"]
    assert {field.behaviour for field in endpoint.all_fields()} == {"constant"}
    assert {field.exchanges for field in endpoint.all_fields()} == {2}


def test_methods_schemes_hosts_and_paths_are_endpoints_of_their_own() -> None:
    others = [seen(method="POST"), seen(scheme="http"), seen(host="b.example"), seen(path="/")]
    assert [each.count for each in take_inventory([seen(), *others, seen()]).endpoints.values()] == [2, 1, 1, 1, 1]


def test_fields_of_a_body_are_told_by_their_paths() -> None:
    assert names(only(seen(body=b'{"a":{"b":[1,2]}}')), "body") == {"$.a.b[]": ["1", "2"]}
    assert names(only(seen(body=b"\xff\x00")), "body") == {"$": ["\udcff\x00"]}


def test_a_body_of_more_values_than_are_looked_at_is_said_to_be_looked_at_in_part() -> None:
    lines = b'{"a":1}\n' * (MOST_LEAVES + 1)
    whole, part = only(seen(body=lines[: 8 * MOST_LEAVES])), only(seen(body=lines), seen(body=lines, is_whole=False))
    assert (whole.bodies_in_part, part.bodies_in_part) == (0, 2)
    assert part.fields["body"]["$.a"].count == 2 * MOST_LEAVES


def test_header_names_have_no_case_and_cookies_names_of_their_own() -> None:
    headers = compact_json([["HOST", "a"], ["Cookie", "sid=1; theme=dark"], ["X", "1"], ["x", "2"]])
    endpoint = only(seen(request_headers=headers), seen(request_headers="not JSON"))
    assert names(endpoint, "header") == {"host": ["a"], "x": ["1", "2"]}
    assert names(endpoint, "cookie") == {"sid": ["1"], "theme": ["dark"]}
    assert endpoint.fields["header"]["x"].exchanges == 1


def test_trailers_are_no_headers_and_no_cookies() -> None:
    headers, trailers = compact_json([["Host", "a"], ["X", "1"]]), compact_json([["X", "2"], ["Cookie", "sid=1"]])
    endpoint = only(seen(request_headers=headers, request_trailers=trailers), seen(request_headers=headers))
    assert names(endpoint, "header") == {"host": ["a"], "x": ["1"]}
    assert names(endpoint, "trailer") == {"x": ["2"], "cookie": ["sid=1"]}
    assert names(endpoint, "cookie") == {}
    assert endpoint.presence(endpoint.fields["trailer"]["x"]) == (1, 2)


def test_what_is_beyond_a_limit_is_counted() -> None:
    query = "&".join(f"n{number}=1" for number in range(MAX_FIELDS + 5))
    endpoint = only(seen(query=query))
    assert len([*endpoint.all_fields()]) == MAX_FIELDS
    assert endpoint.values_left_out == 6, "five of the query, and the header"
    inventory = take_inventory(seen(path=f"/p{number}", query="") for number in range(MAX_ENDPOINTS + 3))
    assert (inventory.count, len(inventory.endpoints), inventory.endpoints_left_out) == (MAX_ENDPOINTS + 3, 1000, 3)


def test_more_instances_than_are_followed_at_a_time_lose_no_count() -> None:
    total = MAX_INSTANCES + 500
    inventory = take_inventory(seen(query=f"guid={number}", instance=str(number)) for number in range(total))
    (endpoint,) = inventory.endpoints.values()
    field = endpoint.fields["query"]["guid"]
    assert (field.exchanges, field.count, field.behaviour) == (total, total, "constant per instance")
    assert endpoint.instances == pytest.approx(total, rel=0.06)
    assert (len(endpoint.cadences), inventory.cadences_left_out) == (MAX_INSTANCES, 500)
