"""Of the processes that use a database exactly one is elected, and another when that one ends, however it does."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telemock.store.election import Election
from tests.cli.process import without_root_rights

CANDIDATE = """
import sys
from pathlib import Path
from telemock.store.election import Election
election = Election(Path(sys.argv[1]))
for line in sys.stdin:
    if line == "close\\n":
        election.close()
    print(election.is_elected() if line == "ask\\n" else "closed", flush=True)
"""


@contextmanager
def candidate(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", CANDIDATE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_one_is_elected_and_another_when_it_is_killed_or_ends(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    with candidate(path) as first, candidate(path) as second, closing(Election(path)) as third:
        assert [say(first, "ask"), say(second, "ask"), third.is_elected()] == ["True", "False", False]
        assert [say(first, "ask"), say(second, "ask"), third.is_elected()] == ["True", "False", False]
        first.kill()
        first.wait()
        assert [say(second, "ask"), third.is_elected()] == ["True", False]
        assert say(second, "close") == "closed"
        assert third.is_elected()
        assert say(second, "ask") == "False"
        assert [file.name for file in tmp_path.iterdir()] == ["telemetry.db-lock"]
    assert list(tmp_path.iterdir()) == []


def test_the_lock_is_for_its_owner_only_and_removing_it_leaves_one_elected(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    lock = tmp_path / "telemetry.db-lock"
    before = os.umask(0)
    try:
        with closing(Election(path)) as first, candidate(path) as second:
            assert first.is_elected()
            assert stat.S_IMODE(lock.stat().st_mode) == 0o600
            lock.unlink()
            assert say(second, "ask") == "True"
            assert not first.is_elected()
            lock.unlink()
            lock.symlink_to(tmp_path / "elsewhere")
            assert first.is_elected()  # nobody can lock anything there
            assert not (tmp_path / "elsewhere").exists()
    finally:
        os.umask(before)


def test_where_no_lock_can_be_made_everybody_is_elected(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from telemock.store.election import Election\n"
    script += "print(Election(Path(sys.argv[1])).is_elected())"
    tmp_path.chmod(0o555)
    done = subprocess.run(
        without_root_rights([sys.executable, "-c", script, str(tmp_path / "telemetry.db")]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr
