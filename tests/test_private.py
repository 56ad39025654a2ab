"""A program's own server ends with whoever started it, and whoever started it says when it ended before."""

from pathlib import Path
from signal import SIGINT, SIGKILL

import psutil
import pytest

from telemock.errors import ListenError
from telemock.private import start_private
from telemock.settings import ServeSettings
from tests.journeys.running import rows, running
from tests.journeys.serving import wait_for_end


def test_it_ends_in_order_when_who_started_it_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "sh", "-c", "curl -so /dev/null http://a.test/; echo asked; exec sleep 60") as started:
        assert started.line() == "asked"
        server = started.server()
        started.process.send_signal(SIGKILL)
        wait_for_end([server])
    assert [row["host"] for row in rows(tmp_path)] == ["a.test"]
    assert not (tmp_path / "telemetry.db-wal").exists()


def test_when_it_ends_early_the_program_goes_on_and_that_is_said(tmp_path: Path) -> None:
    script = "echo asked; trap 'exit 3' TERM; while :; do sleep 0.05; done"
    with running(tmp_path, "sh", "-c", script) as started:
        assert started.line() == "asked"
        server = started.server()
        server.kill()
        wait_for_end([server])
        started.process.terminate()
        code, _, told = started.ended()
    assert code == 3
    said = "telemock itself ended with status -9 before its time; what the program did after that is missing."
    assert told.splitlines()[0] == said


def test_ctrl_c_before_the_program_runs_ends_both_quietly(tmp_path: Path) -> None:
    with running(tmp_path, "touch", "ran") as started:
        server = started.server()
        started.process.send_signal(SIGINT)
        assert started.ended() == (-SIGINT, "", "")
        wait_for_end([server])
    assert not (tmp_path / "ran").exists()


def test_nothing_is_left_when_it_has_ended(tmp_path: Path) -> None:
    with running(tmp_path, "true") as started:
        server = started.server()
        assert started.ended()[0] == 0
        assert not psutil.pid_exists(server.pid)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca", "telemetry.db"]


def test_one_that_cannot_serve_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = ServeSettings(port=(0,), ca_dir=tmp_path / "ca", db=str(tmp_path / "none" / "telemetry.db"))
    with pytest.raises(ListenError, match=r"ended with status 1 before it was ready\.$"):
        start_private(settings)
    assert "Traceback" in capfd.readouterr().err
