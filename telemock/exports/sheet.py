"""This is a spreadsheet (Office Open XML) of any length: rows go to disk as they come.

It refuses to let a cell become a formula, and to lose what a sheet cannot hold without saying so.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import Any

from telemock.exports.delimited import FORMULA_STARTS
from telemock.exports.records import TIME_FIELDS
from telemock.text import printable_lines

# Excel's limits (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3); the header is a row.
MAX_ROWS = 1_048_575
MAX_CHARACTERS = 32_767

# A number of more digits would be rounded.
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,14}")

_WIDTH = 18


def write_sheet(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Write a workbook, and tell in sentences what it could not hold as it was.

    Args:
        path: where it is written; what it takes until then is in a folder beside it, which is removed.
        names: the header; those of an exchange's times hold dates, where a spreadsheet has such a date.
        rows: of text, numbers, and None; whole numbers that are text become numbers where no digit is lost.

    Raises:
        OSError: it cannot be written.
    """
    from xlsxwriter import Workbook  # noqa: PLC0415 - only this format needs it
    from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder:
        book = Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": folder,
                "use_zip64": True,
            },
        )
        sheets = _Sheets(book, names)
        waiting = iter(rows)
        while sheets.fill(islice(waiting, MAX_ROWS)):
            pass
        try:
            book.close()
        except FileCreateError as error:
            raise error.args[0] from error
    return [*sheets.told()]


class _Sheets:
    def __init__(self, book: Any, names: Sequence[str]) -> None:
        self._book = book
        self._names = names
        self._times = frozenset(column for column, name in enumerate(names) if name in TIME_FIELDS)
        self._bold = book.add_format({"bold": True})
        self._date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        # Text even when somebody edits it, or saves it as CSV.
        self._quoted = book.add_format({"quote_prefix": True})
        self._sheet: Any = None
        self._count = 0
        self._cut = 0

    def fill(self, rows: Iterator[Sequence[object]]) -> bool:
        """Make one sheet; tell whether it is full. The first one is there also when it has no rows."""
        first = next(rows, None)
        if first is None and self._count:
            return False
        self._begin()
        number = 0
        for number, row in enumerate([] if first is None else chain([first], rows), 1):
            for column, value in enumerate(row):
                if value is not None:
                    self._write(number, column, value)
        self._sheet.autofilter(0, 0, number, len(self._names) - 1)
        return number == MAX_ROWS

    def told(self) -> Iterator[str]:
        if self._cut:
            yield f"Cut, and ending in …: {self._cut} texts; a cell holds {MAX_CHARACTERS} characters."
        if self._count > 1:
            yield f"The rows are on {self._count} sheets; one holds {MAX_ROWS}."

    def _begin(self) -> None:
        self._count += 1
        self._sheet = self._book.add_worksheet("exchanges" if self._count == 1 else f"exchanges {self._count}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._names) - 1, _WIDTH)
        for column, name in enumerate(self._names):
            self._sheet.write_string(0, column, self._fitting(name), self._bold)

    def _write(self, row: int, column: int, value: object) -> None:
        if isinstance(value, int | float) and isfinite(value):
            self._sheet.write_number(row, column, value)
            return
        text = str(value)
        if column in self._times and (date := _date(text)) is not None:
            self._sheet.write_datetime(row, column, date, self._date)
        elif _NUMBER.fullmatch(text):
            self._sheet.write_number(row, column, int(text))
        else:
            style = self._quoted if text.startswith(FORMULA_STARTS) else None
            self._sheet.write_string(row, column, self._fitting(text), style)

    def _fitting(self, text: str) -> str:
        shown = printable_lines(text)
        units = shown.encode("utf-16-le")  # Excel counts those
        if len(units) <= 2 * MAX_CHARACTERS:
            return shown
        self._cut += 1
        return units[: 2 * MAX_CHARACTERS - 2].decode("utf-16-le", "ignore") + "…"


def _date(text: str) -> datetime | None:
    """Take a time; None when people wrote it otherwise, or no spreadsheet has it."""
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return None
    return moment if moment.year >= 1900 and moment.tzinfo is None else None
