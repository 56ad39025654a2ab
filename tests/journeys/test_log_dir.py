import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.process import run
from tests.journeys.serving import serving, starting, until

# Only root can give a file away, but whoever runs this can let a program take itself for somebody else: the file
# is then another user's. Behind it stand the interpreter, `-m`, the module, and its arguments.
_AS_ANOTHER = """
import os, runpy, sys
own = os.geteuid()
os.geteuid = lambda: own + 1
del sys.argv[:3]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def _today(folder: Path) -> Path:
    return folder / f"telemetry_{datetime.now(UTC):%Y%m%d}.jsonl"


def test_a_new_folder_and_what_is_in_it_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    before = os.umask(0)
    try:
        with serving(tmp_path, "--log-dir", str(folder)):
            until(_today(folder).exists)
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (folder.parent, folder, _today(folder))]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("target", ["gone", "log"])
def test_a_link_that_leads_to_no_folder_is_called_so(tmp_path: Path, target: str) -> None:
    link = tmp_path / "log"
    link.symlink_to(target)
    done = run("serve", "--port", "0", "--db", tmp_path / "telemetry.db", "--log-dir", link)
    assert done.returncode == 1
    sentence = (
        f"Error: The folder {link} cannot be made: it is a link that leads to no folder; choose another --log-dir.\n"
    )
    assert done.stderr.decode() == sentence


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("link", "is a link"),
        ("dangling link", "is a link"),
        ("fifo", "is no file"),
        ("text", "was not made by telemock"),
        ("database", "was not made by telemock"),
        ("another user's", "belongs to another user"),
    ],
)
def test_the_file_of_the_day_is_its_own_or_is_not_written(tmp_path: Path, kind: str, reason: str) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    victim = tmp_path / "victim"
    path = _today(folder)
    if kind.endswith("link"):
        path.symlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_text({"text": "somebody's\n", "database": "SQLite format 3\0"}.get(kind, '{"time":"2026"}\n'))
    if kind == "link":
        victim.write_text("")
    content = path.read_bytes() if path.is_file() else b""
    before = (sys.executable, "-c", _AS_ANOTHER) if kind == "another user's" else ()
    with starting(tmp_path, "--log-dir", str(folder), before=before) as server:
        assert server.line("log_dir_failed")["message"] == f"Cannot write to {folder}: {path.name} {reason}."
        until(server.ready_file.exists)
        server.port = json.loads(server.ready_file.read_text())["port"]
        assert server.ping("x") == 200
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    assert (path.read_bytes() if path.is_file() else b"") == content
    assert not victim.exists() or victim.read_bytes() == b""


def test_a_log_that_is_there_goes_on(tmp_path: Path) -> None:
    for _ in range(2):
        with serving(tmp_path, "--log-dir", str(tmp_path / "log")) as server:
            server.signal(signal.SIGTERM)
            assert server.ended() == 0
    events = [json.loads(line)["event"] for line in _today(tmp_path / "log").read_text().splitlines()]
    assert events == ["starting", "ready", "stopped"] * 2
