"""Promises of the proof that a CONNECT is the doctor's: of one target, for a while, and only with the key."""

from pathlib import Path

import pytest

from telemock.authority.folder import create_authority
from telemock.authority.visit_proof import is_visit, visit_key, visit_proof

NOW = 1770278520.0
TARGET = "cdn.cribl.io:443"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The key of a new authority."""
    folder = tmp_path_factory.mktemp("ca") / "ca"
    create_authority(folder)
    made = visit_key(folder)
    assert made is not None
    assert made == visit_key(folder)
    return made


@pytest.mark.parametrize(("late", "is_in_time"), [(0, True), (59, True), (-59, True), (125, False), (-125, False)])
def test_it_holds_for_about_a_minute(key: bytes, late: float, is_in_time: bool) -> None:  # noqa: FBT001 - drawn
    assert is_visit(key, TARGET, visit_proof(key, TARGET, NOW), lambda: NOW + late) is is_in_time


def test_it_holds_for_its_target_and_its_key_alone(key: bytes) -> None:
    said = visit_proof(key, TARGET, NOW)
    assert not is_visit(key, "a.example:443", said, lambda: NOW)
    assert not is_visit(key[::-1], TARGET, said, lambda: NOW)
    assert not is_visit(None, TARGET, said, lambda: NOW)
    assert not is_visit(key, TARGET, None, lambda: NOW)


def test_without_a_private_key_that_can_be_read_there_is_none(tmp_path: Path) -> None:
    assert visit_key(tmp_path) is None
