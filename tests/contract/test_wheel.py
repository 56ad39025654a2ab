"""Promises about the built wheel: it holds the whole package, and serves and migrates without the checkout."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from urllib.request import ProxyHandler, build_opener
from zipfile import ZipFile

import pytest

from tests.corpus import GUID, PATH, PING_BODY, PING_QUERY

CHECKOUT = Path(__file__).parents[2]
HANG_SECONDS = 30
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "*.pyc", "*.egg-info", "build", "dist")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TELEMOCK_"))}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end, without the checkout's help; give what it printed."""
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, timeout=HANG_SECONDS, check=True
    ).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(CHECKOUT, folder / "copy", ignore=NOT_SOURCE)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, folder / "copy", cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheel; what telemock needs comes from the tests' own environment."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", "--disable-pip-version-check", wheel, cwd=folder.parent)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder.parent).strip()
    # A folder named in a .pth file is not searched for more of them, so an editable telemock in it stays out of sight.
    Path(packages, "needed.pth").write_text("\n".join({sysconfig.get_path(name) for name in ("purelib", "platlib")}))
    return folder / "bin"


def test_the_wheel_holds_the_package_and_its_migrations_and_nothing_else(wheel: Path) -> None:
    copy = wheel.parent / "copy"
    assert (copy / "tests").is_dir()
    packaged = {str(path.relative_to(copy)) for path in (copy / "telemock").rglob("*") if path.is_file()}
    migrations = {f"telemock/{path.relative_to(copy)}" for path in (copy / "migrations").rglob("*.py")}
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == packaged | migrations
    assert {
        "telemock/py.typed",
        "telemock/exports/report.html.jinja",
        "telemock/server/cribl.js",
        "telemock/migrations/env.py",
    } < names


def test_the_wheel_carries_its_licence_and_the_command(wheel: Path) -> None:
    inside = ZipFile(wheel)
    by_name = {name.rpartition("/")[2]: inside.read(name).decode() for name in inside.namelist() if "dist-info" in name}
    assert by_name["LICENSE"] == (CHECKOUT / "LICENSE").read_text()
    assert "telemock = telemock.cli:main" in by_name["entry_points.txt"]


def test_the_installed_wheel_migrates_serves_and_answers_queries_without_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    ask = "import telemock, telemock.migrations as m; print(telemock.__file__, m.__file__, sep='\\n')"
    for file in run(installed / "python", "-c", ask, cwd=tmp_path).splitlines():
        assert Path(file).is_relative_to(installed.parent)
    with subprocess.Popen(
        [installed / "telemock", "serve", "--port", "0", "--log-format", "json"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "TELEMOCK_CA_DIR": str(tmp_path / "ca")},
        stdout=subprocess.PIPE,
    ) as process:
        watchdog = threading.Timer(HANG_SECONDS, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            starting, ready = (json.loads(process.stdout.readline()) for _ in range(2))
            assert ready["event"] == "ready"
            direct = build_opener(ProxyHandler({}))
            with direct.open(f"{starting['url']}{PATH}?{PING_QUERY}", timeout=HANG_SECONDS) as answer:
                assert answer.read() == PING_BODY
            with direct.open(f"{starting['url']}/telemetry/cribl.js", timeout=HANG_SECONDS) as answer:
                assert answer.read() == (CHECKOUT / "telemock/server/cribl.js").read_bytes()
            process.send_signal(signal.SIGTERM)
            assert process.wait(HANG_SECONDS) == 0
        finally:
            watchdog.cancel()
            process.kill()
    said = run(installed / "telemock", "query", "--guid", GUID, "--format", "jsonl", "--limit", "0", cwd=tmp_path)
    (found,) = map(json.loads, said.splitlines())
    assert (found["path"], found["status"], found["guid"]) == (PATH, 200, GUID)
