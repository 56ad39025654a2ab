"""Values in XML, and in what is written like it, with their names: elements, attributes, and values beside their names.

Text is read as it stands, whole or not, well-formed or not; the time it takes grows with its length.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# A tag, as far as it goes on; the text of a CDATA section; or text.
_PIECE = re.compile(
    r"<!\[CDATA\[(?P<data>(?:[^\]]|\](?!\]>))*+)(?:\]\]>)?"
    r"|<(?P<end>/?)(?P<tag>[A-Za-z_][\w:.-]{0,255})(?P<rest>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>?"
    r"|(?P<text>[^<]++)|<"
)
_ATTRIBUTE = re.compile(r"(?<![\w:.-])([\w:.-]++)\s{0,8}=\s{0,8}(?:\"([^\"]*)\"|'([^']*)')")

# Elements and attributes that hold the name of what stands beside them, and attributes that may be that.
_NAMES = frozenset(("key", "name", "n", "k"))
_NAMED = re.compile(r"[^\s<>]{1,128}")
_BESIDE = frozenset(("value", "val", "v", "string", "data", "text", "array", "dict"))

_MOST_OPEN = 256
_LONGEST_PATH = 256


class Marked(NamedTuple):
    """A value in markup.

    Attributes:
        name: of the elements and the attribute that it stands in, as of a field: `Envelope.Body.password`.
        start: its place in the text.
        value: as it stands there; its entities are not undone.
    """

    name: str
    start: int
    value: str


class _Element:
    __slots__ = ("name", "path", "said")

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.said = ""  # the name that its last child gave for what follows


def marked_values(text: str) -> Iterator[Marked]:
    """Yield each value in markup, in order."""
    opened = [_Element("", "")]
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        within = opened[-1]
        if kind in ("text", "data"):
            yield from _of_text(piece, str(kind), opened)
        elif kind is not None and piece["end"]:
            if any(each.name == piece["tag"] for each in opened[-3:]):
                while opened.pop().name != piece["tag"]:
                    pass
        elif kind is not None:
            name = piece["tag"].rpartition(":")[2]
            attributes = [
                (each[1], each.start(2 if each[2] is not None else 3) + piece.start("rest"), each[2] or each[3] or "")
                for each in _ATTRIBUTE.finditer(piece["rest"])
            ]
            said = next(
                (value for key, _, value in attributes if key.lower() in _NAMES and _NAMED.fullmatch(value)), ""
            )
            beside = within.said if name.lower() in _BESIDE else ""
            unnamed = _joined(within.path, beside, name)
            path = _joined(unnamed, said)
            for key, start, value in attributes:
                yield Marked(_joined(unnamed if value == said else path, key), start, value)
            if not piece["rest"].endswith("/") and len(opened) < _MOST_OPEN:
                opened.append(_Element(piece["tag"], path))


def _of_text(piece: re.Match[str], kind: str, opened: list[_Element]) -> Iterator[Marked]:
    value = piece[kind].strip()
    if not value or len(opened) < 2:
        return
    element, outside = opened[-1], opened[-2]
    if element.name.rpartition(":")[2].lower() in _NAMES:
        outside.said = value if _NAMED.fullmatch(value) else ""
    yield Marked(element.path, piece.start(kind) + piece[kind].index(value), value)


def _joined(*names: str) -> str:
    return ".".join(filter(None, names))[-_LONGEST_PATH:]
