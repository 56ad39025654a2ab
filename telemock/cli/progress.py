"""This is how far a command has got, on a terminal: a bar and the time left, gone when it is done.

It refuses to say anything where standard error is no terminal.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_Rows = Iterable[Sequence[Any]]

# How many rows pass until the bar is moved.
_STEP = 200


@contextmanager
def progress(what: str, last_id: int, first_id: int = 0) -> Iterator[Callable[[_Rows], Iterator[Sequence[Any]]]]:
    """Give what passes rows on and shows how far they are.

    Args:
        what: is being done.
        last_id: of the rows, which begin with their ids and come in the order of those.
        first_id: none of them has this id or a smaller one.
    """
    if sys.stderr is None or not sys.stderr.isatty() or last_id - first_id < _STEP:
        yield iter
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=last_id - first_id)

        def passing(rows: _Rows) -> Iterator[Sequence[Any]]:
            for number, row in enumerate(rows):
                if not number % _STEP:
                    bar.update(task, completed=row[0] - first_id)
                yield row

        yield passing
