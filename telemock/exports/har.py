"""This is an exchange as an entry of HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/).

It refuses to guess: what the capture does not know is -1, or "unknown" where HAR wants text. Names that begin with
an underscore are telemock's own, as HAR allows. Other JSON than ASCII is escaped, so that any terminal may see it.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from http import HTTPStatus
from math import isfinite
from typing import Any
from urllib.parse import quote

from telemock import __version__
from telemock.codings import decode_pair, decode_shown
from telemock.exchange import Exchange, compact_json, header_pairs, utc_text
from telemock.fields import query_items
from telemock.hosts import http_url
from telemock.text import printable_json

_Pairs = list[tuple[str, str]]

# The capture does not keep which version of HTTP a client spoke.
_UNKNOWN = "unknown"

# The one page of all entries: what a client loads together is not known, and importers want a page.
_PAGE = "page_1"

# HAR wants an absolute URL; no host is ever called so (RFC 2606 section 2).
_NO_HOST = "unknown.invalid"

# What HAR has no name for.
_OWN = ("id", "client", "via", "outcome", "profile", "version", "guid", "env", "session_id", "client_time")

# HAR wants a time in any case; people may have made something else of it in the file.
_NO_TIME = "1970-01-01T00:00:00Z"

# What may stand in a URL (RFC 3986 section 2) stays as it was received.
_URL_CHARACTERS = "%:/?[]@!$&'()*+,;="
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def har_lines(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Give a HAR document line by line, one entry at a time."""
    creator = compact_json({"name": "telemock", "version": __version__})
    entries = map(har_entry, exchanges)
    first = next(entries, None)
    pages = [] if first is None else [_page(first["startedDateTime"])]
    yield f'{{"log":{{"version":"1.2","creator":{creator},"pages":{compact_json(pages)},"entries":[\n'
    if first is not None:
        yield printable_json(_encode(first)) + "\n"
    for entry in entries:
        yield f",{printable_json(_encode(entry))}\n"
    yield "]}}\n"


def _page(started: str) -> dict[str, Any]:
    return {"startedDateTime": started, "id": _PAGE, "title": "telemock", "pageTimings": {}}


_encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode


def har_entry(exchange: Exchange) -> dict[str, Any]:
    """Give an exchange as an entry; times are milliseconds, sizes are bytes."""
    milliseconds = _milliseconds(exchange.latency_ms)
    received_at = _time(exchange.received_at)
    entry = {
        "pageref": _PAGE,
        "startedDateTime": received_at or _NO_TIME,
        "time": milliseconds,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        # What there is was measured from the head read to the answer ready; sending and receiving are not known.
        "timings": {
            "blocked": -1,
            "dns": -1,
            "connect": -1,
            "send": 0,
            "wait": milliseconds,
            "receive": 0,
            "ssl": -1,
        },
        **{f"_{name}": getattr(exchange, name) for name in _OWN},
    }
    if received_at is None:
        entry["comment"] = f"When it was received cannot be told: the file says {exchange.received_at!r}."
    return entry


def _request(exchange: Exchange) -> dict[str, Any]:
    headers = header_pairs(exchange.request_headers)
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": _url(exchange),
        "httpVersion": _UNKNOWN,
        "cookies": [
            {"name": name.strip(), "value": value.strip()}
            for text in _all(headers, "cookie")
            for name, equals, value in (pair.partition("=") for pair in text.split(";"))
            if equals and name.strip()  # importers refuse one without a name
        ],
        "headers": _named(headers),
        "queryString": _named(map(decode_pair, query_items(exchange.query))),
        "headersSize": -1,
        "bodySize": -1 if exchange.request_truncated else len(exchange.request_body or b""),
    }
    if exchange.request_body is not None:
        body = decode_shown(exchange.request_headers, exchange.request_body)
        text, encoding = _text(exchange.request_body if body is None else body)
        # HAR has a name for the encoding only in answers.
        marks = {"_encoding": encoding, "comment": f"The text is {encoding}."} if encoding else {}
        request["postData"] = {"mimeType": _first(headers, "content-type"), "text": text, **marks}
    if exchange.request_trailers is not None:
        request["_trailers"] = _named(header_pairs(exchange.request_trailers))
    said = []
    if not exchange.host:
        said.append("The client named no host.")
    if exchange.request_truncated:
        kept = len(exchange.request_body or b"")
        said.append(f"The body is not whole: it was longer, or ended early; {kept} bytes of it were kept.")
    if said:
        request["comment"] = " ".join(said)
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    headers = header_pairs(exchange.response_headers)
    sent = exchange.response_body or b""
    decoded = decode_shown(exchange.response_headers, sent) if sent else sent
    body = sent if decoded is None else decoded
    text, encoding = _text(body)
    content = {"size": len(body), "mimeType": _first(headers, "content-type"), "text": text}
    if len(body) != len(sent):
        content["compression"] = len(body) - len(sent)
    if encoding:
        content["encoding"] = encoding
    return {
        "status": exchange.status if isinstance(exchange.status, int) else 0,
        "statusText": _phrase(exchange.status),
        "httpVersion": _UNKNOWN,
        "cookies": [cookie for cookie in map(_set_cookie, _all(headers, "set-cookie")) if cookie["name"]],
        "headers": _named(headers),
        "content": content,
        "redirectURL": _first(headers, "location"),
        "headersSize": -1,
        "bodySize": len(sent),
    }


def _url(exchange: Exchange) -> str:
    """Write where a request went, with what no URL may hold percent-encoded."""
    host = exchange.host or _NO_HOST
    url = _NO_ESCAPE.sub("%25", http_url(exchange.scheme, host, exchange.port, exchange.path, exchange.query))
    try:
        return quote(url, safe=_URL_CHARACTERS, errors="surrogateescape")
    except UnicodeEncodeError:
        return quote(url, safe=_URL_CHARACTERS, errors="backslashreplace")


def _time(text: str) -> str | None:
    try:
        return utc_text(datetime.fromisoformat(text))
    except (TypeError, ValueError, OverflowError):
        return None


def _milliseconds(latency_ms: float) -> float:
    """Give a time that is one; people may have made something else of it in the file."""
    return latency_ms if isinstance(latency_ms, int | float) and isfinite(latency_ms) and latency_ms >= 0 else 0


def _named(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _all(headers: _Pairs, wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]


def _first(headers: _Pairs, wanted: str) -> str:
    return next(iter(_all(headers, wanted)), "")


def _set_cookie(text: str) -> dict[str, Any]:
    """Take a Set-Cookie apart (RFC 6265 section 4.1); its date is left out, HAR wants another form."""
    pair, *attributes = text.split(";")
    name, _, value = pair.partition("=")
    cookie: dict[str, Any] = {"name": name.strip(), "value": value.strip()}
    for attribute in attributes:
        key, _, of = attribute.strip().partition("=")
        if key.lower() in ("path", "domain"):
            cookie[key.lower()] = of
        elif key.lower() in ("secure", "httponly"):
            cookie["httpOnly" if key.lower() == "httponly" else "secure"] = True
    return cookie


def _text(body: bytes) -> tuple[str, str]:
    """Give a body as text, and what it is encoded with, if so."""
    try:
        return body.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
