"""This is what the browser journeys share: a Chromium, a telemock and a web site, and an end to every wait."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.browsing import HANG_SECONDS, Site, Telemock, no_longer_than, open_site

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP plain.test 127.0.0.1",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for a module: while Playwright's loop is there, no other can run on the main thread."""
    with ExitStack() as stack:
        with no_longer_than(HANG_SECONDS, "Chromium's start"):
            playwright = stack.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        with no_longer_than(HANG_SECONDS, "Chromium's end"):
            browser.close()
            stack.close()


@pytest.fixture
def said() -> list[str]:
    """Everything that the page says to its console, and its uncaught errors."""
    return []


@pytest.fixture
def page(browser: Browser, said: list[str]) -> Iterator[Page]:
    """A tab of its own, with storage of its own.

    A test waits for every navigation that it causes: Chromium forgets to close a tab that is about to show another
    page, and Playwright waits for that without end. So these waits have one, as `evaluate` has none either.
    """
    with no_longer_than(HANG_SECONDS, "the test"), browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        yield page


@pytest.fixture(scope="module")
def telemock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemock]:
    folder = tmp_path_factory.mktemp("telemock")
    db, ready = folder / "telemetry.db", folder / "ready.json"
    command = [sys.executable, "-m", "telemock", "serve", "--port", "0", "--log-format", "json"]
    command += ["--ca-dir", str(folder / "ca")]
    with subprocess.Popen(
        [*command, "--db", str(db), "--ready-file", str(ready)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            server = Telemock(process, db)
            assert server.url == "http://{host}:{port}".format(**json.loads(ready.read_text()))
            yield server
            process.terminate()
            assert process.wait(HANG_SECONDS) == 0
            server.hear_out()
        finally:
            process.kill()


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as opened:
        yield opened


@pytest.fixture
def guid() -> str:
    return str(uuid4())
