"""This is the Dockerfile without an engine: its own steps run here, with a folder in place of /.

It refuses what the Dockerfile does not use: ADD, shell-form commands, variables in the build.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
HANG_SECONDS = 30
BUILD_SECONDS = 150


class Step(NamedTuple):
    """One instruction; `flags` are the ones in front of its arguments."""

    name: str
    flags: dict[str, str]
    text: str

    @property
    def command(self) -> list[str]:
        """The arguments in exec form, the only one in which a process gets its signals."""
        words: list[str] = json.loads(self.text.removeprefix("CMD "))
        return words


class Stage(list[Step]):
    """One FROM and what stands behind it."""

    def the(self, name: str) -> Step:
        """Give the only instruction of a name."""
        (step,) = [step for step in self if step.name == name]
        return step

    def environment(self) -> dict[str, str]:
        """Give what ENV sets, as written."""
        return dict(word.split("=", 1) for step in self if step.name == "ENV" for word in shlex.split(step.text))


def dockerfile() -> dict[str, Stage]:
    """Read the Dockerfile: its stages in order, the last one under ""."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (CHECKOUT / "Dockerfile").read_text())
    stages: dict[str, Stage] = {}
    stage = Stage()
    for line in filter(None, re.sub(r"\\\n\s*", "", text).split("\n")):
        match = re.fullmatch(r"(\w+) +((?:--\S+ +)*)(.*)", line)
        assert match is not None, line
        name, flags, rest = match.groups()
        if name == "FROM":
            stage = stages[rest.partition(" AS ")[2]] = Stage()
        stage.append(Step(name, dict(flag[2:].split("=", 1) for flag in flags.split()), rest))
    return stages


@cache
def context() -> frozenset[Path]:
    """Give the files that .dockerignore lets through, relative to the checkout; the last line that fits one decides."""
    rules: list[tuple[re.Pattern[str], bool]] = []
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            rules.insert(0, (re.compile(f"{pattern}(?:/.*)?"), line.startswith("!")))
    names = (os.path.relpath(Path(folder, name), CHECKOUT) for folder, _, names in os.walk(CHECKOUT) for name in names)
    return frozenset(Path(name) for name in names if next((lets for rule, lets in rules if rule.fullmatch(name)), True))


class Image:
    """The image's files, in a folder that stands for /; every stage begins with an empty one at the same place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "root"

    def inside(self, text: str) -> str:
        """Write the absolute paths of a text as what they are in the folder."""
        return re.sub(r"""(?<![^\s"'=:])/(?=\w)""", f"{self.root}/", text)

    def build(self) -> None:
        """Run the steps of all stages; in the end the last one's files are there, and read-only but for the volumes."""
        done = ""
        for name, stage in dockerfile().items():
            if self.root.exists():
                self.root.rename(self._stage(done))
            self.root.mkdir(mode=0o755)
            place, done = self.root, name
            for step in stage:
                if step.name == "WORKDIR":
                    place = Path(self.inside(step.text))
                    place.mkdir(parents=True, exist_ok=True)
                elif step.name == "COPY":
                    into = place / self.inside(step.text.split()[-1])
                    self._copy_from_stage(step, into) if "from" in step.flags else _copy_from_context(step, into)
                elif step.name == "RUN":
                    self._run(step, stage, place)
        subprocess.run(["chmod", "-R", "a-w", self.root], check=True)
        for volume in dockerfile()[""].the("VOLUME").command:
            subprocess.run(["chmod", "-R", "u+w", self.inside(volume)], check=True)

    def remove(self) -> None:
        """Remove all files, read-only ones too."""
        subprocess.run(["chmod", "-R", "u+w", self._folder], check=True)
        for folder in self._folder.iterdir():
            shutil.rmtree(folder)

    def exit_code(self, command: list[str]) -> int:
        """Run a command in the image to its end."""
        return subprocess.run(**self._process(command), timeout=HANG_SECONDS, check=False).returncode

    @contextmanager
    def started(self, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start what the image starts, with more environment; killed if it has not ended after HANG_SECONDS."""
        stage = dockerfile()[""]
        command = stage.the("ENTRYPOINT").command + stage.the("CMD").command
        with subprocess.Popen(**self._process(command, **environment), stdout=subprocess.PIPE, text=True) as process:
            watchdog = threading.Timer(HANG_SECONDS, process.kill)
            watchdog.start()
            try:
                yield process
            finally:
                watchdog.cancel()
                process.kill()

    def _stage(self, name: str) -> Path:
        return self._folder / f"stage-{name}"

    def _copy_from_stage(self, step: Step, into: Path) -> None:
        source = self._stage(step.flags["from"]) / step.text.split()[0].lstrip("/")
        shutil.copytree(source, into, symlinks=True)
        if "chown" in step.flags and os.geteuid() == 0:
            user, group = step.flags["chown"].split(":")
            for path in (into, *into.rglob("*")):
                assert path.is_dir(), "only empty folders are given away"
                os.chown(path, int(user), int(group))

    def _run(self, step: Step, stage: Stage, place: Path) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TELEMOCK_"))}
        environment = self._environment(stage, ours | {"PATH": f"{TOOLS}:{os.environ['PATH']}"})
        command = ["sh", "-c", self.inside(step.text)]
        subprocess.run(command, cwd=place, env=environment, timeout=BUILD_SECONDS, check=True)

    def _environment(self, stage: Stage, outer: dict[str, str]) -> dict[str, str]:
        set_here = {name: Template(self.inside(value)).substitute(outer) for name, value in stage.environment().items()}
        return outer | set_here

    def _process(self, command: list[str], **environment: str) -> dict[str, Any]:
        """Give what `subprocess` needs to run a command as the image's user, who may write what is his only.

        Who is not root stays who he is. The user may read everything, as root's own folders may hold the interpreter.
        """
        stage = dockerfile()[""]
        user, group = stage.the("USER").text.split(":")
        rights = [f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
        # Without the secure bit access(2), of which os.access is made, does not know of the right to read.
        become = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"]
        become += [*rights, "--securebits=+no_setuid_fixup"]
        return {
            "args": [*(become if os.geteuid() == 0 else []), *map(self.inside, command)],
            "cwd": self.inside(stage.the("WORKDIR").text),
            "env": self._environment(stage, {"PATH": "/usr/bin:/bin"}) | environment,
        }


def _copy_from_context(step: Step, into: Path) -> None:
    for source in map(Path, step.text.split()[:-1]):
        found = [path for path in context() if path == source or source in path.parents]
        assert found, f"{source} does not reach the build"
        for path in found:
            copy = into / path.relative_to(source if path != source else source.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / path, copy)
