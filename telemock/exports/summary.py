"""This is what a report says first: a few sentences and figures for who reads no further.

It refuses to calm: what left, and what cannot be told, is said where it is asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from telemock.exports.tables import Told, words
from telemock.exports.wording import captured, count, listed, moment, number, period

Mood = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that stands out.

    Attributes:
        name: of what.
        value: as text.
        note: what else to know of it.
        mood: whether it is good or bad news.
    """

    name: str
    value: str
    note: str
    mood: Mood = "plain"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the summary, and whether it is good or bad news."""

    text: str
    mood: Mood = "plain"


def sentences(told: Told) -> Iterator[Sentence]:
    """Say what was captured, where it went, what was in it, and what left."""
    endpoints = told["endpoints"]
    if not told["exchanges"]:
        yield Sentence("No request was captured that fits: there is nothing to tell of what was sent.")
    else:
        yield from map(Sentence, _captured(told))
        known, unknown = (len(_fields(endpoints, is_known)) for is_known in (True, False))
        total = len(_fields(endpoints))
        of_profile = f"; of those that are the product's own, {number(known)} are known and {number(unknown)} are not"
        yield Sentence(
            f"They carried {count(total, 'different field')} in queries, bodies, headers, trailers and cookies"
            f"{of_profile if known or unknown else ''}."
        )
        mood: Mood = "plain" if told["not_looked_at"] else "good"
        yield from _found(told, mood)
        yield from _planted(told["planted"], mood)
        yield from (Sentence(f"Not everything was looked at: {sentence}") for sentence in told["not_looked_at"])
    pairs = [
        f"{captured(pair['a'], 40)} and {captured(pair['b'], 40)} differ in {count(len(pair['changes']), 'thing')}"
        for pair in told["changes"]
        if pair["changes"]
    ]
    if pairs:
        yield Sentence(f"Versions {listed(pairs, 3)}.")
    refused = told["connections"]["kinds"].get("tls_refused", 0)
    if refused:
        yield Sentence(
            f"Clients gave up {count(refused, 'TLS connection')} before they sent a request: what they would have sent "
            "is not known.",
            "bad",
        )
    yield _upstream(told)


def figures(told: Told) -> list[Figure]:
    """Give the figures that stand out."""
    endpoints = told["endpoints"]
    ours, others = parted(endpoints)
    hosts = hosts_of(endpoints)
    high = _classes(told["sensitive"], "high")
    dials = told["connections"]["kinds"].get("upstream", 0)
    tunnels = told["connections"]["kinds"].get("tunnel", 0)
    fields, unknown, known = (len(_fields(endpoints, *which)) for which in ((), (False,), (True, False)))
    return [
        Figure(
            "requests", number(told["exchanges"]), count(instances_of(ours), "instance") + " and others" * bool(others)
        ),
        Figure(
            "hosts",
            number(len(hosts)),
            count(len(endpoints), "endpoint") + " and more" * bool(told["exchanges_left_out"]),
        ),
        Figure(
            "fields", number(fields), f"{number(unknown)} not known to the profile" if known else "of no known product"
        ),
        Figure(
            "kinds of sensitive values",
            number(len(high)),
            listed([*map(words, high)], 3)
            or ("none with high confidence" if told["exchanges"] else "nothing to look at"),
            "bad" if high else "good" if told["exchanges"] and not told["not_looked_at"] else "plain",
        ),
        # What went past telemock is in no figure, so that none is good news.
        Figure("upstream dials", number(dials), "see below" if dials else "by telemock itself", _bad_if(dials)),
        Figure("tunnels", number(tunnels), "let through unread" if tunnels else "through telemock", _bad_if(tunnels)),
    ]


def hosts_of(endpoints: Sequence[Told]) -> list[str]:
    """Give the hosts, those first that were called most."""
    counts: dict[str, int] = {}
    for endpoint in endpoints:
        counts[endpoint["host"]] = counts.get(endpoint["host"], 0) + endpoint["count"]
    return sorted(counts, key=lambda host: -counts[host])


def parted(endpoints: Sequence[Told]) -> tuple[list[Told], list[Told]]:
    """Part the endpoints of products that a profile knows from those of others; all are the first's where none is."""
    ours = [each for each in endpoints if each["product"]]
    return (ours, [each for each in endpoints if not each["product"]]) if ours else ([*endpoints], [])


def _captured(told: Told) -> Iterator[str]:
    ours, others = parted(told["endpoints"])
    products = listed([captured(product) for product in told["products"]])
    more = f", and {number(told['exchanges_left_out'])} to further endpoints" if told["exchanges_left_out"] else ""
    yield (
        f"telemock captured {_requests(ours)} from {count(instances_of(ours), 'instance')}"
        f"{f' of {products}' if products else ''}, {_between(ours)}, to {_hosts(ours)}{more if not others else ''}."
    )
    if others:
        yield (
            f"Apart from that {_requests(others)} of others came from {count(instances_of(others), 'client')}, "
            f"{_between(others)}, to {_hosts(others)}{more}: other programs, browsers, or who looks for weak spots."
        )


def _requests(endpoints: Iterable[Told]) -> str:
    return count(sum(endpoint["count"] for endpoint in endpoints), "request")


def _between(endpoints: Sequence[Told]) -> str:
    first = moment(min(endpoint["first_seen"] for endpoint in endpoints))
    last = moment(max(endpoint["last_seen"] for endpoint in endpoints))
    return period(first, last) + " UTC"


def _hosts(endpoints: Sequence[Told]) -> str:
    hosts = hosts_of(endpoints)
    return f"{count(len(hosts), 'host')}: {listed([captured(host, 60) or 'one not said' for host in hosts])}"


def _found(told: Told, mood: Mood) -> Iterator[Sentence]:
    high, medium = (_classes(told["sensitive"], confidence) for confidence in ("high", "medium"))
    if high:
        yield Sentence(f"Sensitive values were sent, with high confidence: {listed([*map(words, high)], 12)}.", "bad")
    else:
        yield Sentence("No value was sent that is sensitive with high confidence.", mood)
    if medium:
        yield Sentence(f"What looks like it, with medium confidence: {listed([*map(words, medium)], 12)}.")


def _planted(planted: Sequence[Told], mood: Mood) -> Iterator[Sentence]:
    found = [captured(each["name"], 60) for each in planted if each["found"]]
    missing = [
        captured(each["name"], 60) + " (so short that only whole values count)" * each["whole_only"]
        for each in planted
        if not each["found"]
    ]
    if found:
        yield Sentence(f"Planted values that were sent, as they are, coded or hashed: {listed(found)}.", "bad")
    if missing:
        yield Sentence(f"Planted values that no request held, in any coding or hash: {listed(missing)}.", mood)


def _upstream(told: Told) -> Sentence:
    kinds = told["connections"]["kinds"]
    dials, tunnels = kinds.get("upstream", 0), kinds.get("tunnel", 0)
    recorded = sum(bucket["counts"].get("recorded", 0) for bucket in told["timeline"]["buckets"])
    if not dials and not tunnels and not recorded:
        chosen = "Of what the filters chose: " if told["filters"] else "telemock itself dialled nobody: "
        return Sentence(
            f"{chosen}0 upstream connections and 0 tunnels. What is listed here went no further; what a program sent "
            "past telemock is not seen here."
        )
    left = []
    if recorded:
        left.append(f"{count(recorded, 'request')} that a real host answered")
    if dials:
        left.append(f"{count(dials, 'upstream connection')} to get real answers")
    if tunnels:
        left.append(f"{count(tunnels, 'tunnel')} whose content was not read")
    return Sentence(f"Something left through telemock: {listed(left)}.", "bad")


def instances_of(endpoints: Iterable[Told]) -> int:
    """Count instances, as far as they were followed."""
    return len({each["instance"] for endpoint in endpoints for each in endpoint["cadences"]})


def _classes(findings: Sequence[Told], confidence: str) -> list[str]:
    return [*dict.fromkeys(each["class"] for each in findings if each["confidence"] == confidence)]


def _fields(endpoints: Sequence[Told], *known: bool) -> set[tuple[str, str]]:
    """Give source and name of all fields, or of those that the profile knows or does not."""
    return {
        (field["source"], field["name"])
        for endpoint in endpoints
        for field in endpoint["fields"]
        if not known or field["known"] in known
    }


def _bad_if(number_of: int) -> Mood:
    return "bad" if number_of else "plain"
