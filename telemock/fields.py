"""This is where the fields of a request are: in its query, its body, its headers, its trailers and its cookies.

It refuses to undo more than these formats; what values hide is looked for elsewhere.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, NamedTuple

from telemock.codings import SHOWN_BYTES
from telemock.exchange import header_pairs
from telemock.forms import form_pairs, multipart_pairs
from telemock.leaves import MOST_LEAVES, Leaf, typed_leaves
from telemock.lines import read_envelope, read_lines
from telemock.msgpack import read_msgpack
from telemock.protobuf import is_plausible, read_frames, read_message
from telemock.text import load_json

Source = Literal["path", "query", "body", "header", "trailer", "cookie"]

Pairs = Sequence[tuple[str, str]]

# What a cookie without a name is called: what stands there is its value (RFC 6265bis section 5.7).
NAMELESS = "(nameless)"

_BOUNDARY = re.compile(r";\s*boundary\s*=\s*(?:\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)

# What text has none of, and protobuf has.
_BINARY = re.compile(r"[\0-\x08\x0e-\x1f\udc80-\udcff]")


class Body(NamedTuple):
    """What was found in a body.

    Attributes:
        leaves: name, value and form of each value, in their order.
        items: how many elements arrays had together, by path: `$.events[]`; `$` are JSON lines.
        is_whole: these are all; a body with more than MOST_LEAVES has further ones.
    """

    leaves: Sequence[Leaf]
    items: Mapping[str, int]
    is_whole: bool = True


def query_items(query: str) -> tuple[str, ...]:
    """Give the pairs of a query as they were received; `telemock.codings.decode_pair` takes one apart."""
    items = query.split("&")
    return tuple(filter(None, items)) if "" in items else tuple(items)


@lru_cache(maxsize=256)
def header_and_cookie_pairs(text: str) -> tuple[Pairs, Pairs]:
    """Take headers apart as an exchange keeps them; cookies have their own names and values (RFC 6265 section 4.2)."""
    headers = [(name.lower(), value) for name, value in header_pairs(text)]
    cookies = [
        (name.strip(), value.strip()) if equals else (NAMELESS, name.strip())
        for header, text in headers
        if header == "cookie"
        for name, equals, value in (pair.partition("=") for pair in text.split(";"))
        if name.strip()
    ]
    return tuple(header for header in headers if header[0] != "cookie"), tuple(cookies)


@lru_cache(maxsize=256)
def trailer_pairs(text: str) -> Pairs:
    """Take trailers apart as an exchange keeps them; a cookie among them is none (RFC 6265 section 4.2)."""
    return tuple((name.lower(), value) for name, value in header_pairs(text))


def request_bytes(method: str, path: str, query: str, headers: str, body: bytes | None, *, trailers: str | None) -> int:
    """Return the length of a request as HTTP/1.1 writes it, trailers too: target without host, body without chunks.

    All but the body are as an exchange keeps them.
    """
    line = f"{method} {path}?{query} HTTP/1.1\r\n" if query else f"{method} {path} HTTP/1.1\r\n"
    behind = _octets_of_fields(trailers) if trailers else 0
    return _octets(line) + _octets_of_fields(headers) + len("\r\n") + len(body or b"") + behind


@lru_cache(maxsize=256)
def _octets_of_fields(text: str) -> int:
    return _octets("".join(f"{name}: {value}\r\n" for name, value in header_pairs(text)))


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def content_type(headers: str) -> str:
    """Return the Content-Type among headers as an exchange keeps them; "" when there is none."""
    return next((value for name, value in header_and_cookie_pairs(headers)[0] if name == "content-type"), "")


def body_pairs(body: bytes, media_type: str = "") -> Pairs:
    """Return names and values of the fields of a body; see `read_body`."""
    return tuple((name, value) for name, value, _ in read_body(body, media_type).leaves)


@lru_cache(maxsize=64)
def read_body(body: bytes, media_type: str = "") -> Body:
    """Return the fields of a body; what is of no known format is one field, `$`, and may hold any bytes.

    Args:
        body: with its content coding undone.
        media_type: what its Content-Type says; where that is missing or wrong, the body tells what it is.
    """
    items: Counter[str] = Counter()
    leaves = _leaves(body, media_type, items)
    found = tuple(islice(leaves, MOST_LEAVES))
    return Body(found, items, next(leaves, None) is None)


def _leaves(body: bytes, media_type: str, items: Counter[str]) -> Iterator[Leaf]:
    essence = media_type.partition(";")[0].strip().lower()
    if roots := _binary(body, essence) or _json(body) or _lines(body, essence):
        if len(roots) > 1:
            items.update(root for root, _ in roots)
        return (leaf for root, value in roots for leaf in typed_leaves(value, items, root))
    text = _text(body).removeprefix("\ufeff")
    said = _BOUNDARY.search(media_type)
    boundary = (said[1] or said[2]).encode(errors="surrogateescape") if said else b""
    is_form = essence == "application/x-www-form-urlencoded"
    pairs = [*multipart_pairs(body, boundary, SHOWN_BYTES)] or [*form_pairs(text, is_said=is_form)]
    if not pairs and body:
        pairs = [("$", text)]
    return ((name, value, "text") for name, value in pairs)


# Paths of roots and what stands there, as `telemock.text.load_json` returns it; empty when a body is of other formats.
_Roots = list[tuple[str, Any]]


def _json(body: bytes) -> _Roots:
    try:
        return [("$", load_json(body))]
    except (ValueError, RecursionError):
        return []


def _binary(body: bytes, essence: str) -> _Roots:
    """Read protobuf and MessagePack that are said to be so, and protobuf that nobody said anything of."""
    if "msgpack" in essence:
        return [("$", value)] if (value := read_msgpack(body)) is not None else []
    if "protobuf" in essence or essence == "application/x-google-protobuf":
        message = read_message(body)
        return [] if message is None else [("$", message)]
    if essence.startswith("application/grpc"):
        return [("$", message) for message in read_frames(body) or []]
    if essence in ("application/octet-stream", "binary/octet-stream", "") and _BINARY.search(_text(body)):
        message = read_message(body)
        return [] if message is None or not is_plausible(message) else [("$", message)]
    return []


def _lines(body: bytes, essence: str) -> _Roots:
    return read_envelope(body, is_said="sentry" in essence) or read_lines(body, MOST_LEAVES)


def _text(content: bytes) -> str:
    """Return bytes as text; those that are no UTF-8 stand as lone surrogates (PEP 383)."""
    return content.decode(errors="surrogateescape")
