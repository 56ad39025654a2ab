"""The rows of a database's pages, read without SQLite where only some of the pages are left.

The format is described at https://sqlite.org/fileformat2.html#b_tree_pages.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

Value = int | float | str | bytes | None

# The first byte of a page that holds rows of a table.
_TABLE_LEAF: Final = 13
_HEAD: Final = Struct(">BHHHB")
_PLACE: Final = Struct(">H")
_FLOAT: Final = Struct(">d")
_NUMBER_BYTES: Final = 4

# The lengths of integers, by serial type, and the types behind them.
_INTEGER_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)
_FLOAT_TYPE: Final = 7
_ZERO_TYPE: Final = 8
_ONE_TYPE: Final = 9
_BLOB_TYPE: Final = 12

_VARINT_BYTES: Final = 9

# Ids from here on are negative ones.
_HALF: Final = 2**63


class _Torn(Exception):
    """What should be a row is none, or a part of it is in a page that is not there, or comes back to one before."""


def leaf_rows(page: bytes, other: Callable[[int], bytes | None]) -> Iterator[tuple[int, tuple[Value, ...]]]:
    """Return the id and the values of each row that begins in a page, which may be of any kind, but not the first one.

    Args:
        page: as a database without reserved bytes has it.
        other: gives the page of a number, in which a long row goes on; None when it is not there.
    """
    if len(page) < _HEAD.size or page[0] != _TABLE_LEAF:
        return
    _, _, count, _, _ = _HEAD.unpack_from(page)
    for (place,) in _PLACE.iter_unpack(page[_HEAD.size : _HEAD.size + _PLACE.size * count]):
        try:
            size, behind_size = _varint(page, place)
            row_id, behind_id = _varint(page, behind_size)
            if row_id >= _HALF:
                row_id -= 2 * _HALF
            values = tuple(_values(_payload(page, behind_id, size, other)))
        except (_Torn, IndexError):
            continue
        yield row_id, values


def text_or_octets(octets: bytes) -> str | bytes:
    """Decode a text; people may have put anything there, which is given as it is."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets


def _payload(page: bytes, place: int, size: int, other: Callable[[int], bytes | None]) -> bytes:
    """Put together what a row holds: the beginning is in its page, the rest in a chain of others."""
    usable = len(page)
    most, least = usable - 35, (usable - 12) * 32 // 255 - 23
    if size <= most:
        return page[place : place + size]
    local = least + (size - least) % (usable - _NUMBER_BYTES)
    local = local if local <= most else least
    parts = [page[place : place + local]]
    left = size - local
    number = int.from_bytes(page[place + local : place + local + _NUMBER_BYTES], "big")
    seen = set()
    while left > 0:
        next_page = None if number in seen else other(number)
        if next_page is None:
            raise _Torn
        seen.add(number)
        part = next_page[_NUMBER_BYTES : _NUMBER_BYTES + left]
        parts.append(part)
        left -= len(part)
        number = int.from_bytes(next_page[:_NUMBER_BYTES], "big")
    return b"".join(parts)


def _values(record: bytes) -> Iterator[Value]:
    head_bytes, place = _varint(record, 0)
    body = head_bytes
    while place < head_bytes:
        kind, place = _varint(record, place)
        value, body = _value(record, body, kind)
        yield value
    if place != head_bytes or body != len(record):
        raise _Torn


def _value(record: bytes, place: int, kind: int) -> tuple[Value, int]:
    """Read a value; give it with where the next one begins."""
    if kind in (_ZERO_TYPE, _ONE_TYPE):
        return kind - _ZERO_TYPE, place
    if kind >= _BLOB_TYPE:
        end = place + (kind - _BLOB_TYPE) // 2
        octets = record[place:end]
        return text_or_octets(octets) if kind % 2 else octets, end
    if kind == _FLOAT_TYPE:
        end = place + _FLOAT.size
        if end > len(record):
            raise _Torn
        return _FLOAT.unpack_from(record, place)[0], end
    end = place + _INTEGER_BYTES[kind]
    return int.from_bytes(record[place:end], "big", signed=True) if kind else None, end


def _varint(octets: bytes, place: int) -> tuple[int, int]:
    """Read a number of one to nine bytes; give it with where the next one begins."""
    number = 0
    for index in range(place, place + _VARINT_BYTES - 1):
        octet = octets[index]
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            return number, index + 1
    return number << 8 | octets[place + _VARINT_BYTES - 1], place + _VARINT_BYTES
