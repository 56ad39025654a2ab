"""This is the labelled corpus, and how often telemock says of its values what a careful person says.

It refuses to look into the analysis: each value is sent in a request of its own, and what is read is what
`telemock analyze` would show of it.

The files in tests/labels are read by line; columns are parted by tabs, and `-` stands for nothing:

    name       what the field is called
    value      before it is wrapped; several, parted by `‖`, are sent one after the other, and judged together; `¦` is
               taken out (it keeps what was made up from being taken for a real key by who looks for leaks), `⏎` ends a
               line, and `␣` is a space
    type       of the value as it is sent; several, parted by `|`, where careful people differ
    sensitive  classes that are in it, parted by commas; one with `?` behind it where careful people differ
    unlike     types and classes that it looks like, but is not
    wrapped    codings in which it is sent, the innermost first
    received   when, in ISO 8601; when the real ping came, unless it says otherwise
    form       what it is written as in a JSON body, `string`, `number` or `word`; without, it stands in a query
"""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, get_args
from urllib.parse import quote, urlencode

from telemock.analysis.endpoint import Seen
from telemock.analysis.inventory import take_inventory
from telemock.analysis.kinds import Kind
from telemock.analysis.rule import Sensitivity
from telemock.exchange import utc_text

FOLDER = Path(__file__).parents[1] / "tests/labels"

# Rules may be changed to suit the first; the second only tells how well they do with what nobody looked at.
PARTS = ("tuning", "held_out")

KINDS: tuple[Kind, ...] = get_args(Kind)
SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)

_RECEIVED_AT = "2026-02-05T10:55:58.090735Z"
_COLUMNS = 8

# Between values that are sent one after the other, and how far apart they are.
_BETWEEN = "‖"
_PERIOD = timedelta(minutes=5)


class Label(NamedTuple):
    """What a careful person says of a value.

    Attributes:
        values: as they are sent.
        kinds: any of them is right.
        sensitive: must be found.
        tolerated: may be found.
        unlike: what it looks like, but is not.
        received_at: in the form of `Exchange.received_at`.
        form: what it is written as in JSON; empty when it stands in a query.
    """

    name: str
    values: tuple[str, ...]
    kinds: tuple[str, ...]
    sensitive: frozenset[str]
    tolerated: frozenset[str]
    unlike: frozenset[str]
    received_at: str
    form: str

    @property
    def value(self) -> str:
        """All that is sent."""
        return _BETWEEN.join(self.values)


class Told(NamedTuple):
    """What telemock says of a value."""

    label: Label
    kind: str
    sensitive: frozenset[str]

    @property
    def expected_kind(self) -> str:
        """What it should have said: the first that is right, where it said something else."""
        return self.kind if self.kind in self.label.kinds else self.label.kinds[0]


@dataclass
class Score:
    """How often something was there, was told, and both; by type or class."""

    there: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, there: Iterable[str], told: Iterable[str]) -> None:
        """Count what was in a value, and what was said to be."""
        self.there.update(there)
        self.told.update(told)
        self.right.update({*there} & {*told})

    def of(self, *names: str) -> tuple[int, float, float]:
        """Give how many there were of some types or classes, precision and recall over all of them."""
        there, told, right = (sum(counts[name] for name in names) for counts in (self.there, self.told, self.right))
        return there, right / told if told else 1.0, right / there if there else 1.0


def read_labels(part: str) -> list[Label]:
    """Read one part of the corpus; a line that is not as it should be raises ValueError."""
    lines = (FOLDER / f"{part}.tsv").read_text("utf-8").splitlines()
    return [_label(line) for line in lines if line and not line.startswith("#")]


def tell(label: Label) -> Told:
    """Send a value, and read what is told of it; what is sure of little is not told."""
    inventory = take_inventory(_sent(label))
    (endpoint,) = inventory.endpoints.values()
    field = endpoint.fields["body"][f"$.{label.name}"] if label.form else endpoint.fields["query"][label.name]
    kinds = field.kinds
    found = (finding for finding in inventory.findings.sensitive() if finding.confidence != "low")
    return Told(label, max(kinds, key=kinds.__getitem__), frozenset(str(finding.sensitivity) for finding in found))


def _sent(label: Label) -> Iterator[Seen]:
    for number, value in enumerate(label.values):
        written = json.dumps(value) if label.form == "string" else value
        yield Seen(
            method="POST" if label.form else "GET",
            scheme="https",
            host="telemetry.vendor.example",
            port=None,
            path="/",
            query="" if label.form else urlencode({label.name: value}),
            request_headers="[]",
            body=f"{{{json.dumps(label.name)}:{written}}}".encode() if label.form else None,
            is_whole=True,
            request_bytes=0,
            received_at=utc_text(datetime.fromisoformat(label.received_at) + number * _PERIOD),
            status=200,
            latency_ms=1.0,
            instance="",
            response_bytes=0,
        )


def score_kinds(all_told: Iterable[Told]) -> Score:
    """Count types: one of each value."""
    score = Score()
    for told in all_told:
        score.add([told.expected_kind], [told.kind])
    return score


def score_sensitivities(all_told: Iterable[Told]) -> Score:
    """Count classes: as many of each value as are in it."""
    score = Score()
    for told in all_told:
        score.add(told.label.sensitive, told.sensitive - told.label.tolerated)
    return score


def _label(line: str) -> Label:
    cells = ["" if cell == "-" and place != 1 else cell for place, cell in enumerate(line.split("\t"))]
    name, value, kinds, sensitive, unlike, wrapped, received, form = cells + [""] * (_COLUMNS - len(cells))
    value = value.replace("¦", "").replace("⏎", "\n").replace("␣", " ")
    values = value.split(_BETWEEN)
    for coding in wrapped.split():
        values = [*map(_WRAPPINGS[coding], values)]
    classes = frozenset(filter(None, sensitive.split(",")))
    label = Label(
        name,
        tuple(values),
        tuple(kinds.split("|")),
        frozenset(each for each in classes if not each.endswith("?")),
        frozenset(each[:-1] for each in classes if each.endswith("?")),
        frozenset(filter(None, unlike.split(","))),
        received or _RECEIVED_AT,
        form,
    )
    unknown = {*label.kinds} - {*KINDS} | (label.sensitive | label.tolerated) - {*SENSITIVITIES}
    if unknown or label.unlike - {*KINDS, *SENSITIVITIES}:
        raise ValueError(f"No such type or class in {line!r}.")
    return label


def _jwt(payload: str) -> str:
    header = '{"alg":"HS256","typ":"JWT"}'
    return ".".join(_base64url(part) for part in (header, payload, "made up, not signed by anybody"))


def _base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _gzip(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


_WRAPPINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": _base64url,
    "hex": lambda text: text.encode().hex(),
    "gzip-base64": _gzip,
    "jwt": _jwt,
    "percent": lambda text: quote(text, safe=""),
}
