"""Versions are compared beside the rest of a report, by a process that ends with it."""

import os
import signal
import subprocess
import sys
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest

from telemock.cli.comparing import MOST_VERSIONS, comparing_versions
from telemock.errors import StoreUnavailable
from telemock.store.filters import Filters
from telemock.store.learnt import Extent
from telemock.store.reader import open_reader
from tests.corpus import database, ping

Changes = list[dict[str, Any]]


def compared(db: Path, filters: Filters | None = None, extent: Extent | None = None) -> Changes:
    with open_reader(db) as reader:
        there = reader.extent()
    with comparing_versions(db, filters or Filters(), extent or there, anew=False) as changes:
        return changes()


def versions(folder: Path, count: int) -> Path:
    return database(folder, *(ping(number, version=f"4.{number}", query=f"f{number}=1") for number in range(count)))


def test_each_version_is_compared_with_the_one_before(tmp_path: Path) -> None:
    said = compared(versions(tmp_path, 3))
    assert [(pair["a"], pair["b"], pair["a_exchanges"], pair["b_exchanges"]) for pair in said] == [
        ("4.0", "4.1", 1, 1),
        ("4.1", "4.2", 1, 1),
    ]
    assert [(each["change"], each["name"]) for each in said[1]["changes"]] == [("added", "f2"), ("removed", "f1")]


def test_of_many_versions_the_last_ones_are(tmp_path: Path) -> None:
    said = compared(versions(tmp_path, MOST_VERSIONS + 2))
    assert [pair["a"] for pair in said] == [f"4.{number}" for number in range(2, MOST_VERSIONS + 1)]


def test_what_is_not_chosen_or_was_stored_later_is_left_out(tmp_path: Path) -> None:
    db = versions(tmp_path, 4)
    assert compared(db, Filters(version="4.1")) == []
    assert [pair["b"] for pair in compared(db, extent=Extent(2, 2))] == ["4.1"]
    assert compared(db, Filters(path="/nowhere")) == []


def test_what_cannot_be_read_is_said_where_the_result_is_wanted(tmp_path: Path) -> None:
    db = versions(tmp_path, 2)
    db.write_bytes(db.read_bytes()[:20_000])
    with (
        comparing_versions(db, Filters(), Extent(2, 2), anew=False) as changes,
        pytest.raises(StoreUnavailable, match=r"^The database .* cannot be read: .*\.$"),
    ):
        changes()


def test_a_process_that_ended_is_said(tmp_path: Path) -> None:
    with comparing_versions(versions(tmp_path, 2), Filters(), Extent(2, 2), anew=False) as changes:
        (child,) = active_children()
        child.kill()
        with pytest.raises(StoreUnavailable, match="the process that did it ended"):
            changes()


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from telemock.cli.comparing import comparing_versions
from telemock.store.filters import Filters
from telemock.store.learnt import Extent
if __name__ == "__main__":
    with comparing_versions(Path(sys.argv[1]), Filters(), Extent(2, 2), anew=False):
        os.killpg(0, signal.SIGINT)
        signal.pause()
"""


def test_ctrl_c_ends_both_and_only_one_of_them_speaks(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    done = subprocess.run(
        [sys.executable, script, versions(tmp_path, 2)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.count("KeyboardInterrupt") == 1
    assert done.stderr.count("Traceback") == 1
