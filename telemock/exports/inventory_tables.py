"""These are the tables of hosts, endpoints, fields, time and cadence: what was learnt in, rows of text out.

They refuse to leave anything out without a sentence that says so.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from telemock.exports.tables import Kind, Table, Told, endpoint_name, left_out
from telemock.exports.wording import captured, length, moment, number, share, size, told_apart

MOST_FIELDS = 150

_MOST_ENDPOINTS = 200
_MOST_HOSTS = 100
_MOST_CADENCES = 20
_MOST_PERIODS = 24

# Where the examples of a field end.
_EXAMPLE_CHARACTERS = 200


def hosts_table(endpoints: Iterable[Told], whose: str = "") -> Table:
    """Sum up what hosts were sent, those first that were called most; `whose` requests these are is in the caption."""
    by_host: dict[str, list[Told]] = {}
    for endpoint in endpoints:
        by_host.setdefault(endpoint["host"], []).append(endpoint)
    ranked = sorted(by_host.items(), key=lambda entry: -sum(each["count"] for each in entry[1]))
    return Table(
        f"Hosts that requests{whose} were meant for",
        (
            ("host", "code"),
            ("endpoints", "number"),
            ("requests", "number"),
            ("sent", "number"),
            ("answered", "number"),
            ("first (UTC)", "time"),
            ("last (UTC)", "time"),
        ),
        [
            (
                told_apart(host) or "not said",
                number(len(those)),
                number(sum(each["count"] for each in those)),
                size(sum(each["bytes_up"] for each in those)),
                size(sum(each["bytes_down"] for each in those)),
                moment(min(each["first_seen"] for each in those)),
                moment(max(each["last_seen"] for each in those)),
            )
            for host, those in ranked[:_MOST_HOSTS]
        ],
        left_out(len(ranked) - _MOST_HOSTS, "host"),
    )


def endpoints_table(endpoints: Sequence[Told], whose: str = "") -> Table:
    """Tell of endpoints how often, with what and how fast they were answered; `whose` as of `hosts_table`."""
    return Table(
        f"Endpoints{whose}, those first that were called most",
        (
            ("endpoint", "code"),
            ("requests", "number"),
            ("instances", "number"),
            ("answers", "text"),
            ("sent", "number"),
            ("answered", "number"),
            ("p50 ms", "number"),
            ("p95 ms", "number"),
            ("p99 ms", "number"),
        ),
        [
            (
                endpoint_name(each),
                number(each["count"]),
                number(each["instances"]),
                [
                    *(f"{number(count)} x {status}" for status, count in each["statuses"].items()),
                    *([f"{number(each['resent'])} sent again"] if each["resent"] else []),
                ],
                size(each["bytes_up"]),
                size(each["bytes_down"]),
                *(f"{each['latency_ms'][rank]:.3g}" for rank in ("p50", "p95", "p99")),
            )
            for each in endpoints[:_MOST_ENDPOINTS]
        ],
        left_out(len(endpoints) - _MOST_ENDPOINTS, "endpoint"),
    )


def fields_table(endpoint: Told, most: int) -> Table:
    """Tell what the fields of an endpoint are and do.

    Args:
        endpoint: whose.
        most: fields at most.
    """
    fields = endpoint["fields"]
    shown = min(most, MOST_FIELDS)
    return Table(
        f"Fields of {endpoint_name(endpoint)}",
        (
            ("in", "text"),
            ("field", "code"),
            ("presence", "number"),
            ("types", "text"),
            ("behaviour", "text"),
            ("distinct", "number"),
            ("values", "code"),
            ("meaning", "badge"),
        ),
        [
            (
                field["source"],
                told_apart(field["name"]),
                share(field["presence"]),
                _types(field["types"]),
                field["behaviour"],
                ("~" if field["distinct_is_estimated"] else "") + number(field["distinct"]),
                _values(field),
                "" if field["known"] is None else (field["meaning"] or "unknown"),
            )
            for field in fields[:shown]
        ],
        left_out(len(fields) - shown, "field"),
    )


def cadence_table(endpoints: Collection[Told]) -> Table:
    """Tell how instances call, those first that are most out of step; of one endpoint alone, without its name."""
    beating = [(endpoint, each) for endpoint in endpoints for each in endpoint["cadences"]]
    beating.sort(key=lambda pair: _trouble(pair[1]))
    has_several = len(endpoints) > 1
    endpoint_column: tuple[tuple[str, Kind], ...] = (("endpoint", "code"),) if has_several else ()
    return Table(
        "Instances, those first that are most out of step",
        (
            ("instance", "code"),
            *endpoint_column,
            ("requests", "number"),
            ("interval", "number"),
            ("missed", "number"),
            ("away", "number"),
            ("bursts", "number"),
            ("retries", "number"),
            ("last seen (UTC)", "time"),
            ("next expected (UTC)", "time"),
        ),
        [
            (
                told_apart(each["instance"]),
                *((endpoint_name(endpoint),) if has_several else ()),
                number(each["requests"]),
                _interval(each),
                number(each["missed"]),
                number(each["silences"]),
                number(each["bursts"]),
                number(each["retries"]),
                moment(each["last_seen"]),
                moment(each["next_expected"]),
            )
            for endpoint, each in beating[:_MOST_CADENCES]
        ],
        left_out(len(beating) - _MOST_CADENCES, "instance"),
    )


def timeline_table(timeline: Told) -> Table:
    """Tell in a few rows how many requests there were when; for who sees no chart."""
    buckets = timeline["buckets"]
    together = -(-len(buckets) // _MOST_PERIODS) or 1
    groups = [buckets[at : at + together] for at in range(0, len(buckets), together)]
    return Table(
        "Requests over time",
        (("from (UTC)", "time"), ("requests", "number"), ("of these", "text")),
        [(moment(group[0]["begin"]), number(sum(_outcomes(group).values())), _of_these(group)) for group in groups],
    )


def _types(types: Mapping[str, float]) -> str:
    if len(types) == 1:
        return next(iter(types))
    return ", ".join(f"{kind} {share(part)}" for kind, part in types.items())


def _values(field: Told) -> list[str]:
    """Write the range of numbers, or examples, and what is wrapped in them; or what stands in their place."""
    if field["masked"]:
        return [captured(field["masked"])]
    if field["least"] is not None and field["distinct"] > 1 and len(field["types"]) == 1:
        return [f"{field['least']} to {field['most']}"]
    decoded = [f"→ {captured(chain)}" for chain in field["decoded"][:1]]
    long = [f"up to {number(field['longest'])} characters"] if field["longest"] > _EXAMPLE_CHARACTERS else []
    return [captured(example) for example in field["examples"]] + long + decoded


def _interval(cadence: Told) -> str:
    jitter = f" ± {length(cadence['jitter_s'])}" if cadence["jitter_s"] is not None else ""
    return length(cadence["interval_s"]) + jitter


def _trouble(cadence: Told) -> tuple[float, ...]:
    odd = cadence["missed"] + cadence["silences"]
    return -odd, -cadence["retries"], -cadence["bursts"], -cadence["requests"]


def _outcomes(buckets: Iterable[Told]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for bucket in buckets:
        for outcome, count in bucket["counts"].items():
            counts[outcome] = counts.get(outcome, 0) + count
    return counts


def _of_these(buckets: Collection[Told]) -> str:
    return ", ".join(f"{captured(outcome)} {number(count)}" for outcome, count in _outcomes(buckets).items())
