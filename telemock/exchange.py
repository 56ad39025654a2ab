"""This is the one noun: an exchange is a request together with the answer it got.

It refuses to know how an exchange is captured, stored or shown.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, Literal

Via = Literal["direct", "tls", "proxy", "connect"]
Outcome = Literal["mock", "stub", "recorded", "unmatched", "fault", "refused"]
ConnectionKind = Literal["tunnel", "blocked", "tls_refused", "upstream", "malformed"]

# Details of a tunnel that was not let through, but ended here, without a request.
NOTHING_SAID: Final = "Nothing was said in the tunnel before it ended."
NOTHING_ASKED: Final = "Nothing was asked in the tunnel before it ended."


@dataclass(slots=True)
class Exchange:
    """One request and its answer, field by field as the `exchanges` table keeps them.

    Fields that hold JSON hold JSON *text*, so that nothing is encoded twice on its way to the file.

    Attributes:
        id: place in the order of storing; None until stored.
        received_at: when the request head was read, UTC, `2026-02-05T10:55:58.090735Z`.
        scheme: `http` or `https`, as the client meant it.
        method: as received (RFC 9110 section 9).
        host: the host the client meant, lower case, without port; an IP address in its shortest form, however it was
            spelled (`2130706433`), and without a zone (`%eth0`).
        path: target path exactly as received, still percent-encoded; the whole target where it has none: `*`, or the
            host and port of a CONNECT.
        query: raw query without `?`, still percent-encoded; empty when there was none.
        params: JSON object of the decoded query; a repeated name becomes an array.
        request_headers: JSON array of [name, value] in order and case received; a byte that is not
            UTF-8 stands as its surrogate escape (PEP 383).
        request_body: bytes as received after transfer decoding, still content-encoded, without trailers; None
            when empty.
        request_truncated: 1 when the body was longer than kept, or the client left before its end.
        client: IP address of the peer.
        via: the road the request came by: direct, tls, proxy or connect.
        status: status code; 499 when the connection broke before there was an answer. Whether a client that left
            then read it cannot be known.
        response_headers: JSON array of [name, value], as answered; Date, Server and Connection, which the
            server adds while sending, are not kept.
        response_body: bytes as sent; None when empty.
        latency_ms: milliseconds from request head read to answer ready, before the commit.
        outcome: who answered: mock, stub, recorded, unmatched (nobody), fault (a crash: 500), or refused
            (a body without its end, a client that left, a store that was unavailable).
        profile: name of the profile the request belongs to, or None.
        stub_id: the stub that answered, or None.
        version: product version, from the profile's identity fields.
        guid: installation identity.
        env: deployment environment.
        session_id: session identity.
        client_time: the client's own clock, UTC ISO 8601 with milliseconds.
        problems: JSON array of validation messages; None when clean.
        port: the port the client meant: of a target that names a host or of Host, or else the one that CONNECT named,
            or else the scheme's default where Host names a host; None when the client said none of these.
        request_trailers: JSON array of [name, value], as `request_headers`, of the fields behind a chunked body
            (RFC 9110 section 6.5); None when there were none.
    """

    received_at: str
    scheme: str
    method: str
    host: str
    path: str
    query: str
    params: str
    request_headers: str
    request_body: bytes | None
    request_truncated: int
    client: str
    via: Via
    status: int
    response_headers: str
    response_body: bytes | None
    latency_ms: float
    outcome: Outcome
    profile: str | None = None
    stub_id: str | None = None
    version: str | None = None
    guid: str | None = None
    env: str | None = None
    session_id: str | None = None
    client_time: str | None = None
    problems: str | None = None
    port: int | None = None
    request_trailers: str | None = None
    id: int | None = None


@dataclass(slots=True, kw_only=True)
class Connection:
    """What happened below HTTP; `detail` is a sentence, bytes in it are escaped as in a Python literal.

    Attributes:
        opened_at: when, in the form of `received_at`.
        host: host the client wanted; empty when it never said.
        port: port the client wanted; None when it never said.
        client: IP address of the peer.
        kind: what became of it: tunnel, blocked, tls_refused, upstream or malformed.
        bytes_up: bytes from the client: in a tunnel, in the body that was sent on (without trailers, which are not),
            or of what was malformed.
        bytes_down: bytes to the client: from a tunnel, in the body of an answer, or the answer to what was malformed.
        duration_ms: from then to the end; None when not measured.
        detail: why, in words.
        id: place in the order of storing; None until stored.
    """

    opened_at: str
    host: str
    port: int | None
    client: str
    kind: ConnectionKind
    bytes_up: int
    bytes_down: int
    duration_ms: float | None
    detail: str
    id: int | None = None


Record = Exchange | Connection


def utc_text(moment: datetime) -> str:
    """Write a moment as the store does: UTC, microseconds, `Z`; sorts as it passes."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def utc_text_at(epoch_ns: int) -> str:
    """Write nanoseconds since the epoch as `utc_text` does; five times as fast, once for every request."""
    second, rest = divmod(epoch_ns, 1_000_000_000)
    return f"{_second_text(second)}.{rest // 1000:06d}Z"


def utc_milliseconds(epoch_ms: int) -> str:
    """Write milliseconds since the epoch as UTC ISO 8601, `2026-02-05T10:55:58.090Z`.

    Raises:
        OverflowError: behind the year 9999.
    """
    second, rest = divmod(epoch_ms, 1000)
    if second > _LAST_SECOND:
        raise OverflowError(f"{epoch_ms} ms is behind the year 9999")
    return f"{_second_text(second)}.{rest:03d}Z"


# The last second that has a year of four digits.
_LAST_SECOND = 253_402_300_799


@lru_cache(maxsize=16)
def _second_text(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def compact_json(value: object) -> str:
    """Encode as JSON without spaces; readable UTF-8 unless a surrogate forces ASCII escapes."""
    text = _ENCODER.encode(value)
    return text if encodable(text) else json.dumps(value, separators=(",", ":"))


def header_pairs(text: str) -> list[tuple[str, str]]:
    """Take apart headers as an exchange keeps them; what people put there that is no pair of texts is left out."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return []
    pairs = said if isinstance(said, list) else []
    return [
        (pair[0], pair[1])
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], str)
    ]


def json_object(content: bytes) -> dict[str, Any]:
    """Decode a JSON object that somebody else encoded; empty when it is none."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def json_string(text: str) -> str:
    """Encode text as `compact_json` does, in a third of the time."""
    return encode_basestring(text) if encodable(text) else json.dumps(text)


def encodable(text: str) -> bool:
    """Tell whether UTF-8 can hold the text: it has no lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
