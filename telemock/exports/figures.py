"""These are the charts, one function each: what was learnt in, a plotly figure out, for whoever shows it.

They refuse to bring captured text along as plotly would read it, as a kind of HTML, and to choose colours of text and
lines: the page does, for light and for dark.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from telemock.exports.tables import endpoint_name, words
from telemock.exports.wording import length, told_apart

# Those of bars are told apart in light, in dark, on paper, and by eyes that see few colours (Okabe and Ito, 2008).
_OUTCOMES = {
    "mock": "#0072b2",
    "stub": "#56b4e9",
    "recorded": "#cc79a7",
    "unmatched": "#e69f00",
    "refused": "#d55e00",
    "fault": "#a02c2c",
}
_STATUSES = {"1": "#999999", "2": "#0072b2", "3": "#56b4e9", "4": "#e69f00", "5": "#d55e00"}
_CONFIDENCES = {"high": "#d55e00", "medium": "#e69f00", "low": "#999999"}
_OTHER = "#999999"

MOST_BARS = 15
_LABEL_CHARACTERS = 48

# Intervals are counted by the nearest of these, in seconds.
_INTERVALS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800)

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - plotly shows times as they are; these are UTC


def timeline_figure(timeline: Mapping[str, Any]) -> go.Figure:
    """Draw how many exchanges there were when, by what became of them."""
    buckets: Sequence[Mapping[str, Any]] = timeline["buckets"]
    outcomes = Counter(outcome for bucket in buckets for outcome in bucket["counts"])
    width_s = timeline["width_s"]
    begins = [_time(bucket["begin_s"]) for bucket in buckets]
    bars = [
        go.Bar(
            name=label(outcome),
            x=begins,
            y=[bucket["counts"].get(outcome, 0) for bucket in buckets],
            width=width_s * 1000,
            offset=0,
            marker={"color": _OUTCOMES.get(outcome, _OTHER), "line": {"width": 0}},
            hovertemplate="%{x}<br>%{y:,}",
        )
        for outcome in sorted(outcomes, key=[*_OUTCOMES, *outcomes].index)
    ]
    figure = _figure(bars, height=320)
    figure.update_xaxes(type="date", title=f"UTC, a bar is {length(width_s)}")
    figure.update_yaxes(title="requests", rangemode="tozero", fixedrange=True)
    return figure


def endpoints_figure(endpoints: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Draw which endpoints were called most, and how they were answered."""
    shown = [*reversed(endpoints[:MOST_BARS])]
    names = [*map(endpoint_name, shown)]
    counted = [_by_class(endpoint["statuses"]) for endpoint in shown]
    return _ranking(names, counted, _STATUSES, lambda digit: f"{digit}xx", "requests")


def sensitive_figure(findings: Iterable[Mapping[str, Any]]) -> go.Figure:
    """Draw how many values were sensitive, by class and by how sure that is."""
    classes: dict[str, Counter[str]] = {}
    for finding in findings:
        classes.setdefault(finding["class"], Counter())[finding["confidence"]] += finding["values"]
    names = sorted(classes, key=lambda name: classes[name].total())[-MOST_BARS:]
    counted = [classes[name] for name in names]
    return _ranking([*map(words, names)], counted, _CONFIDENCES, lambda word: f"{word} confidence", "values")


def cadence_figure(cadences: Iterable[Mapping[str, Any]]) -> go.Figure:
    """Draw how often instances call: how many of them do so about every so many seconds."""
    counted = Counter(map(nearest_interval, (each["interval_s"] for each in cadences if each["interval_s"])))
    intervals = sorted(counted)
    figure = _figure(
        [
            go.Bar(
                x=[f"about {length(interval)}" for interval in intervals],
                y=[counted[interval] for interval in intervals],
                width=[0.6] * len(intervals),
                marker={"color": _OUTCOMES["mock"]},
                hovertemplate="%{x}: %{y:,}<extra></extra>",
            )
        ],
        height=260,
    )
    figure.update_xaxes(type="category", title="time from request to request, median", fixedrange=True)
    figure.update_yaxes(title="instances", rangemode="tozero", fixedrange=True, tickformat=",d")
    return figure


def nearest_interval(seconds: float) -> int:
    """Give the round interval that is nearest, by its ratio."""
    return min(_INTERVALS, key=lambda interval: abs(math.log(interval / seconds)))


def label(text: object) -> str:
    """Write captured text so that plotly shows it as it is: it reads tags and entities (its pseudo-HTML)."""
    return told_apart(str(text), _LABEL_CHARACTERS).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ranking(
    names: Sequence[str], counted: Sequence[Mapping[str, int]], colours: Mapping[str, str], worded: Any, unit: str
) -> go.Figure:
    """Draw bars from left to right, the first name lowest; what is named alike is not thrown together."""
    places = [*range(len(names))]
    total = sum(map(Counter, counted), Counter[str]())
    present = sorted(total, key=[*colours, *total].index)
    labels = [*map(label, names)]
    bars = [
        go.Bar(
            name=worded(kind),
            orientation="h",
            x=[counts.get(kind, 0) for counts in counted],
            y=places,
            width=[0.7] * len(names),
            hovertext=labels,
            marker={"color": colours.get(kind, _OTHER)},
            hovertemplate="%{hovertext}<br>%{x:,}",
        )
        for kind in present
    ]
    figure = _figure(bars, height=130 + 26 * len(names))
    figure.update_xaxes(title=unit, rangemode="tozero", fixedrange=True)
    figure.update_yaxes(
        tickmode="array",
        tickvals=places,
        ticktext=[f"{each}\u2002" for each in labels],
        range=[-0.6, len(names) - 0.4],
        fixedrange=True,
    )
    return figure


def _figure(bars: Sequence[go.Bar], *, height: int) -> go.Figure:
    layout = {
        "template": "none",
        "barmode": "stack",
        "bargap": 0,
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "showlegend": len(bars) > 1,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "hoverlabel": {"align": "left"},
    }
    figure = go.Figure(bars, layout)
    figure.update_xaxes(automargin=True, zeroline=False, ticks="outside", tickcolor="rgba(0,0,0,0)")
    figure.update_yaxes(automargin=True, zeroline=False, ticksuffix="\u2002")
    return figure


def _by_class(statuses: Mapping[str, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for status, each in statuses.items():
        counts[status[:1]] += each
    return counts


def _time(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(" ")
