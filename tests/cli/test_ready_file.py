import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.process import HANG_SECONDS, TELEMOCK, without_root_rights
from tests.journeys.serving import serving, starting, until


def test_it_is_for_its_owner_and_gone_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.ready_file.stat().st_mode & 0o777 == 0o600
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    assert not server.ready_file.exists()


def test_it_takes_the_place_of_one_that_a_killed_server_left(tmp_path: Path) -> None:
    with serving(tmp_path) as killed:
        pid = json.loads(killed.ready_file.read_text())["pid"]
        killed.signal(signal.SIGKILL)
        killed.ended()
    assert killed.ready_file.exists()
    with serving(tmp_path) as server:
        assert json.loads(server.ready_file.read_text())["pid"] != pid


@pytest.mark.parametrize("content", ["somebody's", '{"host": "x", "port": 1, "pid": 1, "db": "another server\'s"}'])
def test_what_somebody_put_there_meanwhile_stays(tmp_path: Path, content: str) -> None:
    with serving(tmp_path) as server:
        server.ready_file.write_text(content)
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    assert server.ready_file.read_text() == content


@pytest.mark.parametrize("length", [240, 255])
def test_its_name_may_be_as_long_as_names_are(tmp_path: Path, length: int) -> None:
    with starting(tmp_path, name="r" * length) as server:
        server.wait_until_ready()
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    assert not server.ready_file.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_that_became_read_only_ends_no_server_badly(tmp_path: Path, workers: str) -> None:
    folder = tmp_path / "ready"
    folder.mkdir()
    path = folder / "ready.json"
    places = ("--db", tmp_path / "telemetry.db", "--ca-dir", tmp_path / "ca", "--ready-file", path)
    command = [*TELEMOCK, "serve", "--port", "0", "--workers", workers, *map(str, places)]
    with subprocess.Popen(
        without_root_rights(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until(path.exists)
            folder.chmod(0o500)
            process.send_signal(signal.SIGTERM)
            said, complaints = process.communicate(timeout=HANG_SECONDS)
        finally:
            folder.chmod(0o700)
            process.kill()
    assert (process.returncode, complaints) == (0, "")
    *_, left, stopped = said.splitlines()
    assert left.endswith(f" warning: {path} could not be removed: Permission denied.")
    assert stopped.endswith(" stopped")
