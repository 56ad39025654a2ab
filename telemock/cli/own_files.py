"""How the files that commands wrote are known again, so that a command replaces its own and no others."""

import json
import re
import zipfile
from typing import BinaryIO

_HEAD_BYTES = 4096

# The footer of Parquet ends in its length and four letters (https://parquet.apache.org/docs/file-format/).
_PARQUET = b"PAR1"
_PARQUET_END_BYTES = 8

# Each begins with the columns of an exchange, or says who made it.
_TEXT_EXPORT = re.compile(
    rb"""\{"id":\d+,"received_at":|id,received_at,|\{"log":\{[^\n]{0,200}"creator":\{"name":"telemock\"""",
)

_READY_MEMBERS = frozenset(("host", "port", "pid", "db"))


def is_export(file: BinaryIO) -> bool:
    """Tell whether a file was written by `telemock export`, in whichever format."""
    head = file.read(_HEAD_BYTES)
    if head.startswith(_PARQUET):
        return _is_parquet_export(file)
    if head.startswith(b"PK"):
        return _is_sheet_export(file)
    return _TEXT_EXPORT.match(head) is not None


def is_report(file: BinaryIO) -> bool:
    """Tell whether a file is a page of `telemock report`."""
    return b'<meta name="generator" content="telemock ' in file.read(_HEAD_BYTES)


def is_ready_file(file: BinaryIO) -> bool:
    """Tell whether a file is one that `telemock serve --ready-file` wrote."""
    try:
        said = json.loads(file.read(_HEAD_BYTES))
    except ValueError:
        return False
    return isinstance(said, dict) and said.keys() >= _READY_MEMBERS


def _is_parquet_export(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    file.seek(max(size - _PARQUET_END_BYTES, 0))
    end = file.read()
    file.seek(max(size - _PARQUET_END_BYTES - int.from_bytes(end[:4], "little"), 0))
    return end[4:] == _PARQUET and b"received_at" in file.read(_HEAD_BYTES)


def _is_sheet_export(file: BinaryIO) -> bool:
    try:
        with zipfile.ZipFile(file) as book, book.open("xl/workbook.xml") as parts:
            return b'name="exchanges"' in parts.read(_HEAD_BYTES)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError):
        return False
