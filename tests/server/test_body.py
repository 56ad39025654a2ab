"""These are the promises of how a request body is read; the codings it may have are tests/test_codings.py's."""

import pytest

from tests.server.served import MAX_BODY_BYTES, Served


@pytest.mark.parametrize(
    ("size", "status", "kept", "truncated"),
    [
        (0, 400, 0, 0),
        (MAX_BODY_BYTES, 400, MAX_BODY_BYTES, 0),
        (MAX_BODY_BYTES + 1, 413, MAX_BODY_BYTES, 1),
        (3 * MAX_BODY_BYTES, 413, MAX_BODY_BYTES, 1),
    ],
)
def test_a_body_is_kept_up_to_the_limit(server: Served, size: int, status: int, kept: int, truncated: int) -> None:
    assert server.ask("POST", "/telemetry/events", body=b"x" * size).status == status
    row = server.exchange()
    assert (len(row["request_body"] or b""), row["request_truncated"]) == (kept, truncated)


def test_a_chunked_body_is_kept_without_its_chunks(server: Served) -> None:
    head = b"POST /telemetry/events HTTP/1.1\r\nHost: telemock.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert server.say(head + b"3;note=1\r\n{} \r\n1\r\n\n\r\n0\r\nTrailer: 1\r\n\r\n").json()["count"] == 1
    assert server.exchange()["request_body"] == b"{} \n"


def test_a_body_that_stays_out_is_kept_as_far_as_it_came(server: Served) -> None:
    with server.connect() as wire:
        wire.send(b"POST /telemetry/events HTTP/1.1\r\nHost: telemock.test\r\nContent-Length: 10\r\n\r\n{}")
        server.settle()
    server.settle()
    row = server.exchange()
    assert (row["request_body"], row["request_truncated"], row["status"]) == (b"{}", 1, 499)
