"""This is where the fields of a request are: in its query, its body, its headers and its cookies.

It refuses to undo more than these formats; what values hide is looked for elsewhere.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from telemock.codings import decode_pair
from telemock.exchange import header_pairs
from telemock.text import Members, Number, load_json

Source = Literal["query", "body", "header", "cookie"]

Pairs = Sequence[tuple[str, str]]

# What a value was written as: text that may stand for anything, or in JSON a string, a number, or a word such as null.
Form = Literal["text", "string", "number", "word"]

# Name, value and form.
Leaf = tuple[str, str, Form]


class Body(NamedTuple):
    """What was found in a body.

    Attributes:
        leaves: name, value and form of each value, in their order.
        items: how many elements arrays had together, by path: `$.events[]`; `$` are JSON lines.
    """

    leaves: Sequence[Leaf]
    items: Mapping[str, int]


_MULTIPART = re.compile(rb"(--[^\r\n]{1,70})\r\ncontent-", re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:\s*(form-data\s*;.*)", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')

# The padding of base64 makes no name with an empty value.
_PADDED = re.compile(r"(?:[\w+/-]{4})+[\w+/-]{2}(?:==|[\w+/-]=)", re.ASCII)


def query_items(query: str) -> tuple[str, ...]:
    """Give the pairs of a query as they were received; `telemock.codings.decode_pair` takes one apart."""
    return tuple(filter(None, query.split("&")))


@lru_cache(maxsize=256)
def header_and_cookie_pairs(text: str) -> tuple[Pairs, Pairs]:
    """Take headers apart as an exchange keeps them; cookies have their own names and values (RFC 6265 section 4.2)."""
    headers = [(name.lower(), value) for name, value in header_pairs(text)]
    cookies = [
        (name.strip(), value.strip())
        for header, text in headers
        if header == "cookie"
        for name, _, value in (pair.partition("=") for pair in text.split(";"))
        if name.strip()
    ]
    return tuple(header for header in headers if header[0] != "cookie"), tuple(cookies)


def request_bytes(method: str, path: str, query: str, headers: str, body: bytes | None) -> int:
    """Give the length of a request as HTTP/1.1 writes it, its target without host, its body without chunks.

    All but the body are as an exchange keeps them.
    """
    line = f"{method} {path}?{query} HTTP/1.1\r\n" if query else f"{method} {path} HTTP/1.1\r\n"
    return _octets(line) + _octets_of_headers(headers) + len(body or b"")


@lru_cache(maxsize=256)
def _octets_of_headers(text: str) -> int:
    return _octets("".join(f"{name}: {value}\r\n" for name, value in header_pairs(text)) + "\r\n")


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def body_pairs(body: bytes) -> Pairs:
    """Return names and values of the fields of a body; see `read_body`."""
    return tuple((name, value) for name, value, _ in read_body(body).leaves)


@lru_cache(maxsize=64)
def read_body(body: bytes) -> Body:
    """Find the fields of a body: of JSON, of JSON lines, or of a form; anything else is one, and may hold any bytes.

    Args:
        body: with its content coding undone.
    """
    items: Counter[str] = Counter()
    try:
        return Body(tuple(typed_leaves(load_json(body), items)), items)
    except (ValueError, RecursionError):
        items.clear()
    text = _text(body).removeprefix("\ufeff")
    try:
        lines = [load_json(line) for line in text.split("\n") if line.strip()]
        items["$"] = len(lines)
        return Body(tuple(leaf for line in lines for leaf in typed_leaves(line, items)), items)
    except (ValueError, RecursionError):
        items.clear()
    pairs = tuple(_multipart_pairs(body)) or tuple(_form_pairs(text)) or (("$", text),)
    return Body(tuple((name, value, "text") for name, value in pairs), items)


def json_leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Return the scalars of what JSON held, by path; see `typed_leaves`."""
    return ((path, text) for path, text, _ in typed_leaves(value, Counter()))


def typed_leaves(value: Any, items: Counter[str]) -> Iterator[Leaf]:
    """Give the scalars of what JSON held, by path; places in an array are not told apart: `$.sources[].type`.

    Args:
        value: as `telemock.text.load_json` gives it.
        items: where the elements of arrays are counted, by path.
    """
    waiting: list[tuple[str, Any]] = [("$", value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, Members):
            waiting.extend((f"{path}.{name}", inner) for name, inner in reversed(each))
        elif isinstance(each, list):
            items[f"{path}[]"] += len(each)
            waiting.extend((f"{path}[]", inner) for inner in reversed(each))
        elif isinstance(each, str):
            yield path, each, "number" if isinstance(each, Number) else "string"
        else:
            yield path, json.dumps(each), "word"


def _form_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Take an urlencoded form apart; what is not printable, or is base64, is none."""
    text = text.strip()
    if "=" in text and " " not in text and text.isprintable() and not _PADDED.fullmatch(text):
        yield from map(decode_pair, filter(None, text.split("&")))


def _multipart_pairs(body: bytes) -> Iterator[tuple[str, str]]:
    """Take multipart/form-data apart (RFC 7578), which the line it begins with tells.

    What else is said of a part than its name is a field, too; what has no name is none of its own, but is not lost.
    """
    begin = _MULTIPART.match(body)
    if begin is None:
        return
    between = re.compile(rb"\r\n" + re.escape(begin[1]) + rb"(?=--|[ \t]*\r\n)")
    for part in between.split(body[begin.end(1) :]):
        head, blank, content = part.lstrip(b" \t").partition(b"\r\n\r\n")
        disposition = _DISPOSITION.search(head)
        said = {} if disposition is None else {key.lower(): a or b for key, a, b in _PARAMETER.findall(disposition[1])}
        if disposition and blank and b"name" in said:
            name = said.pop(b"name").decode(errors="replace")
            yield name, _text(content)
            yield from ((f"{name}.{key.decode(errors='replace')}", _text(value)) for key, value in said.items())
            rest = _PARAMETER.sub(b"", disposition[1])[len(b"form-data") :] + _DISPOSITION.sub(b"", head)
            if rest.strip():
                yield f"{name} (head)", _text(rest.strip())
        elif rest := part.removeprefix(b"--").strip():
            yield "$", _text(rest)


def _text(content: bytes) -> str:
    """Give bytes as text; those that are no UTF-8 stand as lone surrogates (PEP 383)."""
    return content.decode(errors="surrogateescape")
