"""Protobuf read without its schema: messages as JSON would hold them, with the numbers of their fields as names.

What a schema would say is told from the bytes: https://protobuf.dev/programming-guides/encoding. OpenTelemetry's pairs
of a key and an AnyValue become pairs, as they stand in its JSON.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from telemock.text import Members, Number

# Messages inside of each other; protobuf's own readers stop at 100.
MAX_DEPTH = 50

# Numbers go up to 2**29 - 1; what is larger than this was not seen, and is rather no protobuf.
_LARGEST_NUMBER = 50_000

# Bytes that are no text are hexadecimal digits up to here, which are ids; more are text that is looked at.
_LONGEST_ID = 32

# Control characters that no text has.
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\U0010ffff]")

# Sizes of real numbers; as one, a whole number or a time in nanoseconds would be nearly nothing.
_USUAL = (1e-9, 1e15)

# Values of a repeated number are taken for packed when random bytes are so small less often than this.
_PACKED_BY_CHANCE = 1e-3

# What one number of a message holds: a whole number, its octets, or what stands in a group.
_Wire = Literal[0, 1, 2, 3, 5]
_Value = int | bytes | list["_Held"]
_Held = tuple[int, _Wire, _Value]

# Wire types of the members of an AnyValue, by number (opentelemetry/proto/common/v1/common.proto).
_ANY_VALUE: dict[int, _Wire] = {1: 2, 2: 0, 3: 0, 4: 1, 5: 2, 6: 2, 7: 2}


def read_message(content: bytes) -> Members | None:
    """Return a message: `Members` by field number, strings, `Number`, lists of pairs; None when it is none."""
    held = _scan(content)
    return None if held is None else _members(held, 0)


def read_frames(content: bytes) -> list[Members] | None:
    """Return the messages of a gRPC body (length-prefixed, not compressed); None when it is none.

    What ends gRPC-Web, a frame of header fields, is left out.
    """
    messages = []
    at = 0
    while at < len(content):
        if at + 5 > len(content):
            return None
        flags, length = struct.unpack_from(">BI", content, at)
        frame = content[at + 5 : at + 5 + length]
        if len(frame) < length or flags not in (0, 0x80):
            return None
        message = read_message(frame) if not flags else Members()
        if message is None:
            return None
        if not flags:
            messages.append(message)
        at += 5 + length
    return messages


def is_plausible(message: Members) -> bool:
    """Tell whether bytes of an unknown kind were really a message: chance leaves no text of some length in it."""
    waiting: list[Any] = [message]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Members):
            waiting += (inner for _, inner in each)
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str) and not isinstance(each, Number) and len(each) >= 4 and each.isprintable():
            return True
    return False


def octets_as_text(octets: bytes) -> str:
    """Return bytes that are no text: hexadecimal digits of an id, more bytes as they are (PEP 383)."""
    return octets.hex() if len(octets) <= _LONGEST_ID else octets.decode(errors="surrogateescape")


def _scan(content: bytes) -> list[_Held] | None:
    """Return what a message holds, field by field; None when the bytes are no message."""
    open_groups: list[tuple[int, list[_Held]]] = []
    held: list[_Held] = []
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        number, wire = tag >> 3, tag & 7
        if not at or not 0 < number <= _LARGEST_NUMBER:
            return None
        if wire == 0:
            value, at = _varint(content, at)
            if not at:
                return None
            held.append((number, 0, value))
        elif wire in (1, 2, 5):
            length, at = _varint(content, at) if wire == 2 else (8 if wire == 1 else 4, at)
            octets = content[at : at + length]
            if not at or len(octets) < length:
                return None
            held.append((number, 1 if wire == 1 else 2 if wire == 2 else 5, octets))
            at += length
        elif wire == 3:
            if len(open_groups) >= MAX_DEPTH:
                return None
            open_groups.append((number, held))
            held = []
        elif wire == 4 and open_groups and open_groups[-1][0] == number:
            inside = held
            _, held = open_groups.pop()
            held.append((number, 3, inside))
        else:
            return None
    return None if open_groups else held


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a number of up to 64 bits and where it ends; 0 as the end when there is none."""
    value = shift = 0
    for octet in content[at : at + 10]:
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    return 0, 0


def _members(held: list[_Held], depth: int) -> Members:
    members = Members()
    pairs = _pairs(held)
    for number, wire, value in held:
        if number not in pairs:
            members += ((str(number), each) for each in _values(wire, value, depth))
        elif pairs[number]:
            members.append((str(number), _named(pairs[number], depth)))
            pairs[number] = []
    return members


# Key and value of an OpenTelemetry KeyValue; the value is what its AnyValue holds, nothing or one field.
_Pair = tuple[str, list[_Held]]


def _pairs(held: list[_Held]) -> dict[int, list[_Pair]]:
    """Return the numbers under which all values are pairs, with these pairs."""
    pairs: dict[int, list[_Pair]] = {}
    others: set[int] = set()
    for number, _, value in held:
        pair = _pair(value) if number not in others and isinstance(value, bytes) else None
        if pair is None:
            others.add(number)
            pairs.pop(number, None)
        else:
            pairs.setdefault(number, []).append(pair)
    return {number: each for number, each in pairs.items() if any(value for _, value in each)}


def _pair(content: bytes) -> _Pair | None:
    """Return a string that is field 1 and an AnyValue that is field 2, if there is one; None of something else."""
    held = _scan(content) if content.startswith(b"\x0a") else None
    if held is None or [number for number, _, _ in held] not in ([1], [1, 2]):
        return None
    key, value = held[0][2], _any_value(held[1][2]) if len(held) > 1 else []
    text = _text(key) if isinstance(key, bytes) else None
    return None if not text or value is None else (text, value)


def _any_value(value: _Value) -> list[_Held] | None:
    """Return what an AnyValue holds; None when this is something else."""
    held = _scan(value) if isinstance(value, bytes) else None
    is_one = held is not None and (not held or (len(held) == 1 and _ANY_VALUE.get(held[0][0]) == held[0][1]))
    return held if is_one else None


def _named(pairs: list[_Pair], depth: int) -> list[Members]:
    return [Members([("key", key), ("value", _value_in(held, depth + 1))]) for key, held in pairs]


def _value_in(held: list[_Held], depth: int) -> Any:
    """Return the value of an AnyValue: a string, a word, a number, bytes, or more values in an array or of pairs."""
    if not held:
        return Members()
    number, wire, value = held[0]
    if number == 2:
        return bool(value)
    if not isinstance(value, bytes) or wire != 2:
        return next(_values(wire, value, depth))
    inside = _scan(value) if number in (5, 6) and depth < MAX_DEPTH else None
    if inside is not None:
        return _values_in(number, inside, depth)
    text = _text(value) if number == 1 else None
    return octets_as_text(value) if text is None else text


def _values_in(number: int, held: list[_Held], depth: int) -> Any:
    """Return the values of an ArrayValue, number 5 of an AnyValue, or the pairs of a KeyValueList, its number 6."""
    if number == 6 and (pairs := _pairs(held)).keys() == {1} == {each[0] for each in held}:
        return _named(pairs[1], depth)
    values = [value for each in held if each[0] == 1 and (value := _any_value(each[2])) is not None]
    if number == 5 and len(values) == len(held):
        return [_value_in(each, depth + 1) for each in values]
    return _members(held, depth + 1)


def _values(wire: _Wire, value: _Value, depth: int) -> Iterator[Any]:
    """Yield what stands under one number: one value, or several where they are packed."""
    if isinstance(value, int):
        yield Number(value - 2**64 if value >= 2**63 else value)
    elif isinstance(value, list):
        yield _members(value, depth + 1) if depth < MAX_DEPTH else octets_as_text(b"")
    elif wire == 1:
        yield _fixed(value, "<d", "<q")
    elif wire == 5:
        yield _fixed(value, "<f", "<i")
    else:
        yield from _delimited(value, depth)


def _fixed(octets: bytes, real: str, whole: str) -> Number:
    """Return the real number that octets stand for if it has a usual size, or else the whole number."""
    (number,) = struct.unpack(real, octets)
    if _USUAL[0] < abs(number) < _USUAL[1]:
        return Number(f"{number:.7g}" if real == "<f" else repr(number))
    return Number(struct.unpack(whole, octets)[0])


def _delimited(octets: bytes, depth: int) -> Iterator[Any]:
    """Yield a string, a message, packed numbers or bytes: whatever these octets look like."""
    text = _text(octets)
    may_be_message = depth < MAX_DEPTH and octets and (text is None or octets[0] in b'\n\r\t"*:')
    held = _scan(octets) if may_be_message else None
    if held is not None:
        yield _members(held, depth + 1)
    elif text is not None:
        yield text
    elif numbers := _packed(octets):
        yield from map(Number, numbers)
    else:
        yield octets_as_text(octets)


def _packed(octets: bytes) -> Sequence[int]:
    """Return the numbers of a packed field, each of a byte or of eight; nothing when chance may have made them."""
    if not len(octets) % 8:
        numbers = struct.unpack(f"<{len(octets) // 8}Q", octets)
        if max(numbers) < 2**32:
            return numbers
    largest = max(octets)
    is_sure = len(octets) < 4 or ((largest + 1) / 256) ** len(octets) < _PACKED_BY_CHANCE
    return octets if largest < 0x80 and is_sure else ()


def _text(octets: bytes) -> str | None:
    """Return octets as text; None when they are no UTF-8, or hold control characters that text has not."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text
