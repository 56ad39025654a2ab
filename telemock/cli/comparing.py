"""This is how the versions in a capture are compared, each with the one before, in a process beside the one that asks.

It refuses to be waited for when nobody wants to know any more.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from telemock.analysis.changes import find_changes
from telemock.cli.changes import comparison_to_json
from telemock.cli.reading import read_inventory
from telemock.errors import StoreUnavailable, TelemockError
from telemock.store.filters import Filters
from telemock.store.learnt import Extent
from telemock.store.reader import open_reader

# Of more versions, the last ones are compared.
MOST_VERSIONS = 6


@contextmanager
def comparing_versions(
    path: Path, filters: Filters, extent: Extent, *, anew: bool, path_templates: bool = True
) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Begin to compare versions, and give what waits for the result; it ends with the block.

    Args:
        path: of the database.
        filters: which exchanges of each version.
        extent: of the database; what is stored later is left out.
        anew: read everything, whatever was learnt before.
        path_templates: take paths that differ in ids, hashes or dates only for one endpoint.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_send_changes,
        args=(theirs, path, filters, extent),
        kwargs={"anew": anew, "path_templates": path_templates},
        daemon=True,
    )
    # Ctrl-C goes to all processes of a terminal: the one that asks decides, and this one inherits that it is deaf.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    theirs.close()

    def result() -> list[dict[str, Any]]:
        try:
            said: list[dict[str, Any]] | TelemockError = ours.recv()
        except EOFError:
            raise StoreUnavailable("The versions could not be compared: the process that did it ended.") from None
        if isinstance(said, TelemockError):
            raise said
        return said

    try:
        yield result
    finally:
        process.kill()
        process.join()


def _send_changes(
    to: Connection, path: Path, filters: Filters, extent: Extent, *, anew: bool, path_templates: bool
) -> None:
    try:
        to.send([*_compare(path, filters, extent, anew=anew, path_templates=path_templates)])
    except TelemockError as error:
        to.send(error)


def _compare(
    path: Path, filters: Filters, extent: Extent, *, anew: bool, path_templates: bool
) -> Iterator[dict[str, Any]]:
    with open_reader(path) as reader:
        versions = [version for version, _ in reader.versions()][-MOST_VERSIONS:] if filters.version is None else []
        inventories = (
            (
                version,
                read_inventory(
                    path,
                    reader,
                    replace(filters, version=version),
                    anew=anew,
                    path_templates=path_templates,
                    extent=extent,
                    quiet=True,
                ),
            )
            for version in versions
        )
        for (a, first), (b, second) in pairwise(each for each in inventories if each[1].count):
            yield comparison_to_json((a, b), first, second, find_changes(first, second))
