"""The errors are one tree, and its drawing is true: every class stands in it, below its parent, with its exit code."""

import inspect
import re

import pytest

from telemock import errors
from telemock.errors import StoreUnavailable, TelemockError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass)]

# What the shell says for itself, 126 and 127, is said of programs as well.
CODES = {"InvalidSetting": 2, "ProgramError": 126, "ProgramMissing": 127}


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Read the drawing: for each name its parent, and the exit code where one is written."""
    tree: dict[str, tuple[str | None, int | None]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"([│ ]*(?:[├└]── )?)([A-Z]\w+)(?: {2,}\S.*?)?(?: exit (\d+))?", line)
        if match:
            depth = len(match[1]) // 4
            del path[depth:]
            tree[match[2]] = (path[-1] if path else None, int(match[3]) if match[3] else None)
            path.append(match[2])
    return tree


def test_every_error_is_drawn_below_its_parent_and_nothing_else_is() -> None:
    parents = {each.__name__: each.__bases__[0].__name__ for each in CLASSES}
    assert parents.pop("TelemockError") == "Exception"
    tree = {name: parent for name, (parent, _) in drawn().items()}
    assert tree.pop("TelemockError") is None
    assert tree == parents


@pytest.mark.parametrize("error", CLASSES)
def test_the_exit_code_is_the_one_that_is_drawn(error: type[TelemockError]) -> None:
    written = drawn()[error.__name__][1]
    assert error.exit_code == CODES.get(error.__name__, 1)
    assert written in (None, error.exit_code)


@pytest.mark.parametrize("error", CLASSES)
def test_an_errors_text_is_the_sentence_it_was_raised_with(error: type[TelemockError]) -> None:
    assert str(error("The disk is full; make room.")) == "The disk is full; make room."


def test_an_unavailable_store_gives_its_reason_for_metrics() -> None:
    assert StoreUnavailable("Not now.").reason == "store_failed"
    assert StoreUnavailable("Not now.", "queue_full").reason == "queue_full"
