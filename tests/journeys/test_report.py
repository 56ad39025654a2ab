"""What a report does in a browser: it draws its charts, follows light, dark and paper, and obeys nothing captured."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request

from telemock.exchange import compact_json
from tests.cli.process import run
from tests.corpus import connection, database, ping
from tests.exports.hostile import HOSTILE
from tests.journeys.browsing import no_longer_than

SCRIPT = '</script><script>window.pwned=1</script><img src="http://evil.test/x" onerror="window.pwned=1">'
LINK = '<a href="javascript:window.pwned=1">here</a><b>bold</b>'
HANG_SECONDS = 60

CHARTS = ("chart-endpoints", "chart-timeline", "chart-sensitive", "chart-cadence")
DRAWN = "document.querySelectorAll('.chart .main-svg .bars .point').length >= 4"
HIDDEN = """(name) => {
  const style = getComputedStyle(document.querySelector(name));
  return style.display === "none";
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report of hostile captures."""
    events = {SCRIPT: SCRIPT, "link": LINK, "mail": "jane.doe@example.com"}
    posts = [
        ping(
            20 + number,
            method="POST",
            host=LINK,
            path="/" + SCRIPT,
            guid=SCRIPT,
            version=LINK,
            request_body=compact_json(events | {"n": number}).encode(),
        )
        for number in range(5)
    ]
    db = database(
        tmp_path_factory.mktemp("report"),
        *HOSTILE,
        *posts,
        ping(60, outcome="<b>", version=SCRIPT),
        connection(kind="blocked", host=SCRIPT, detail=SCRIPT),
    )
    target = db.with_name("report.html")
    done = run("report", "--db", db, "-o", target, "--plant", f"{LINK}=jane.doe@example.com")
    assert done.returncode == 0, done.stderr
    return target.as_uri()


@pytest.fixture
def asked() -> list[str]:
    """Every address that the page asked for."""
    return []


@pytest.fixture
def shown(report: str, browser: Browser, said: list[str], asked: list[str]) -> Iterator[Page]:
    """The report in a tab; nothing that it does goes unseen."""

    def hear(request: Request) -> None:
        asked.append(request.url)

    with no_longer_than(HANG_SECONDS, "the report"), browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", hear)
        page.goto(report)
        page.wait_for_function(DRAWN)
        yield page


def test_no_captured_script_runs_and_nobody_is_asked_for_anything(
    shown: Page, report: str, said: list[str], asked: list[str]
) -> None:
    for name in CHARTS:
        assert shown.locator(f"#{name} .main-svg").count(), name
        shown.hover(f"#{name} .nsewdrag")
    assert shown.evaluate("window.pwned") is None
    assert shown.locator("main img, main script, main a, svg a").count() == 0
    assert asked == [report]
    assert said == []


def test_what_was_captured_is_there_to_be_read(shown: Page) -> None:
    assert shown.get_by_text(LINK).count()
    labels = shown.locator("#chart-endpoints .ytick text").all_text_contents()
    # Of what is long, both ends are shown.
    assert any("<a…" in label and 'onerror="window.pwned=1">' in label for label in labels), labels


def test_light_and_dark_follow_the_system_and_the_button_and_charts_follow_the_page(shown: Page) -> None:
    def colours() -> list[str]:
        return [
            shown.eval_on_selector("body", "body => getComputedStyle(body).backgroundColor"),
            shown.eval_on_selector("#chart-timeline .xtick text", "text => getComputedStyle(text).fill"),
        ]

    light = colours()
    shown.emulate_media(color_scheme="dark")
    dark = colours()
    assert all(one != other for one, other in zip(light, dark, strict=True))
    shown.get_by_role("button", name="Light").click()
    assert colours() == light
    shown.get_by_role("button", name="Dark").click()
    assert colours() == dark
    shown.emulate_media(media="print")
    assert colours() == light


def test_on_paper_everything_fits_the_page_and_what_is_to_be_clicked_is_gone(shown: Page) -> None:
    shown.set_viewport_size({"width": 700, "height": 1000})
    shown.emulate_media(media="print")
    assert shown.evaluate(HIDDEN, "nav")
    assert shown.evaluate(HIDDEN, "button")
    widths = shown.eval_on_selector_all(".chart .main-svg", "all => all.map(svg => svg.getBoundingClientRect().right)")
    assert max(widths) <= 700
    assert shown.pdf().startswith(b"%PDF")


def test_without_scripts_the_figures_of_charts_are_tables(report: str, browser: Browser) -> None:
    with no_longer_than(HANG_SECONDS, "the report"), browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(report)
        assert page.get_by_role("heading", name="Timeline").is_visible()
        assert page.get_by_role("table", name="Requests over time").is_visible()
        assert page.get_by_role("table", name="Endpoints, those first").is_visible()
