"""This is CSV (RFC 4180, lines end in LF) that a spreadsheet can open without running anything.

It refuses to keep cells as they were: what begins like a formula gets an apostrophe, what cannot be seen an escape.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

from telemock.text import printable

# A spreadsheet takes a cell that starts so for a formula, some also in the full width of East Asian text
# (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - those are meant


class Delimited:
    """A table in CSV.

    Args:
        stream: text; line ends are written as they are.
        names: the header.
    """

    def __init__(self, stream: TextIO, names: Sequence[str]) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self.write([names])

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Write rows."""
        self._writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    defused = "'" + value if value.startswith(FORMULA_STARTS) else value
    if defused.isprintable():
        return defused
    return re.sub(r"[^\n\t]+", lambda part: printable(part[0]), defused)
