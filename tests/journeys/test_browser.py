"""Journeys of the JavaScript client: real pages, in real Chromium, that load it from a running `telemock serve`."""

import json
import shutil
import subprocess
from importlib.resources import files

from playwright.sync_api import Page

from tests.journeys.browsing import HANG_SECONDS, VERSION, Event, Row, Site, Telemock


def events_of(rows: list[Row]) -> list[Event]:
    return [event for row in rows for event in json.loads(row["request_body"])]


def test_the_script_parses() -> None:
    node = shutil.which("node")
    assert node is not None
    subprocess.run(
        [node, "--check", str(files("telemock.server").joinpath("cribl.js"))], check=True, timeout=HANG_SECONDS
    )


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
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    telemock.wait_for_events(guid)
    assert [event["properties"]["n"] for event in events_of(telemock.posts(guid))] == [1, 2, 3]


def test_a_page_left_before_its_configuration_came_loses_nothing(
    telemock: Telemock, site: Site, page: Page, guid: str
) -> None:
    leave = f"cribl.track('hasty'); location.href = '{site.url}/elsewhere'"
    page.goto(site.show(f"<script>{leave}</script>", script_from=telemock.url, guid=guid), wait_until="commit")
    page.wait_for_url(site.url + "/elsewhere")
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
