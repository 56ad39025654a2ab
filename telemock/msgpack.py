"""MessagePack as JSON would hold it (https://github.com/msgpack/msgpack/blob/master/spec.md)."""

from typing import Any

import msgspec

from telemock.protobuf import octets_as_text
from telemock.text import Members, Number


def read_msgpack(body: bytes) -> Any:
    """Return what a body holds, `Members`, lists, strings and numbers; None when it is no MessagePack."""
    try:
        return _as_json(msgspec.msgpack.decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return Members(
            (key if isinstance(key, str) else str(_as_json(key)), _as_json(each)) for key, each in value.items()
        )
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    if isinstance(value, bytes):
        return octets_as_text(value)
    if isinstance(value, msgspec.msgpack.Ext):
        return octets_as_text(bytes(value.data))
    if value is None or isinstance(value, bool | str):
        return value
    return Number(value) if isinstance(value, int | float) else str(value)
