"""What a program leaves running is served on, reaped when it ends, and named when it does not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.running import ENVIRONMENT, command, python, rows, run, running, summary
from tests.server.wire import HANG_SECONDS

DETACHED = 'require("child_process").spawn("curl", ["-s", "http://a.test/"], {detached: true, stdio: "ignore"}).unref()'

# A daemon as they are made: two forks, a session, no open files of its own. It goes on when the program has ended.
DAEMON = """
import os
lasting, gone = os.pipe()
if os.fork():
    os._exit(6)
os.close(gone)
os.setsid()
if os.fork():
    os._exit(0)
os.read(lasting, 1)
os.closerange(0, 256)
os.execlp("curl", "curl", "-s", "http://a.test/")
"""

# Tells whether its orphan is telemock's child; ends when the orphan is gone from the table of processes.
ORPHAN = """
import os
told, telling = os.pipe()
go, going = os.pipe()
if not os.fork():
    if not os.fork():
        os.read(go, 1)
        os.write(telling, b"%d %d" % (os.getpid(), os.getppid()))
    os._exit(0)
os.wait()
os.write(going, b"1")
orphan, parent = map(int, os.read(told, 99).split())
print(parent == os.getppid(), flush=True)
while os.path.exists(f"/proc/{orphan}"):
    os.sched_yield()
"""

# Runs its arguments where nobody becomes a subreaper, as on other systems: seccomp(2) lets prctl(2) fail.
NO_SUBREAPER = """
import ctypes, os, platform, struct, sys
libc = ctypes.CDLL(None)
number = {"x86_64": 157, "aarch64": 167}[platform.machine()]
rules = (0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, 36), (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("HP", len(rules), ctypes.addressof(code)), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""  # noqa: E501 - a table

# Ends with 3, says the id of what it leaves, which waits for a signal, and gives it its own argument.
LEAVE = """
import os, subprocess, sys
script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
left = [sys.executable, "-c", script, sys.argv[1]]
apart = dict(stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
with subprocess.Popen(left, stdout=subprocess.PIPE, text=True, **apart) as process:
    print(process.stdout.readline(), end="", flush=True)
    os._exit(3)
"""


@contextmanager
def killed_at_the_end(pid: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("program", "code"), [(("node", "-e", DETACHED), 0), (python(DAEMON), 6)])
def test_what_goes_on_when_the_program_has_ended_is_seen(tmp_path: Path, program: tuple[str, ...], code: int) -> None:
    done = run(tmp_path, *program)
    assert done.returncode == code
    assert " sent 1 request to 1 host, " in done.stderr
    assert "Still running" not in done.stderr
    assert [row["host"] for row in rows(tmp_path)] == ["a.test"]


def test_what_ends_while_the_program_runs_is_reaped(tmp_path: Path) -> None:
    done = run(tmp_path, *python(ORPHAN))
    assert (done.returncode, done.stdout) == (0, "True\n")


@pytest.mark.parametrize("linger", ["0", "1ms", "0.001s"])
def test_what_still_runs_then_is_named(tmp_path: Path, linger: str) -> None:
    done = run(tmp_path, "--linger", linger, *python(LEAVE), "a b")
    with killed_at_the_end(int(done.stdout)):
        assert done.returncode == 3
        heading, line = done.stderr.splitlines()[3:5]
        assert heading == "Still running, and not seen from here on:"
        assert line.startswith(f"  {done.stdout.strip()}  {sys.executable} -c 'import os, signal; ")
        assert line.endswith("' 'a b'")


def test_what_still_runs_then_stands_in_json_with_a_limit_from_the_environment(tmp_path: Path) -> None:
    done = run(tmp_path, "--format", "json", *python(LEAVE), "a b", TELEMOCK_LINGER="0")
    with killed_at_the_end(int(done.stdout)):
        (left,) = summary(done)["still_running"]
        assert (left["pid"], left["command"][-6:]) == (int(done.stdout), " 'a b'")
        assert summary(done)["descendants_followed"] is True


@pytest.mark.parametrize(
    "argument", ["\x1b]0;owned\x07", "\n\u202e\udcff", "x" * 100_000], ids=["title", "bidi", "long"]
)
def test_a_command_is_named_in_escapes_and_cut(tmp_path: Path, argument: str) -> None:
    done = run(tmp_path, "--linger", "0", *python(LEAVE), argument)
    with killed_at_the_end(int(done.stdout)):
        told = done.stderr.splitlines()
        assert len(told) == 6
        assert told[4].isprintable()
        assert len(told[4]) < 300


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_wait_and_the_exit_code_stays(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, "--linger", "1h", *python(LEAVE), "") as started, killed_at_the_end(int(started.line())):
        assert started.process.stderr is not None
        said = started.process.stderr.readline()
        assert said == "Waiting up to 3600 s for what is left running; Ctrl-C ends that:\n"
        started.process.send_signal(number)
        code, _, told = started.ended()
    assert code == 3
    assert "Still running, and not seen from here on:\n" in told


def test_where_nobody_becomes_a_subreaper_the_environment_tells_and_the_limit_is_said(tmp_path: Path) -> None:
    line = [*python(NO_SUBREAPER), *command(tmp_path, *python(DAEMON))]
    done = subprocess.run(
        line, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == 6
    assert " sent 1 request to 1 host, " in done.stderr
    assert "only where it kept its environment: this system tells no more." in done.stderr


@pytest.mark.parametrize("linger", ["", "soon", "-1s", "1d", "25h", "1e3"])
def test_what_is_no_length_of_time_is_refused(tmp_path: Path, linger: str) -> None:
    done = run(tmp_path, "--linger", linger, "true")
    assert done.returncode == 2
    assert repr(linger) in done.stderr


def test_without_proc_a_program_runs_as_ever_and_the_limit_is_said(tmp_path: Path) -> None:
    hidden = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    line = [*hidden, *command(tmp_path, "sh", "-c", "curl -s http://a.test/; exit 3")]
    done = subprocess.run(
        line, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (3, "{}")
    assert "sh sent 1 request to 1 host, " in done.stderr
    assert "only where it kept its environment: this system tells no more." in done.stderr
