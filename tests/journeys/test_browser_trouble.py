"""Journeys of the JavaScript client where the server says something else than telemock does: other settings, failures.

The page's own server hands out the same script and collects what it posts.
"""

import pytest
from playwright.sync_api import Page

from tests.journeys.browsing import Row, Site, open_site


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
