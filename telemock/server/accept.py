"""Which kind of content a client asks for, by its Accept field (RFC 9110 section 12.5.1)."""

import re
from collections.abc import Iterator
from typing import Final, Literal, get_args

# In the order that decides between equals.
ContentKind = Literal["json", "html", "image", "text"]
_KINDS: Final[tuple[ContentKind, ...]] = get_args(ContentKind)

# Commas and semicolons within quotes part nothing.
_MEMBERS: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETERS: Final = re.compile(r';((?:[^;"]|"(?:[^"\\]|\\.)*")*)')
_RANGE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)/([!#$%&'*+.^_`|~0-9a-z-]+)")
_WEIGHT: Final = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def asked_for(accept: str) -> ContentKind:
    """Tell what is asked for: the kind of the highest weight, of equals the one that is named more closely.

    Args:
        accept: value of the field, of several fields with commas between; "" where there is none. A member that is
            not understood is left out.
    """
    ranges = [*_ranges(accept.lower())]
    if not ranges:
        return "json"
    weights: dict[ContentKind, tuple[int, float]] = {}
    for kind, closeness, weight in ranges:
        weights[kind] = max(weights.get(kind, (-1, 0.0)), (closeness, weight))
    wanted = [(weight, closeness, kind) for kind, (closeness, weight) in weights.items() if weight]
    return max(wanted, key=lambda each: (*each[:2], -_KINDS.index(each[2])))[2] if wanted else "text"


def _ranges(accept: str) -> Iterator[tuple[ContentKind, int, float]]:
    """Give for each media range the kinds within it, how closely it names them, and its weight."""
    for member in _MEMBERS.findall(accept):
        name, *_ = member.split(";", 1)
        found = _RANGE.fullmatch(name.strip())
        if found is None:
            continue
        weights = filter(None, (_WEIGHT.fullmatch(each.strip()) for each in _PARAMETERS.findall(member)))
        weight = next((float(each[1]) for each in weights), 1.0)
        for kind, closeness in _kinds_within(found[1], found[2]):
            yield kind, closeness, weight


def _kinds_within(main: str, sub: str) -> list[tuple[ContentKind, int]]:
    if main == "*":
        return [(kind, 0) for kind in _KINDS] if sub == "*" else []
    if sub == "*":
        within: dict[str, list[ContentKind]] = {"application": ["json"], "text": ["html", "text"], "image": ["image"]}
        return [(kind, 1) for kind in within.get(main, ["text"])]
    return [(kind_of(f"{main}/{sub}"), 2)]


def kind_of(media_type: str) -> ContentKind:
    """Tell the kind of a media type in lower case, without parameters."""
    main, _, sub = media_type.partition("/")
    if sub == "json" or sub.endswith("+json"):
        return "json"
    if media_type in ("text/html", "application/xhtml+xml"):
        return "html"
    return "image" if main == "image" else "text"
