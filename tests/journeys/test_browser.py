"""Journeys of the JavaScript client: real pages, in real Chromium, that load it from a running `telemock serve`.

Where the server must say something else than telemock does (a configuration, a failure), the page's own
server hands out the same script and collects what it posts.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.browsing import HANG_SECONDS, VERSION, Event, Row, Site, Telemock, open_site

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
def telemock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemock]:
    folder = tmp_path_factory.mktemp("telemock")
    db, ready = folder / "telemetry.db", folder / "ready.json"
    command = [sys.executable, "-m", "telemock", "serve", "--port", "0", "--log-format", "json"]
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def said() -> list[str]:
    """Everything that the page says to its console, and its uncaught errors."""
    return []


@pytest.fixture
def page(browser: Browser, said: list[str]) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        yield page


@pytest.fixture
def guid() -> str:
    return str(uuid4())


def events_of(rows: list[Row]) -> list[Event]:
    return [event for row in rows for event in json.loads(row["request_body"])]


def test_the_script_parses() -> None:
    node = shutil.which("node")
    assert node is not None
    subprocess.run([node, "--check", str(files("telemock.server").joinpath("cribl.js"))], check=True)


def test_events_of_a_page_of_another_origin_are_stored_when_flushed_and_when_the_page_goes(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    address = site.show(
        '<script>cribl.track("early", { before: "the configuration" });</script>',
        script_from=telemock.url,
        guid=guid,
        more='data-env="lab"',
    )
    page.goto(address)
    page.evaluate("""cribl.track("clicked", { button: "Salvar à côté 🦊", depth: { list: [1, 2.5, null] } })""")
    page.evaluate("cribl.track('bare')")
    assert page.evaluate("cribl.flush()") == 0

    (flushed,) = telemock.posts(guid)
    events = json.loads(flushed["request_body"])
    assert [(event["name"], event["properties"]) for event in events] == [
        ("early", {"before": "the configuration"}),
        ("clicked", {"button": "Salvar à côté 🦊", "depth": {"list": [1, 2.5, None]}}),
        ("bare", {}),
    ]
    session_id = events[0]["session_id"]
    assert len(session_id) == 32
    for event in events:
        assert set(event) == {"name", "properties", "timestamp", "session_id", "guid", "version", "env"}
        assert abs(event["timestamp"] - page.evaluate("Date.now()")) < 60_000
    stored = {name: flushed[name] for name in ("status", "outcome", "profile", "problems", "version", "env")}
    assert stored == {
        "status": 200,
        "outcome": "mock",
        "profile": "cribl",
        "problems": None,
        "version": VERSION,
        "env": "lab",
    }
    assert flushed["session_id"] == session_id
    assert flushed["client_time"] is not None
    assert json.loads(flushed["response_body"]) == {"status": "accepted", "count": 3}

    page.evaluate("cribl.track('leaving', { n: 1 }); cribl.track('leaving', { n: 2 })")
    page.goto(site.url + "/elsewhere")
    telemock.wait_for_events(guid)
    telemock.wait_for_events(guid)  # the log names the flushed post first

    _, beacon = telemock.posts(guid)
    assert [(event["name"], event["properties"]) for event in events_of([beacon])] == [
        ("leaving", {"n": 1}),
        ("leaving", {"n": 2}),
    ]
    assert (beacon["session_id"], beacon["version"], beacon["env"]) == (session_id, VERSION, "lab")
    kinds = [dict(json.loads(row["request_headers"]))["Content-Type"] for row in (flushed, beacon)]
    assert kinds == ["application/json", "text/plain;charset=UTF-8"]
    assert said == []

    for row in telemock.posts(guid):
        headers = {name.lower(): value for name, value in json.loads(row["request_headers"])}
        assert headers["origin"] == site.url
        assert "cookie" not in headers
        assert address not in json.dumps(headers), "the page's address stays with the page"


def test_a_post_from_another_origin_is_preflighted_and_the_configuration_is_asked_with_the_version(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate("cribl.track('one')")
    assert page.evaluate("cribl.flush()") == 0
    ours = "request_headers LIKE '%' || ? || '%' AND "
    (config,) = telemock.exchanges(ours + "path = '/telemetry/config'", site.url)
    assert config["query"] == f"version={VERSION}"
    (preflight,) = telemock.exchanges(ours + "method = 'OPTIONS'", site.url)
    assert preflight["status"] == 204
    assert preflight["id"] < telemock.posts(guid)[0]["id"]
    assert said == []


def test_closing_the_tab_sends_what_waits(telemock: Telemock, site: Site, page: Page, guid: str) -> None:
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate("cribl.flush()")
    page.evaluate("for (const n of [1, 2, 3]) cribl.track('closing', { n })")
    page.close(run_before_unload=True)
    telemock.wait_for_events(guid)
    assert [event["properties"]["n"] for event in events_of(telemock.posts(guid))] == [1, 2, 3]


def test_a_page_left_before_its_configuration_came_loses_nothing(
    telemock: Telemock, site: Site, page: Page, guid: str
) -> None:
    leave = f"cribl.track('hasty'); location.href = '{site.url}/elsewhere'"
    page.goto(site.show(f"<script>{leave}</script>", script_from=telemock.url, guid=guid), wait_until="commit")
    telemock.wait_for_events(guid)
    assert [event["name"] for event in events_of(telemock.posts(guid))] == ["hasty"]


def test_two_hundred_events_of_a_kilobyte_arrive_whole_once_and_in_order(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate("for (let n = 0; n < 200; n++) cribl.track('big', { n, text: String(n % 10).repeat(1024) })")
    assert page.evaluate("cribl.flush()") == 0
    posts = telemock.posts(guid)
    events = events_of(posts)
    assert [event["properties"] for event in events] == [{"n": n, "text": str(n % 10) * 1024} for n in range(200)]
    assert {row["session_id"] for row in posts} == {events[0]["session_id"]}
    assert [len(json.loads(row["request_body"])) for row in posts] == [20] * 10
    assert said == []


def test_a_page_that_goes_with_nearly_all_a_browser_keeps_alive_loses_nothing(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate("cribl.flush()")
    page.evaluate("for (let n = 0; n < 19; n++) cribl.track('kept', { n, text: 'x'.repeat(2900) })")
    page.goto(site.url + "/elsewhere")
    numbers: list[int] = []
    while len(numbers) < 19:
        telemock.wait_for_events(guid)
        numbers = [event["properties"]["n"] for event in events_of(telemock.posts(guid))]
    assert sorted(numbers) == list(range(19))
    assert len(telemock.posts(guid)) > 1
    assert said == []


def test_an_event_larger_than_a_browser_keeps_alive_is_posted(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate("cribl.track('small'); cribl.track('huge', { text: 'é'.repeat(100000) }); cribl.track('small')")
    assert page.evaluate("cribl.flush()") == 0
    events = [(event["name"], len(event["properties"].get("text", ""))) for event in events_of(telemock.posts(guid))]
    assert events == [("small", 0), ("huge", 100_000), ("small", 0)]
    assert said == []


def test_twenty_events_are_posted_at_once_and_fewer_after_the_configured_interval(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    page.clock.install()
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate("cribl.flush()")
    with page.expect_response("**/telemetry/events"):
        page.evaluate("for (let n = 0; n < 20; n++) cribl.track('full', { n })")
    assert [event["properties"]["n"] for event in events_of(telemock.posts(guid))] == list(range(20))
    page.evaluate("cribl.flush()")
    page.evaluate("cribl.track('later')")
    page.clock.fast_forward(299_000)
    assert len(telemock.posts(guid)) == 1
    with page.expect_response("**/telemetry/events"):
        page.clock.fast_forward(2_000)
    assert [event["name"] for event in events_of(telemock.posts(guid)[1:])] == ["later"]
    assert said == []


def test_properties_that_cannot_be_json_are_left_out_with_a_warning(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    page.goto(site.show("", script_from=telemock.url, guid=guid))
    page.evaluate(
        """() => {
            const cycle = {};
            cycle.self = cycle;
            cribl.track("cycle", cycle);
            cribl.track("bigint", { n: 10n });
            cribl.track("getter", { get bad() { throw new Error("no") } });
            cribl.track("function", () => 1);
            cribl.track(Symbol("symbol"), { fine: true });
            cribl.track({ toString() { throw new Error("nameless") } });
            cribl.track();
        }"""
    )
    assert page.evaluate("cribl.flush()") == 0
    assert [(event["name"], event["properties"]) for event in events_of(telemock.posts(guid))] == [
        ("cycle", {}),
        ("bigint", {}),
        ("getter", {}),
        ("function", {}),
        ("Symbol(symbol)", {"fine": True}),
        ("undefined", {}),
    ]
    assert len(said) == 4
    assert all(line.startswith("warning: cribl.js: ") for line in said)


def test_a_page_on_plain_http_without_secure_context_sends_too(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    address = site.show("", script_from=telemock.url, guid=guid)
    page.goto(address.replace("127.0.0.1", "plain.test"))
    assert page.evaluate("isSecureContext") is False
    page.evaluate("cribl.track('plain')")
    assert page.evaluate("cribl.flush()") == 0
    (row,) = telemock.posts(guid)
    assert len(row["session_id"]) == 32
    assert said == []


def test_each_page_load_is_a_session_and_loading_the_script_twice_is_one(
    telemock: Telemock, site: Site, page: Page, guid: str, said: list[str]
) -> None:
    again = f'<script src="{telemock.url}/telemetry/cribl.js"></script>'
    address = site.show(again, script_from=telemock.url, guid=guid)
    for _ in range(2):
        page.goto(address)
        page.evaluate("cribl.track('loaded')")
        assert page.evaluate("cribl.flush()") == 0
    rows = telemock.posts(guid)
    assert [event["name"] for event in events_of(rows)] == ["loaded", "loaded"]
    assert len({row["session_id"] for row in rows}) == 2
    assert said == []


@pytest.mark.parametrize("config", [{"enabled": False}, {"sample_rate": 0}, {"sample_rate": 0, "endpoint": "http://["}])
def test_a_configuration_that_wants_nothing_gets_nothing(site: Site, page: Page, config: Row) -> None:
    site.config = config
    page.goto(site.show("<script>cribl.track('early')</script>", script_from=site.url))
    assert page.evaluate("cribl.flush()") == 0
    page.evaluate("for (let n = 0; n < 40; n++) cribl.track('late')")
    assert page.evaluate("cribl.flush()") == 0
    page.goto(site.url + "/elsewhere")
    assert site.posts == []


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"endpoint": "/collect/here", "sample_rate": 1}, "/collect/here"),
        ({}, "/telemetry/events"),
        (None, "/telemetry/events"),
        ({"interval_seconds": "soon", "endpoint": 7, "sample_rate": "all"}, "/telemetry/events"),
    ],
)
def test_events_go_to_the_configured_endpoint_or_the_default_one(
    site: Site, page: Page, config: Row | None, path: str
) -> None:
    site.config = config
    page.goto(site.show("", script_from=site.url))
    page.evaluate("cribl.track('one')")
    assert page.evaluate("cribl.flush()") == 0
    assert [(post[0], [event["name"] for event in post[2]]) for post in site.posts] == [(path, ["one"])]


@pytest.mark.parametrize(("interval", "delay_ms"), [(0.001, 1_000), (60, 60_000), (1e12, 86_400_000)])
def test_an_extreme_interval_neither_floods_nor_overflows(
    site: Site, page: Page, interval: float, delay_ms: int
) -> None:
    site.config = {"interval_seconds": interval}
    page.add_init_script("""
        window.delays = [];
        const real = window.setInterval;
        window.setInterval = (task, delay) => delays.push(delay) && real(task, delay);
    """)
    page.goto(site.show("", script_from=site.url))
    page.evaluate("cribl.flush()")
    assert page.evaluate("delays") == [delay_ms]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failed_post_is_sent_again_in_order_with_the_next_flush(site: Site, page: Page, status: int) -> None:
    site.statuses = [status]
    page.goto(site.show("", script_from=site.url))
    page.evaluate("for (let n = 0; n < 19; n++) cribl.track(`n${n}`)")
    assert page.evaluate("cribl.flush()") == 19
    page.evaluate("for (let n = 19; n < 60; n++) cribl.track(`n${n}`)")
    assert len(site.posts) == 1, "a server in trouble is left alone until the next flush"
    assert page.evaluate("cribl.flush()") == 0
    assert site.names() == [f"n{n}" for n in range(60)]


def test_events_refused_for_what_they_hold_are_given_up_with_a_warning(site: Site, page: Page, said: list[str]) -> None:
    site.statuses = [400]
    page.goto(site.show("", script_from=site.url))
    page.evaluate("cribl.track('bad')")
    assert page.evaluate("cribl.flush()") == 0
    page.evaluate("cribl.track('good')")
    assert page.evaluate("cribl.flush()") == 0
    assert site.names() == ["good"]
    assert any(line.startswith("warning: cribl.js: 1 events were refused (400)") for line in said)


def test_of_more_events_than_the_queue_holds_the_newest_are_kept(site: Site, page: Page) -> None:
    site.statuses = [503]
    page.goto(site.show("", script_from=site.url))
    page.evaluate("cribl.track('first')")
    assert page.evaluate("cribl.flush()") == 1
    page.evaluate("for (let n = 0; n < 1005; n++) cribl.track(`n${n}`)")
    assert page.evaluate("cribl.flush()") == 0
    assert site.names() == [f"n{n}" for n in range(5, 1005)]


def test_a_page_works_when_telemock_is_not_there(site: Site, page: Page, said: list[str]) -> None:
    """The script came from somewhere; then nobody answers: the page never notices more than a console line."""
    page.route("**/telemetry/config", lambda route: route.abort())  # so that it is never asked while the site is there
    with open_site() as gone:
        page.goto(site.show("", script_from=gone.url))
    page.evaluate("for (let n = 0; n < 30; n++) cribl.track('lost')")
    assert page.evaluate("cribl.flush()") == 30
    assert not [line for line in said if line.startswith("uncaught")]
