"""Bodies made of lines: JSON lines, and Sentry's envelopes (https://develop.sentry.dev/sdk/data-model/envelopes)."""

import re
from collections.abc import Iterator
from typing import Any

from telemock.text import Members, load_json

# What the first line of an envelope may say; by these an envelope is known that nobody said to be one.
_ENVELOPE = frozenset(("event_id", "dsn", "sdk", "sent_at", "trace"))

_TYPE = re.compile(r"[\w.-]{1,64}", re.ASCII)

Roots = list[tuple[str, Any]]


def read_lines(body: bytes, most: int) -> Roots:
    """Return the values of JSON lines (https://jsonlines.org), or of a JSON text sequence (RFC 7464), each as `$`.

    Of several lines the last may be cut, and is text then. Nothing when these are no such lines. Of more lines than
    `most`, one more than that is read, and the rest neither read nor checked.
    """
    lines = [line for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip(b" \t\r\x1e")]
    values: Roots = []
    for number, line in enumerate(lines, 1):
        value = _loaded(line.strip(b" \t\r\x1e"))
        if value is None:
            is_cut = number == len(lines) and number > 1 and all(isinstance(each, Members) for _, each in values)
            return [*values, ("$", line.decode(errors="surrogateescape"))] if is_cut else []
        values.append(("$", value[0]))
        if number > most:
            break
    return values


def read_envelope(body: bytes, *, is_said: bool) -> Roots:
    """Return what an envelope holds: `envelope`, then for each item what is said of it, `event (head)`, and `event`.

    Args:
        body: with its content coding undone.
        is_said: its type says that it is one.
    """
    first, feed, rest = body.partition(b"\n")
    head = _members(first)
    if head is None or not feed or not (is_said or {name for name, _ in head} <= _ENVELOPE):
        return []
    roots: Roots = [("envelope", head)]
    for said, payload in _items(rest):
        said_type = dict(said or ()).get("type")
        if said is None or not isinstance(said_type, str):
            if not is_said:
                return []
            roots.append(("$", payload.decode(errors="surrogateescape")))
            continue
        kind = said_type if _TYPE.fullmatch(said_type) else "item"
        value = _loaded(payload)
        text = payload.decode(errors="surrogateescape")
        roots += [(f"{kind} (head)", said), (kind, text if value is None else value[0])]
    return roots if len(roots) > 1 or is_said else []


def _items(rest: bytes) -> Iterator[tuple[Members | None, bytes]]:
    """Yield head and payload of each item; without a head, what is there instead."""
    at = 0
    while at < len(rest):
        end = _end_of_line(rest, at)
        line = rest[at:end]
        at = end + 1
        if not line.strip():
            continue
        head = _members(line)
        if head is None:
            yield None, line
            continue
        length = str(dict(head).get("length", ""))
        end = at + int(length) if length.isascii() and length.isdigit() and len(length) < 10 else _end_of_line(rest, at)
        yield head, rest[at:end]
        at = end + 1


def _end_of_line(content: bytes, at: int) -> int:
    end = content.find(b"\n", at)
    return len(content) if end < 0 else end


def _members(line: bytes) -> Members | None:
    value = _loaded(line)
    return value[0] if value is not None and isinstance(value[0], Members) else None


def _loaded(line: bytes) -> tuple[Any] | None:
    """Return what JSON holds, which may be null, in a tuple; None when this is no JSON."""
    try:
        return (load_json(line),)
    except (ValueError, RecursionError):
        return None
