from typing import Any

from telemock.exports.figures import (
    MOST_BARS,
    cadence_figure,
    endpoints_figure,
    label,
    nearest_interval,
    sensitive_figure,
    timeline_figure,
)
from tests.exports.told import cadence, endpoint, finding


def bars(figure: Any) -> dict[str | None, list[int]]:
    return {bar.name: list(bar.x if bar.orientation == "h" else bar.y) for bar in figure.data}


def test_the_timeline_stacks_outcomes_in_bars_as_wide_as_their_time() -> None:
    buckets = [{"begin_s": 0, "counts": {"refused": 1, "mock": 5}}, {"begin_s": 900, "counts": {"mock": 7}}]
    figure = timeline_figure({"width_s": 900, "buckets": buckets})
    assert bars(figure) == {"mock": [5, 7], "refused": [1, 0]}
    assert list(figure.data[0].x) == ["1970-01-01 00:00:00", "1970-01-01 00:15:00"]
    assert figure.data[0].width == 900_000


def test_endpoints_are_ranked_with_the_first_on_top_and_those_named_alike_apart() -> None:
    endpoints = [endpoint("/" + "x" * 500), endpoint("/" + "x" * 499 + "y", statuses={"700": 2})]
    figure = endpoints_figure(endpoints)
    assert bars(figure) == {"2xx": [0, 3], "5xx": [0, 1], "7xx": [2, 0]}
    assert len(endpoints_figure([endpoint()] * 99).data[0].y) == MOST_BARS


def test_sensitive_values_are_counted_by_class_and_confidence() -> None:
    figure = sensitive_figure([finding(), finding(confidence="low", values=2), finding(**{"class": "ip_address"})])
    assert bars(figure) == {"high confidence": [3, 3], "low confidence": [0, 2]}
    assert [text.strip() for text in figure.layout.yaxis.ticktext] == ["ip address", "email"]


def test_instances_are_counted_by_the_round_interval_that_is_nearest() -> None:
    assert [nearest_interval(seconds) for seconds in (0.01, 299.2, 301, 90_000)] == [1, 300, 300, 86_400]
    figure = cadence_figure([cadence(), cadence(interval_s=299.9), cadence(interval_s=None)])
    assert list(figure.data[0].x) == ["about 5 min"]
    assert list(figure.data[0].y) == [2]


def test_a_label_is_nothing_that_plotly_would_read() -> None:
    text = '<a href="javascript:x">&lt;b\u202e'
    assert label(text) == '&lt;a href="javascript:x"&gt;&amp;lt;b\\u202e'
    labels = endpoints_figure([endpoint("/<b>")]).layout.yaxis.ticktext
    assert "<" not in labels[0]
    assert "&lt;b&gt;" in labels[0]
