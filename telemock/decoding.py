"""This is how a value is unwrapped: codings inside of codings, as deep as they go.

It refuses to guess: what decodes to bytes that nobody would have written as text counts as not coded. Whatever a
value hides, depth, size and number of what comes out of it are limited.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

from telemock.codings import decode_content, decode_pair, packing_of
from telemock.errors import EventsRejected
from telemock.leaves import Form, extended, typed_leaves
from telemock.lines import read_lines
from telemock.text import load_json

# Codings inside of each other; no product was seen to use more than three.
MAX_DEPTH = 8

# Characters that are looked at for each value, and that come out of it in all.
MAX_CHARACTERS = 2**20

# Values inside of one value: members of JSON, pairs of a query.
MAX_PARTS = 10_000

# Shorter ones are words more often than codings: 8 letters are base64 of printable text once in 300 times.
_LEAST_BASE64 = 8
_LEAST_HEX = 16

# So many bytes are printable by chance once in 10^13 times; JSON in JSON in JSON has more quotes than letters.
_NO_CHANCE = 32

# Shorter bytes may be raw deflate of a text by chance: six of them once in 40,000 times, eight in 600,000.
_LEASTPACKED = 10

# Steps that have no name, and those behind which the next one is a name: a path, or the name of a pair.
CODINGS = ("percent", "base64", "hex", "gzip", "zstd", "deflate", "jwt header", "jwt payload")
_NAMING = ("json", "query")

# What stands between the steps from a field to one inside of its values.
ARROW = " → "

# How gzip, zstd and zlib begin; so do few texts, and the rest must fit, too.
PACKED = ("\x1f\udc8b", "(\udcb5/\udcfd", "x\x01", "x^", "x\udc9c", "x\udcda")

# How what is coded begins, unlike a long text.
_CODED = re.compile(r"\s*[\[{\"]|[\w+/=%&.-]{64}", re.ASCII)

_PERCENT = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
_HEX = re.compile(r"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_JWT = re.compile(r"(eyJ[\w-]+)\.([\w-]+)\.([\w-]*)", re.ASCII)
_PAIRS = re.compile(r"[\w.\-\[\]%~]{1,128}=[^&\s]*(?:&[\w.\-\[\]%~]{1,128}=[^&\s]*)+", re.ASCII)
_USUAL = re.compile(r"[\w .:/@=\"-]+")
_URL_QUERY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s?#]*\?([^\s#]+)(?:#.*)?", re.DOTALL)


class Layer(NamedTuple):
    """Something that came out of a value.

    Attributes:
        chain: what was undone, the outermost first: `percent`, `base64` (either alphabet), `hex`, `gzip`, `zstd`,
            `deflate`, `jwt header`, `jwt payload`, `json` and `query`; behind each of the last two the name of what it
            held, `json`, `$.user.name`.
        text: what came out.
        innermost: nothing more could be undone.
        name: the last name on the way; empty when there is none.
        form: what it was written as.
    """

    chain: tuple[str, ...]
    text: str
    innermost: bool
    name: str = ""
    form: Form = "text"


@dataclass(slots=True)
class Budget:
    """What may come out of one value.

    Attributes:
        characters, parts: how much is left.
        is_spent: there was more than that.
    """

    characters: int = MAX_CHARACTERS
    parts: int = MAX_PARTS
    is_spent: bool = False

    def pay(self, text: str) -> bool:
        """Take a layer off; tell whether there was enough for it."""
        self.characters -= len(text)
        self.parts -= 1
        is_enough = self.characters >= 0 and self.parts >= 0
        self.is_spent |= not is_enough
        return is_enough


def layers(value: str, budget: Budget | None = None) -> Iterator[Layer]:
    """Give all that is wrapped in a value, each before what is wrapped in itself; nothing when it is not coded."""
    budget = Budget() if budget is None else budget
    if len(value) <= MAX_CHARACTERS:
        yield from _below(value, (), "", 0, budget)
    elif _CODED.match(value):
        budget.is_spent = True


def is_base64_text(value: str) -> bool:
    """Tell whether a value is base64 or base64url (RFC 4648) of text, JSON or gzip."""
    return len(value) <= MAX_CHARACTERS and bool(_base64(value, Budget()) or _base64url(value, Budget()))


def _below(text: str, chain: tuple[str, ...], outer: str, depth: int, budget: Budget) -> Iterator[Layer]:
    parts = _undo(text, budget)
    if depth >= MAX_DEPTH:
        budget.is_spent |= bool(parts)
        return
    for steps, inner, form in parts:
        if not budget.pay(inner):
            return
        under = (*chain, *steps)
        name = steps[-1] if len(steps) > 1 and steps[0] in _NAMING else outer
        deeper = _below(inner, under, name, depth + 1, budget)
        first = next(deeper, None)
        yield Layer(under, inner, first is None, name, form)
        if first is not None:
            yield first
            yield from deeper


class _Part(NamedTuple):
    """What was undone, in one step or two, what came out, and what that was written as."""

    steps: tuple[str, ...]
    text: str
    form: Form = "text"


# Empty when a coding was not there.
_Parts = list[_Part]


def _undo(text: str, budget: Budget) -> _Parts:
    """Undo the outermost coding of a text."""
    for decode in _DECODERS:
        if parts := decode(text, budget):
            return parts
    return []


def _jwt(text: str, budget: Budget) -> _Parts:
    """RFC 7519: three parts, the first two JSON objects in base64url."""
    match = _JWT.fullmatch(text) if text.startswith("eyJ") else None
    if match is None:
        return []
    parts = [_loaded_base64url(match[1], budget), _loaded_base64url(match[2], budget)]
    if None in parts or '"alg"' not in str(parts[0]):
        return []
    return [_Part((f"jwt {name}",), str(part)) for name, part in zip(("header", "payload"), parts, strict=True)]


def _json(text: str, budget: Budget) -> _Parts:
    """JSON in a string: an object, an array or a string, or lines of objects; a number or a word is what it is."""
    stripped = text.strip(" \t\r\n")
    if stripped[:1] + stripped[-1:] not in ("{}", "[]", '""') or len(stripped) < 2:
        return []
    try:
        roots = [("$", load_json(stripped))]
    except (ValueError, RecursionError):
        roots = read_lines(stripped.encode(errors="surrogateescape"), MAX_PARTS) if "}\n" in stripped else []
    items: Counter[str] = Counter()
    leaves = [*islice((leaf for _, value in roots if value for leaf in typed_leaves(value, items)), MAX_PARTS + 1)]
    budget.is_spent |= len(leaves) > MAX_PARTS or len(roots) > MAX_PARTS
    return [_Part(("json", path), leaf, form) for path, leaf, form in leaves[:MAX_PARTS]]


def _query(text: str, budget: Budget) -> _Parts:
    """Pairs of name and value, alone or behind a URL."""
    if "=" not in text:
        return []
    url = _URL_QUERY.fullmatch(text)
    pairs = url[1] if url and "=" in url[1] else text if _PAIRS.fullmatch(text) else ""
    budget.is_spent |= pairs.count("&") >= MAX_PARTS
    decoded = (decode_pair(pair) for pair in pairs.split("&", MAX_PARTS)[:MAX_PARTS] if pair)
    return [_Part(("query", extended("", name)), value) for name, value in decoded]


def _percent(text: str, _: Budget) -> _Parts:
    if "%" not in text or not _PERCENT.fullmatch(text):
        return []
    try:
        return [_Part(("percent",), unquote(text, errors="strict"))]
    except UnicodeDecodeError:
        return []


def _hex(text: str, budget: Budget) -> _Parts:
    if len(text) < _LEAST_HEX or (text.isdigit() and len(text) < 2 * _LEAST_HEX) or not _HEX.fullmatch(text):
        return []
    return _from_bytes("hex", bytes.fromhex(text), budget)


def _base64(text: str, budget: Budget) -> _Parts:
    if len(text) < _LEAST_BASE64 or len(text) % 4 or not _BASE64.fullmatch(text) or _is_plain(text):
        return []
    try:
        return _from_bytes("base64", base64.b64decode(text, validate=True), budget)
    except binascii.Error:
        return []


def _base64url(text: str, budget: Budget) -> _Parts:
    if len(text) < _LEAST_BASE64 or not _BASE64URL.fullmatch(text) or _is_plain(text):
        return []
    try:
        content = base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error:
        return []
    return _from_bytes("base64", content, budget)


def _packed(text: str, budget: Budget) -> _Parts:
    """Bytes as they are, which stand as lone surrogates where they are no UTF-8 (PEP 383)."""
    if not text.startswith(PACKED):
        return []
    try:
        return _unpack((), text.encode(errors="surrogateescape"), budget)
    except UnicodeEncodeError:
        return []


_DECODERS: tuple[Callable[[str, Budget], _Parts], ...] = (
    _packed,
    _jwt,
    _json,
    _query,
    _percent,
    _hex,
    _base64,
    _base64url,
)


def _from_bytes(coding: str, content: bytes, budget: Budget) -> _Parts:
    """Take what came out of a coding as text, or unpack it."""
    text = _as_text(content)
    return _unpack((coding,), content, budget) if text is None else [_Part((coding,), text)]


def _unpack(steps: tuple[str, ...], content: bytes, budget: Budget) -> _Parts:
    """Take what is packed in bytes: gzip (RFC 1952), zstd (RFC 8878), zlib (RFC 1950), or raw deflate (RFC 1951)."""
    if len(content) < _LEASTPACKED:
        return []
    packing = packing_of(content) or "deflate"
    try:
        text = _as_text(decode_content(content, packing, max(budget.characters, 0)))
    except EventsRejected:
        return []
    except OverflowError:
        budget.is_spent = True
        return []
    return [] if text is None else [_Part((*steps, packing), text)]


def _loaded_base64url(text: str, budget: Budget) -> str | None:
    parts = _base64url(text, budget)
    return parts[0].text if parts else None


def _as_text(content: bytes) -> str | None:
    """Take bytes for text that somebody wrote: UTF-8, printable, and when it is short without many strange letters."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if not text or not text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
        return None
    if len(text) >= _NO_CHANCE:
        return text
    if len(text) < 16 and not text.isascii():
        return None
    plain = len(text) - len(_USUAL.sub("", text))
    return text if plain >= 0.7 * len(text) else None


def _is_plain(text: str) -> bool:
    """Tell whether a text looks like something plainer than base64: digits, hexadecimal, or a word."""
    return text.isdigit() or _HEX.fullmatch(text) is not None or (text.isalpha() and (text.islower() or text.istitle()))
