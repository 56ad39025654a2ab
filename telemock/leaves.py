"""The fields of structured data: paths and values of what JSON, protobuf or MessagePack held.

Places in an array are not told apart, `$.sources[].type`, and pairs are named by their keys:
`$.attributes["host.name"]` is the value of `{"key": "host.name", "value": "a"}` in the array `$.attributes`. So are
header fields and cookies, which are also told as arrays of two, `$.headers["accept"]`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Literal

from telemock.text import Members, Number

# What a value was written as: text that may stand for anything, or in JSON a string, a number, or a word such as null.
Form = Literal["text", "string", "number", "word"]

# Name, value and form.
Leaf = tuple[str, str, Form]

# More values of one body are not looked at; a body of 10 MB could hold millions.
MOST_LEAVES = 200_000

# Longer paths are kept by their beginning and a hash: each value below one has it again.
LONGEST_PATH = 400
_KEPT_OF_PATH = 300
_LONGEST_STEP = 64

_SHORTENED = re.compile(rf".{{{_KEPT_OF_PATH}}}…[0-9a-f]{{16}}", re.DOTALL)

# What a pair calls its key and its value; further members beside them may stand only where the first of these is used.
_PAIR_NAMES = (("key", "value"), ("name", "value"), ("k", "v"), ("Key", "Value"), ("Name", "Value"))

# A key that may name a field. Ids are none: there would be a field for each of them.
_KEY = re.compile(r"(?=.*[^\W\d_])(?!.*\d{5})(?!.*[0-9a-f]{8}-[0-9a-f]{4}-)[^\0-\x1f\x7f]{1,128}", re.IGNORECASE)

# Where header fields and cookies are told, and names that such have (RFC 9110 section 5.6.2).
_HEAD = re.compile(r"(?:headers?|trailers|cookies|queryString)\Z", re.IGNORECASE)
_FIELD_NAME = re.compile(r"(?=.*[A-Za-z])[\w!#$%&'*+.^`|~-]{1,128}", re.ASCII)

# What OpenTelemetry's AnyValue calls its one member in JSON, by type; 64-bit integers stand in strings.
_ANY_VALUE = frozenset(
    ("stringValue", "boolValue", "intValue", "doubleValue", "bytesValue", "arrayValue", "kvlistValue")
)


def typed_leaves(value: Any, items: Counter[str], root: str = "$") -> Iterator[Leaf]:
    """Yield the values of structured data, by path, in their order; an empty object or array is a value, too.

    Args:
        value: as `telemock.text.load_json` returns it.
        items: where the elements of arrays are counted, by path.
        root: what each path begins with.
    """
    waiting: list[tuple[str, Any]] = [(root, value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, Members):
            if each:
                waiting.extend((extended(path, f".{name}"), inner) for name, inner in reversed(each))
            else:
                yield path, "{}", "text"
        elif isinstance(each, list):
            inside = extended(path, "[]")
            items[inside] += len(each)
            if not each:
                yield path, "[]", "text"
            elif (keyed := _keyed(path, each)) is not None:
                waiting.extend(reversed(keyed))
            else:
                waiting.extend((inside, inner) for inner in reversed(each))
        elif isinstance(each, Number):
            yield path, str(each), "number"
        elif isinstance(each, str):
            yield path, each, "string"
        else:
            yield path, json.dumps(each), "word"


def shortened_path(path: str) -> str:
    """Return a path or a name; of one that is longer than LONGEST_PATH, the beginning and a hash."""
    if len(path) <= LONGEST_PATH:
        return path
    return f"{path[:_KEPT_OF_PATH]}…{sha256(path.encode(errors='surrogatepass')).hexdigest()[:16]}"


def is_shortened(path: str) -> bool:
    """Tell whether a path was shortened, or goes on below one that was."""
    return _SHORTENED.match(path) is not None


def extended(path: str, step: str) -> str:
    """Return a path one step further, shortened where it becomes too long; the name of a value says what it is."""
    if len(path) + len(step) <= LONGEST_PATH:
        return path + step
    return shortened_path(path + step) + step if len(step) <= _LONGEST_STEP else shortened_path(path + step)


def _keyed(path: str, array: list[Any]) -> list[tuple[str, Any]] | None:
    """Return paths and values of an array of pairs; None when one of its elements is no pair.

    Each pair may be the only member of an object: `{"task": {"key": "cache", "value": "local"}}`.
    """
    is_head = _HEAD.search(path) is not None
    if not is_head and not isinstance(array[0], Members):
        return None
    if is_head and (told := _told_fields(path, array)):
        return told
    found: list[tuple[str, Any]] = []
    has_values = False
    for each in array:
        if not isinstance(each, Members) or not each:
            return None
        name, inner = each[0]
        is_wrapped = len(each) == 1 and isinstance(inner, Members)
        pair = _pair(inner if is_wrapped else each, may_say_more=is_head)
        if pair is None:
            return None
        key, value, others = pair
        has_values |= value != Members()
        outside = f".{name}" if is_wrapped else ""
        found.append((extended(path, f"{outside}[{json.dumps(key, ensure_ascii=False)}]"), _unwrapped(value)))
        found += ((extended(path, f"[]{outside}.{other}"), inner) for other, inner in others)
    return found if has_values else None


def _told_fields(path: str, array: list[Any]) -> list[tuple[str, Any]]:
    """Return paths and values of header fields or cookies that are told as arrays of two, or one behind the other."""
    pairs = array if type(array[0]) is list else [array[at : at + 2] for at in range(0, len(array), 2)]
    found = []
    for pair in pairs:
        if type(pair) is not list or len(pair) != 2 or not all(type(each) is str for each in pair):
            return []
        if not _FIELD_NAME.fullmatch(pair[0]):
            return []
        found.append((extended(path, f"[{json.dumps(pair[0])}]"), pair[1]))
    return found


def _pair(members: Members, *, may_say_more: bool) -> tuple[str, Any, list[tuple[str, Any]]] | None:
    """Return key, value and what stands beside them; None when this is no pair."""
    said = dict(members)
    if len(said) != len(members):
        return None
    for at, (key_name, value_name) in enumerate(_PAIR_NAMES):
        key = said.get(key_name)
        is_alone = at == 0 and len(members) == 1  # an attribute without a value, as OpenTelemetry writes it
        if (value_name in said or is_alone) and isinstance(key, str) and not isinstance(key, Number):
            others = [(name, value) for name, value in members if name not in (key_name, value_name)]
            return (
                (key, said.get(value_name, Members()), others)
                if _KEY.fullmatch(key) and (not others or at == 0 or may_say_more)
                else None
            )
    return None


def _unwrapped(value: Any) -> Any:
    """Take the value out of an AnyValue (opentelemetry/proto/common/v1/common.proto); others stay."""
    if not isinstance(value, Members) or len(value) != 1 or value[0][0] not in _ANY_VALUE:
        return value
    name, inner = value[0]
    if name in ("arrayValue", "kvlistValue"):
        values = dict(inner).get("values", []) if isinstance(inner, Members) else inner
        return [_unwrapped(each) for each in values] if isinstance(values, list) else values
    return Number(inner) if name == "intValue" and isinstance(inner, str) else inner
