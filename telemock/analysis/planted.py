"""This is how a value that somebody planted is found again: as it was, in any usual coding, or as its hash.

It refuses to undo codings around whole values; `telemock.decoding` does, and what comes out is looked at, too.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from telemock.errors import InvalidSetting

# Shorter values are in everything: they count where no letter or digit goes on beside them, or as whole values only.
_LEAST_ANYWHERE = 6
_LEAST_INSIDE = 3

# So much of a hash is no chance (48 and 72 bits), and is what remains when a product cuts one.
_HEX_OF_HASH = 12
_BASE64_OF_HASH = 12

_HASHES = ("md5", "sha1", "sha256")


@dataclass(frozen=True, slots=True)
class Planted:
    """A value that somebody planted.

    Attributes:
        name: what it is called, such as `hostname`.
        value: any text.
    """

    name: str
    value: str

    @property
    def whole_only(self) -> bool:
        """Tell whether it is so short that only values that are nothing else count."""
        return _edge(self.value.strip()) == "whole"


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a planted value was found in a text.

    Attributes:
        planted: which.
        form: `plain`, a coding, or a hash with its coding: `base64`, `sha256 as hex`.
        text: the part of the text that it is.
    """

    planted: Planted
    form: str
    text: str


# What must not go on beside it: anything, a letter or digit, a hexadecimal digit, or whatever there is.
_Edge = Literal["none", "bounded", "hex", "whole"]
_BESIDE = {"bounded": r"[^\W_]", "hex": "[0-9a-f]"}


@dataclass(frozen=True, slots=True)
class _Needle:
    planted: Planted
    form: str
    text: str
    any_case: bool
    edge: _Edge = "none"


class Needles:
    """Everything that planted values may look like.

    Raises:
        InvalidSetting: a value is empty.
    """

    def __init__(self, planted: Iterable[Planted]) -> None:
        needles = {
            (needle.planted.name, needle.text, needle.any_case): needle for each in planted for needle in _needles(each)
        }
        self._any_case = [needle for needle in needles.values() if needle.any_case]
        self._exact = [needle for needle in needles.values() if not needle.any_case]
        self._digits = [needle for needle in self._any_case if needle.text.isdigit()]

    @property
    def has_digits(self) -> bool:
        """Tell whether one of them is a number."""
        return bool(self._digits)

    def find(self, text: str, *, is_number: bool = False) -> Iterator[Trace]:
        """Give each planted value that a text holds, in each form once.

        Args:
            text: decoded.
            is_number: it holds nothing but digits, which spares most of the work.
        """
        folded = text.lower()
        for needle in self._digits if is_number else self._any_case:
            if needle.text in folded:
                place = _place(needle, folded)
                if place is not None:
                    yield Trace(needle.planted, needle.form, text[place : place + len(needle.text)])
        for needle in () if is_number else self._exact:
            if needle.text in text and _place(needle, text) is not None:
                yield Trace(needle.planted, needle.form, needle.text)


def _place(needle: _Needle, text: str) -> int | None:
    if needle.edge == "none":
        return text.index(needle.text)
    if needle.edge == "whole":
        return 0 if text == needle.text else None
    beside = _BESIDE[needle.edge]
    found = re.search(rf"(?<!{beside}){re.escape(needle.text)}(?!{beside})", text)
    return None if found is None else found.start()


def _needles(planted: Planted) -> Iterator[_Needle]:
    value = planted.value.strip()
    if not value:
        raise InvalidSetting(f"The planted value of {planted.name!r} is empty; give what is to be looked for.")
    for spelling in _spellings(value):
        edge = _edge(spelling)
        yield _Needle(planted, "plain", spelling.lower(), any_case=True, edge=edge)
        # What codings make of one or two characters is in everything.
        for form, text in _coded(spelling) if len(spelling) >= _LEAST_INSIDE else ():
            yield _Needle(planted, form, text.lower(), any_case=True, edge=_coded_edge(form, text, edge))
        whole = base64.b64encode(spelling.encode()).decode()
        yield _Needle(planted, "base64", whole, any_case=False, edge="whole")
        if len(spelling) >= _LEAST_INSIDE:
            yield _Needle(planted, "base64", whole.rstrip("="), any_case=False, edge="bounded")
        for form, text in _in_base64(spelling):
            yield _Needle(planted, form, text, any_case=False)
        for hashed in (spelling, spelling + "\n", f'"{spelling}"'):
            for name in _HASHES:
                digest = hashlib.new(name, hashed.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
                yield _Needle(planted, f"{name} as hex", digest.hex()[:_HEX_OF_HASH], any_case=True)
                in_base64 = base64.b64encode(digest)[:_BASE64_OF_HASH].decode()
                for text in (in_base64, in_base64.translate(_URL_SAFE)):
                    yield _Needle(planted, f"{name} as base64", text, any_case=False)


def _coded_edge(form: str, text: str, edge: _Edge) -> _Edge:
    """Tell the edge of a coded text: what has a form that nothing else has needs none."""
    if edge == "none" or form in ("escapes", "character references") or text.count("%") * 3 == len(text):
        return "none"
    return "hex" if form.startswith("hex") else edge


def _edge(text: str) -> _Edge:
    if len(text) >= _LEAST_ANYWHERE:
        return "none"
    return "bounded" if len(text) >= _LEAST_INSIDE else "whole"


_URL_SAFE = str.maketrans("+/", "-_")


def _spellings(value: str) -> set[str]:
    """Give the ways a value is written: in other cases, and an address of an interface with other separators."""
    ways = {value}
    if re.fullmatch(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}", value):
        digits = re.sub(r"[:-]", "", value)
        ways |= {by.join(digits[at : at + 2] for at in range(0, 12, 2)) for by in (":", "-", "")}
    return {spelling for way in ways for spelling in (way, way.lower(), way.upper())}


def _coded(spelling: str) -> Iterator[tuple[str, str]]:
    """Give a text in codings whose letters' case says nothing, all of its characters coded."""
    utf8, utf16 = spelling.encode(), spelling.encode("utf-16-le")
    yield "hex", utf8.hex()
    yield "hex of UTF-16", utf16.hex()
    yield "percent", "".join(f"%{octet:02x}" for octet in utf8)
    if quote(spelling, safe="") != spelling:
        yield "percent", quote(spelling, safe="")
    yield "escapes", "".join(f"\\u{int.from_bytes(utf16[at : at + 2], 'little'):04x}" for at in range(0, len(utf16), 2))
    yield "character references", "".join(f"&#{ord(character)};" for character in spelling)
    yield "character references", "".join(f"&#x{ord(character):x};" for character in spelling)
    yield "base32", base64.b32encode(utf8)[: len(utf8) * 8 // 5].decode()
    if spelling != spelling[::-1]:
        yield "reversed", spelling[::-1]


def _in_base64(spelling: str) -> Iterator[tuple[str, str]]:
    """Give what base64 makes of a text wherever it begins among the three octets of a group, alone or amidst others."""
    for form, octets in (("base64", spelling.encode()), ("base64 of UTF-16", spelling.encode("utf-16-le"))):
        for before in range(3):
            coded = base64.b64encode(b"\0" * before + octets).decode()
            # What depends on octets before and behind is left away.
            sure = coded[(before * 8 + 5) // 6 : (before + len(octets)) * 8 // 6]
            if len(sure) >= _LEAST_ANYWHERE:
                for text in {sure, sure.translate(_URL_SAFE)}:
                    yield form, text
