"""This is how captured text is made fit to be looked at; all of it is hostile until it went through here.

It refuses to let a control character through, be it an escape sequence or a change of writing direction.
"""

import json
import re
from typing import Any

# In JSON text: an escaped backslash, two surrogates that make a character, or, in the group, one that makes none.
_SURROGATES = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(\\ud[89a-f][0-9a-f]{2})", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNPRINTABLE = re.compile(r"[^ -~]+")

_JSON_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def both_ends(text: str, most: int) -> str:
    """Return a text; of a longer one, so many characters of its beginning and, as that tells more, of its end."""
    head = (most - 1) // 3
    return text if len(text) <= most else f"{text[:head]}…{text[head + 1 - most :]}"


def printable(text: str) -> str:
    r"""Write what a terminal would obey as an escape: `\x1b`, `\n`, `\u202e`; a byte that was no UTF-8 as `\xff`."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def printable_lines(text: str) -> str:
    """Do as `printable` does, and let line feeds and tabs be; CRLF becomes a line feed."""
    return re.sub(r"[^\n\t]+", lambda part: printable(part[0]), text.replace("\r\n", "\n"))


def printable_json(text: str) -> str:
    """Make compact JSON text safe to print and to read: it stays the same JSON, but for lone surrogates.

    They stand for bytes that were no UTF-8; many readers refuse a text that has one (RFC 8259 section 8.2), so that
    each becomes U+FFFD.
    """
    if "\\u" in text:
        text = _SURROGATES.sub(lambda found: found[0] if found[1] is None else "\\ufffd", text)
    return escape_unprintable(text)


def escape_unprintable(text: str) -> str:
    """Do as `printable_json` does, with JSON text that has no escapes of code points."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNPRINTABLE.sub(lambda found: "".join(map(_printable_in_json, found[0])), text)


def whole_characters(text: str) -> str:
    """Write text that UTF-8 can hold: each lone surrogate becomes U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _printable_in_json(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return character if character.isprintable() else json.dumps(character)[1:-1]


def to_printable_json(value: object) -> str:
    """Encode as compact JSON that is safe to print; what JSON does not know stands there as Python writes it."""
    return printable_json(_encode(value))


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode


class Members(list[tuple[str, Any]]):
    """Names and values of a JSON object, in their order; a name may be there again (RFC 8259 section 4)."""


class Number(str):
    """A JSON number as the text that it is written in, of any length."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=Members)


def load_json(text: str | bytes) -> Any:
    """Give what JSON holds: objects as `Members`, numbers as `Number`.

    Raises:
        ValueError, RecursionError: it is none, or is too deep.
    """
    if isinstance(text, bytes):
        is_plain = len(text) > 1 and 0 < text[0] < 0x80 and text[1] > 0
        text = text.decode("utf-8" if is_plain else json.detect_encoding(text), "surrogatepass")
    elif text.startswith("\ufeff"):
        raise ValueError("JSON begins with no byte order mark (RFC 8259 section 8.1)")
    stripped = text.strip(" \t\r\n")
    value, end = _DECODER.raw_decode(stripped)
    if end != len(stripped):
        raise ValueError("There is more behind the JSON")
    return value


def indented_json(text: str) -> str | None:
    """Indent JSON text without touching a number, a string or a repeated name in it; None when it is not JSON."""
    try:
        load_json(text)
    except (ValueError, RecursionError):
        return None
    out: list[str] = []
    depth = 0
    previous = ""
    for part in _JSON_TOKENS.findall(text):
        if part in "]}":
            depth -= 1
            out.append(part if previous in ("[", "{") else _line(depth) + part)
        elif previous in ("[", "{", ","):
            out.append(_line(depth) + part)
        else:
            out.append(part)
        if part in "[{":
            depth += 1
        elif part == ":":
            out.append(" ")
        previous = part
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + "  " * depth


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # PEP 383
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
