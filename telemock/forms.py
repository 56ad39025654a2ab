"""The fields of forms: urlencoded (WHATWG URL, section 5.1) and multipart (RFC 7578, RFC 2046 section 5.1)."""

import re
from collections.abc import Iterator

from telemock.codings import decode_content, decode_pair
from telemock.errors import EventsRejected

# The padding of base64 makes no name with an empty value.
_PADDED = re.compile(r"(?:[\w+/-]{4})+[\w+/-]{2}(?:==|[\w+/-]=)", re.ASCII)

# Several pairs with names as programs choose them, or one without spaces, are a form that nobody said to be one.
_LIKE_PAIRS = re.compile(r"[\w.\-\[\]%~:$]{1,128}=[^&]*(?:&[\w.\-\[\]%~:$]{1,128}=[^&]*)+", re.ASCII)

# What begins a multipart body that nobody said to be one: a delimiter, and a header of its first part behind it.
_BEGIN = re.compile(rb"(?:\r?\n)*--([^\r\n]{1,70}?)[ \t]*\r?\n[\w-]{1,64}:")

_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANK = re.compile(rb"\r?\n\r?\n")
_HEADER = re.compile(rb"([\w-]+)[ \t]*:[ \t]*((?:[^\r\n]|\r?\n[ \t])*)(?:\r?\n|\Z)")
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


def form_pairs(text: str, *, is_said: bool) -> Iterator[tuple[str, str]]:
    """Yield the pairs of an urlencoded form; what is base64, markup, or only might be a form, is none.

    Args:
        text: of the body.
        is_said: its type says that it is one.
    """
    text = text.strip("\r\n")
    if "=" not in text or _PADDED.fullmatch(text) or (not is_said and text.lstrip().startswith("<")):
        return
    is_form = _is_text(text) if is_said else (text.isprintable() and " " not in text) or _LIKE_PAIRS.fullmatch(text)
    if is_form:
        yield from map(decode_pair, filter(None, text.split("&")))


def multipart_pairs(body: bytes, boundary: bytes, limit: int) -> Iterator[tuple[str, str]]:
    """Yield the parts of a multipart body by name; nothing when it is none.

    What else is said of a part than its name is a field, too: `name.filename`, and `name (head)` for the rest. What
    has no name, stands before the first or behind the last part, is `$`.

    Args:
        body: with its content coding undone.
        boundary: as its type says it; without, or where it is not there, it is found by the line the body begins with.
        limit: most bytes that may come out of coded parts; a part beyond stays coded.
    """
    if not boundary or b"--" + boundary not in body:
        begin = _BEGIN.match(body)
        if begin is None:
            return
        boundary = begin[1]
    # The line break behind a delimiter is not its own: parts can be empty, and it begins the next delimiter as well.
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(?:--|[ \t]*(?=\r?\n|\Z))")
    before, *parts = delimiter.split(body)
    if not parts:
        return
    if before.strip():
        yield "$", _text(before)
    for part in parts:
        for name, value in _part_pairs(part, limit):
            limit -= len(value)
            yield name, value


def _part_pairs(part: bytes, limit: int) -> Iterator[tuple[str, str]]:
    head, *contents = _BLANK.split(part, maxsplit=1)
    fields = [(name.lower(), value) for name, value in _HEADER.findall(head)]
    disposition = next((value for name, value in fields if name == b"content-disposition"), b"")
    said = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(disposition)}
    if not contents or b"name" not in said:
        if part.strip():
            yield "$", _text(part.strip(b"\r\n"))
        return
    name = _text(said.pop(b"name"))
    codings = b",".join(value for field, value in fields if field == b"content-encoding")
    yield name, _text(_decoded(contents[0], codings.decode(errors="replace"), limit))
    yield from ((f"{name}.{_text(key)}", _text(value)) for key, value in said.items())
    kind = _PARAMETER.sub(b"", disposition).strip()
    rest = _HEADER.sub(lambda field: b"" if field[1].lower() == b"content-disposition" else field[0], head).strip()
    if kind.lower() != b"form-data":
        rest = (b"Content-Disposition: " + kind + b"\r\n" + rest).strip()
    if rest:
        yield f"{name} (head)", _text(rest)


def _decoded(content: bytes, codings: str, limit: int) -> bytes:
    try:
        return decode_content(content, codings, max(limit, 0)) if codings else content
    except (EventsRejected, OverflowError):
        return content


def _is_text(text: str) -> bool:
    """Tell text from bytes that are none; line breaks and tabs are sent in forms, too."""
    return not _CONTROL.search(text)


def _text(content: bytes) -> str:
    """Return bytes as text; those that are no UTF-8 stand as lone surrogates (PEP 383)."""
    return content.decode(errors="surrogateescape")
