"""A program under `telemock run` has terminal, files, signals and exit code as if it were run without."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.running import ENVIRONMENT, command, python, rows, run, running
from tests.server.wire import HANG_SECONDS

# Says READY, then each signal that it gets; ends with 5 after the second, or after one that is not for a terminal.
LISTENER = """
import os, signal, sys
caught = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
signal.pthread_sigmask(signal.SIG_BLOCK, caught)
print("READY", flush=True)
for _ in range(2 if os.isatty(0) else 1):
    print(signal.Signals(signal.sigwait(caught)).name, flush=True)
sys.exit(5)
"""


def test_what_it_reads_writes_and_returns_is_its_own(tmp_path: Path) -> None:
    done = run(tmp_path, "sh", "-c", 'cat; printf "no line" >&2; exit 7', said="in\n\x1b")
    assert (done.returncode, done.stdout) == (7, "in\n\x1b")
    assert done.stderr.startswith("no line\nsh phoned nobody.")


def states(said: str) -> dict[str, int]:
    """Read the masks of signals in a process's status, but for signals 32 and 33, which glibc has for itself."""
    fields = dict(line.split(":\t") for line in said.splitlines())
    return {name: int(mask, 16) & ~(3 << 31) for name, mask in fields.items()}


def test_signals_are_as_they_are_without(tmp_path: Path) -> None:
    grep = ("grep", "-E", "^Sig(Blk|Ign|Cgt):", "/proc/self/status")
    without = subprocess.run(grep, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    assert states(run(tmp_path, "--quiet", "--", *grep).stdout) == states(without)


def test_arguments_open_files_and_folder_are_as_they_are_without(tmp_path: Path) -> None:
    script = 'ls /proc/self/fd; pwd; echo "$PWD"; printf "%s|" "$0" "$@"'
    shell = ("sh", "-c", script, "a b", "--help", "", "\udcff", "--")
    without = subprocess.run(shell, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, check=True)
    line = command(tmp_path, "--quiet", *shell)
    done = subprocess.run(line, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=HANG_SECONDS, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, without.stdout, b"")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_who_dies_of_a_signal_is_told_as_shells_do(tmp_path: Path, number: signal.Signals) -> None:
    done = run(tmp_path, "sh", "-c", f"curl -s http://a.test/; kill -{int(number)} $$")
    assert done.returncode == 128 + number
    assert "sh sent 1 request to 1 host, " in done.stderr


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("nosuch", 127, "There is no program 'nosuch'; check its name, and that its folder is on the PATH."),
        ("./nosuch", 127, "There is no program './nosuch'; check its name, and that its folder is on the PATH."),
        ("", 127, "There is no program ''; check its name, and that its folder is on the PATH."),
        ("\x1b[31m", 127, "There is no program '\\x1b[31m'; check its name, and that its folder is on the PATH."),
        ("./folder", 126, "'./folder' cannot be run: it is a folder."),
        ("./text", 126, "'./text' cannot be run: nobody has the right to execute it."),
        ("./noise", 126, "'./noise' cannot be run: Exec format error."),
        ("./nowhere", 126, "'./nowhere' cannot be run: what its first line names is not there."),
    ],
)
def test_what_cannot_be_run_is_one_sentence_and_the_code_that_shells_use(
    tmp_path: Path, name: str, code: int, sentence: str
) -> None:
    (tmp_path / "folder").mkdir()
    for file, content in (("text", "text"), ("noise", "noise"), ("nowhere", "#!/nowhere/at/all\n")):
        (tmp_path / file).write_text(content)
        (tmp_path / file).chmod(0o644 if file == "text" else 0o755)
    done = run(tmp_path, "--", name)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"Error: {sentence}\n")


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"])
def test_what_is_sent_to_telemock_is_passed_on_once(tmp_path: Path, name: str) -> None:
    with running(tmp_path, *python(LISTENER)) as started:
        assert started.line() == "READY"
        started.process.send_signal(signal.Signals[name])
        assert started.line() == name
        code, rest, told = started.ended()
    assert (code, rest) == (5, "")
    assert " phoned nobody." in told


def test_ctrl_c_on_the_terminal_reaches_the_program_once_and_telemock_tells_what_it_did(tmp_path: Path) -> None:
    script = "import os; print(os.isatty(0), os.isatty(1), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n" + LISTENER
    ours, theirs = pty.openpty()
    line = ["setsid", "--ctty", *command(tmp_path, "--format", "json", *python(script))]
    with subprocess.Popen(line, cwd=tmp_path, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
                if seen.endswith(b"READY\r\n"):
                    os.write(ours, b"\x03")
                elif seen.endswith(b"^CSIGINT\r\n"):
                    process.send_signal(signal.SIGUSR2)  # telemock comes to it after what it had before
        except OSError:
            pass  # Linux says so when the other end is closed
        finally:
            os.close(ours)
            process.kill()
        code = process.wait(HANG_SECONDS)
    first, ready, interrupted, then, told = seen.decode().splitlines()
    assert (first, ready, interrupted, then) == ("True True True", "READY", "^CSIGINT", "SIGUSR2")
    assert '"exit_code":5' in told
    assert code == 5


def test_a_database_that_is_none_is_said_before_the_program_runs(tmp_path: Path) -> None:
    (tmp_path / "telemetry.db").write_text("mine")
    done = run(tmp_path, "touch", "ran")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "is not a telemock database" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca", "telemetry.db"]


def test_a_standard_error_that_nobody_reads_or_is_closed_does_not_change_the_exit_code(tmp_path: Path) -> None:
    for ending in ("2>/dev/full", "2>&-"):
        shell = ["sh", "-c", f'"$@" {ending}', "sh", *command(tmp_path, "sh", "-c", "curl -s http://a.test/; exit 4")]
        done = subprocess.run(shell, env=ENVIRONMENT, capture_output=True, timeout=HANG_SECONDS, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (4, b"{}", b""), ending
    assert len(rows(tmp_path)) == 2


def test_the_program_is_not_started_by_a_module_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise SystemExit('the wrong one')")
    done = subprocess.run(
        [Path(sys.executable).with_name("telemock"), *command(tmp_path, "curl", "-s", "http://a.test/")[3:]],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"{}")
    assert len(rows(tmp_path)) == 1
