import os
import subprocess
import sys
from pathlib import Path

import pytest

from telemock.files import one_at_a_time, remove_drafts, whole, write_whole


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    before = os.umask(0o077)
    try:
        write_whole(path, b"whole", mode=mode)
    finally:
        os.umask(before)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"whole", mode)


def test_a_file_is_replaced_and_who_reads_the_old_one_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old", mode=0o600)
    with path.open("rb") as reading:
        write_whole(path, b"new", mode=0o600)
        assert reading.read() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "taken", b"", mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_draft_is_private_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole(path, mode=0o644) as draft:
        draft.write_bytes(b"half")
        assert (draft.stat().st_mode & 0o777, path.exists()) == (0o600, False)
        with draft.open("ab") as file:
            file.write(b" and half")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"half and half", 0o644)


def test_a_block_that_is_interrupted_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with whole(path, mode=0o644) as draft:
            draft.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, b"old")]


def test_only_the_drafts_of_one_file_are_removed(tmp_path: Path) -> None:
    for name in (".key.1a2b", ".keys.1a2b", "key", "key.old"):
        (tmp_path / name).touch()
    remove_drafts(tmp_path / "key")
    assert {path.name for path in tmp_path.iterdir()} == {".keys.1a2b", "key", "key.old"}


@pytest.mark.parametrize("name", [".", "file"])
def test_a_lock_that_somebody_keeps_is_waited_for_so_long_and_then_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / name
    with (
        one_at_a_time(path),
        pytest.raises(TimeoutError, match="another program keeps it locked"),
        one_at_a_time(path, most_seconds=0),
    ):
        pass
    with one_at_a_time(path, most_seconds=0):
        pass


def test_of_two_processes_one_waits_for_the_other(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from telemock.files import one_at_a_time\n"
        "folder = Path(sys.argv[1]); print('asking', flush=True)\n"
        "with one_at_a_time(folder): print((folder / 'said').read_text())"
    )
    with one_at_a_time(tmp_path):
        process = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        (tmp_path / "said").write_text("after the first")
    with process:
        assert process.stdout.read() == "after the first\n"
    assert [path.name for path in tmp_path.iterdir()] == ["said"]
