"""These are the sections of a report, in the order people ask: where, when, what, how often, what changed.

They refuse to be silent: a section without anything in it says so in words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from telemock.exports.connection_tables import kinds_table, latest_table, targets_table
from telemock.exports.finding_tables import changes_table, planted_table, sensitive_table
from telemock.exports.inventory_tables import (
    MOST_FIELDS,
    cadence_table,
    endpoints_table,
    fields_table,
    hosts_table,
    timeline_table,
)
from telemock.exports.summary import parted
from telemock.exports.tables import ELSEWHERE, Table, Told, endpoint_name
from telemock.exports.wording import PUT_TOGETHER, captured, count, length, moment, number, period, size

# Of the inventory, what a browser shows at once; a page with more is for nobody.
_MOST_ENDPOINTS = 40
_MOST_FIELDS_IN_ALL = 1500

_NOTHING = "No request was captured that fits."


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a section.

    Attributes:
        kind: a paragraph, a heading, a table, a chart, or facts under their names.
        text: of a paragraph or a heading; what a chart shows.
        table: the table, or that of a chart's figures where no other shows them.
        chart: its name.
        facts: name, lines, and whether these are to be copied as they are.
    """

    kind: Literal["text", "heading", "table", "chart", "facts"]
    text: str = ""
    table: Table | None = None
    chart: str = ""
    facts: tuple[tuple[str, tuple[str, ...], bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page that can be jumped to."""

    anchor: str
    title: str
    parts: tuple[Part, ...]


def sections(told: Told) -> list[Section]:
    """Give the sections of a report; `telemock.exports.report` says what it takes."""
    return [
        Section("where", "Where it went", (*_where_it_went(told["endpoints"]),)),
        Section("timeline", "Timeline", (*_timeline(told["timeline"]),)),
        Section("inventory", "What was sent", (*_inventory(told),)),
        Section("sensitive", "Sensitive and planted values", (*_sensitive(told),)),
        Section("cadence", "How often", (*_cadence(told["endpoints"]),)),
        Section("changes", "Changes between versions", (*_changes(told),)),
        Section("connections", "Connections", (*_connections(told["connections"]),)),
        Section("made", "How this was made", (*_made(told),)),
    ]


def _text(text: str) -> Part:
    return Part("text", text)


def _table(table: Table) -> Part:
    return Part("table", table=table)


def _where_it_went(endpoints: Sequence[Told]) -> Iterator[Part]:
    if not endpoints:
        yield _text(_NOTHING)
        return
    ours, others = parted(endpoints)
    yield _table(hosts_table(ours))
    yield Part("chart", "Requests by endpoint and answer", chart="chart-endpoints")
    yield _table(endpoints_table(ours))
    if any(field["source"] == "path" for endpoint in endpoints for field in endpoint["fields"]):
        yield _text(PUT_TOGETHER)
    if others:
        yield Part("heading", "Others")
        yield _text("What no profile knows: other programs, browsers, and who looks for weak spots.")
        yield _table(hosts_table(others, " of others"))
        yield _table(endpoints_table(others, " of others"))


def _timeline(timeline: Told) -> Iterator[Part]:
    buckets = timeline["buckets"]
    if not buckets:
        yield _text(_NOTHING)
        return
    busiest = max(buckets, key=lambda bucket: sum(bucket["counts"].values()))
    yield _text(
        f"The busiest {length(timeline['width_s'])} began at {moment(busiest['begin'])} UTC, with "
        f"{count(sum(busiest['counts'].values()), 'request')}."
    )
    yield Part("chart", "Requests over time", timeline_table(timeline), "chart-timeline")
    if timeline["unreadable"]:
        yield _text(f"Left out, as their time cannot be read: {count(timeline['unreadable'], 'request')}.")


def _inventory(told: Told) -> Iterator[Part]:
    endpoints = told["endpoints"]
    if not endpoints:
        yield _text(_NOTHING)
        return
    yield _text(
        "Each field of queries, bodies, headers, trailers and cookies: in how many of the endpoint's requests it is, "
        "what its values are and do, and what is wrapped in them. Distinct values with ~ are estimated, with an error "
        f"of {100 * told['distinct_error']:.2g} %. “unknown” is what the product's profile does not know. "
        + (
            "Values are shown as they were sent, the sensitive ones too, as --values asked for."
            if told["shows_values"]
            else "Fields in which something sensitive or planted was found are shown masked, and so are credentials."
        )
    )
    left = _MOST_FIELDS_IN_ALL
    ours, others = parted(endpoints)
    endpoints = [*ours, *others]
    for shown, endpoint in enumerate(endpoints):
        if shown == _MOST_ENDPOINTS or left <= 0:
            more = len(endpoints) - shown
            fields = sum(len(each["fields"]) for each in endpoints[shown:])
            yield _text(f"{count(more, 'more endpoint')} with {count(fields, 'field')}; {ELSEWHERE}")
            return
        yield Part("heading", ("Others: " if shown >= len(ours) else "") + endpoint_name(endpoint))
        yield _text(
            f"{count(endpoint['count'], 'request')} of {count(endpoint['instances'], 'instance')}, "
            f"{period(moment(endpoint['first_seen']), moment(endpoint['last_seen']))} UTC"
            f"{_beyond(endpoint['values_left_out'])}."
        )
        if endpoint["fields"]:
            yield _table(fields_table(endpoint, left))
        left -= min(len(endpoint["fields"]), MOST_FIELDS)


def _beyond(values: int) -> str:
    return f"; {count(values, 'value')} of further fields were only counted" if values else ""


def _sensitive(told: Told) -> Iterator[Part]:
    findings = told["sensitive"]
    if not told["exchanges"]:
        yield _text(_NOTHING)
    elif findings:
        yield _text(
            "High confidence is its form or its name, medium what harmless things look like, too, low what is mostly "
            "chance. Examples are masked; hosts and names of fields are shown as they were sent, paths without secrets."
        )
        yield Part("chart", "Sensitive values by class and confidence", chart="chart-sensitive")
        yield _table(sensitive_table(findings))
    else:
        yield _text(
            "Nothing sensitive was found: no e-mail, IP or MAC address, host or user name, file path, cloud account, "
            "phone or card number, key or token, neither raw nor wrapped."
        )
    if told["planted"] and told["exchanges"]:
        yield Part("heading", "Planted values")
        yield _table(planted_table(told["planted"], in_part=bool(told["not_looked_at"])))
    elif not told["planted"]:
        yield _text("No value was planted to be looked for; --plant and --plant-system do that.")
    yield from (_text(f"Not everything was looked at: {sentence}") for sentence in told["not_looked_at"])


def _cadence(endpoints: Sequence[Told]) -> Iterator[Part]:
    endpoints, others = parted(endpoints)
    cadences = [each for endpoint in endpoints for each in endpoint["cadences"]]
    if not cadences:
        yield _text(_NOTHING)
        return
    regular = [each for each in cadences if each["jitter_s"] is not None]
    yield _text(
        f"{number(len(regular))} of {number(len(cadences))} have a beat, counting an instance once for each endpoint. "
        f"Beats that were missed: {number(sum(each['missed'] for each in cadences))}; requests that were retries: "
        f"{number(sum(each['retries'] for each in cadences))}; those sent again though one like it was answered: "
        f"{number(sum(each['resent'] for each in cadences))}."
    )
    if any(each["interval_s"] for each in cadences):
        yield Part("chart", "How often instances call", chart="chart-cadence")
    yield _table(cadence_table(endpoints))
    if others:
        yield _text("How often others call is told by telemock analyze.")


def _changes(told: Told) -> Iterator[Part]:
    if any(name == "version" for name, _ in told["filters"]):
        yield _text("The filters chose one version; there is none to compare it with.")
        return
    if not told["changes"]:
        yield _text("There are no two versions to compare.")
        return
    yield _text("Each version is compared with the one that was first seen before it; telemock diff compares any two.")
    if told["versions_left_out"]:
        yield _text(f"{count(told['versions_left_out'], 'earlier version')} not compared here.")
    for pair in told["changes"]:
        yield Part("heading", f"{captured(pair['a'], 60)} → {captured(pair['b'], 60)}")
        of = f"{count(pair['a_exchanges'], 'request')} before, {count(pair['b_exchanges'], 'request')} after"
        if pair["changes"]:
            yield _text(f"{of}: {count(len(pair['changes']), 'difference')}.")
            yield _table(changes_table(pair))
        else:
            yield _text(f"{of}: no difference{' in what could be compared' if pair['not_compared'] else ''}.")
        yield from map(_text, pair["not_compared"])


def _connections(connections: Told) -> Iterator[Part]:
    yield _text(
        "What happened below HTTP. In mock mode nothing is dialled, so that “upstream” must be 0; a tunnel leaves, "
        "too, although its content is not read here."
    )
    yield _table(kinds_table(connections["kinds"]))
    if connections["targets"]:
        yield _table(targets_table(connections["targets"]))
        if connections["left_out"]:
            yield _text(f"{number(connections['left_out'])} connections to further hosts were only counted.")
        yield _table(latest_table(connections["latest"]))


def _made(told: Told) -> Iterator[Part]:
    database = told["database"]
    files = database["files"]
    facts: list[tuple[str, tuple[str, ...], bool]] = [
        ("Command", (captured(told["command"], 2000),), True),
        ("Made", (f"{moment(told['made_at'])} UTC by telemock {told['telemock']}",), False),
        ("Database", tuple(f"{captured(file['path'], 1000)}: {number(file['bytes'])} bytes" for file in files), False),
        ("SHA-256", tuple(f"{file['sha256']}  {captured(file['path'], 1000)}" for file in files), True),
        ("It covers", tuple(_covered(database)), False),
        (
            "Filters",
            tuple(f"{name}: {captured(value)}" for name, value in told["filters"]) or ("none: all exchanges",),
            False,
        ),
        ("Left out", tuple(_left_out(told)) or ("Nothing but what tables say below them.",), False),
    ]
    yield Part("facts", facts=tuple(fact for fact in facts if fact[1]))


def _covered(database: Told) -> Iterator[str]:
    files = database["files"]
    if database["is_what_was_read"]:
        yield (
            "Exactly what this page was made from: no exchange or connection was stored or removed from before the "
            "first one was read until after the last byte was summed up. sha256sum prints the same."
        )
    elif database["is_whole"]:
        yield (
            "The files right after reading, at a moment when nobody wrote. While this page was made, the database was "
            f"written to: exchanges up to number {number(database['last_exchange'])} are here, later ones only in it."
        )
    else:
        yield (
            "No one moment, as the database was written to all the while; the sums prove nothing. Stop the server, or "
            "make the report from a copy: sqlite3 telemetry.db '.backup copy.db'."
        )
    if len(files) > 1:
        yield (
            f"The second file is the write-ahead log, {size(files[1]['bytes'])}: a server has the database open, or "
            "ended without closing it. Both files together are the database."
        )


def _left_out(told: Told) -> Iterator[str]:
    if told["exchanges_left_out"]:
        yield f"{number(told['exchanges_left_out'])} requests to further endpoints were only counted."
    if told["cadences_left_out"]:
        yield f"How often {number(told['cadences_left_out'])} further instances call was not followed."
    if told["findings_left_out"]:
        yield f"{number(told['findings_left_out'])} values with further findings were left out, and are not masked."
    yield from told["not_filtered"]
