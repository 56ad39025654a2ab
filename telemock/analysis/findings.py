"""This is where what was found is gathered: sensitive things and planted ones, by the place they were sent in.

It refuses to keep what it found as it was: an example stays, masked.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from telemock.analysis.kinds import NUMBERS, Kind
from telemock.analysis.planted import Needles
from telemock.analysis.rule import SENSITIVITIES, Confidence, Sensitivity
from telemock.analysis.sensitive import CONFIDENCES, find_sensitive, is_hinted, masked
from telemock.decoding import ARROW
from telemock.fields import Pairs
from telemock.hosts import http_url
from telemock.opening import Allowance

MAX_FINDINGS = 10_000

# Values of these kinds are nothing sensitive, unless their name says so.
_PLAIN = frozenset(("boolean", "empty", "hash", "null"))

# What a name can prove harmless; a secret is one by its form, or by what stands around it.
_JUDGED_BY_NAME = tuple(each for each in SENSITIVITIES if each != "secret")

# Numbers with fewer digits are no card's, and nothing else either unless their name says so.
_LEAST_DIGITS = 14

# What has more is no number, but text as hexadecimal digits.
_MOST_DIGITS = 30

# Among fewer values, chance cannot be told from what a field is for.
_LEAST_DOUBTED = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an exchange something was.

    Attributes:
        method, scheme, host, path, port: the endpoint.
        source: as of a field, or `host` or `path` of the request itself.
        name: the field's; empty where it has none.
    """

    method: str
    scheme: str
    host: str
    path: str
    source: str
    name: str = ""
    port: int | None = None

    @property
    def url(self) -> str:
        """Where the request went, without its query."""
        return http_url(self.scheme, self.host, self.port, self.path)


@dataclass(slots=True)
class Finding:
    """One kind of thing in one place.

    Attributes:
        chain: what had to be undone, as in `telemock.decoding.Layer`; `name` when the name itself holds it.
        sensitivity: what it is; None when it was planted.
        planted, form: what was planted, and what it looked like; see `telemock.analysis.planted.Trace`.
        count: values that hold it.
        example: the first one, masked.
    """

    place: Place
    chain: tuple[str, ...]
    sensitivity: Sensitivity | None
    confidence: Confidence
    planted: str = ""
    form: str = ""
    count: int = 0
    example: str = ""

    @property
    def key(self) -> object:
        """What is the same for all that is counted together."""
        return self.place, self.chain, self.sensitivity, self.planted, self.form


class Watch:
    """Somebody who looks at the values of one field.

    Args:
        findings: where what is found is gathered.
        place: where the values are.
        hint: a name that tells what they are.

    Attributes:
        least_digits: a number that is shorter can hold nothing, and need not be looked at.
        count: counts what was found; see `Findings.count`.
    """

    def __init__(self, findings: "Findings", place: Place, hint: str) -> None:
        self._findings = findings
        self._place = place
        self._hint = hint
        self.least_digits = findings.least_digits(hint)
        self.count = findings.count

    def look(self, value: str, kind: Kind) -> list[int]:
        """Look at a value as `Findings.look` does."""
        return self._findings.look(self._place, value, kind, hint=self._hint)


class Findings:
    """Everything that was found.

    Args:
        needles: what was planted.
        known: what was found before.

    Attributes:
        needles: what was planted.
        all: in the order they were found first; places in it are what values are counted by.
        left_out: values with something beyond MAX_FINDINGS.
        in_part: different values that hold more than could be unwrapped.
        allowance: what may still come out of values.
    """

    def __init__(
        self, needles: Needles | None = None, known: Sequence[Finding] = (), left_out: int = 0, in_part: int = 0
    ) -> None:
        self.needles = Needles(()) if needles is None else needles
        self.all = [*known]
        self.left_out = left_out
        self.in_part = in_part
        self.allowance = Allowance()
        self._places = {finding.key: place for place, finding in enumerate(self.all)}

    def sensitive(self) -> list[Finding]:
        """Give what is sensitive, the surest and most frequent first."""
        return self._sorted(planted=False)

    def planted(self) -> list[Finding]:
        """Give what was planted and found, the most frequent first."""
        return self._sorted(planted=True)

    def least_digits(self, name: str) -> int:
        """Tell how long a number of some field must be before it can hold anything, and needs looking at."""
        return 0 if is_hinted(name) or self.needles.has_digits else _LEAST_DIGITS

    def look(
        self,
        place: Place,
        value: str,
        kind: Kind = "text",
        *,
        hint: str = "",
        chain: tuple[str, ...] = (),
        apart: Pairs = (),
    ) -> list[int]:
        """Look at a value and at what is wrapped in it, and give the places, in `all`, of what was found, to `count`.

        Args:
            place: where it was.
            value: decoded.
            kind: of the value; spares work.
            hint: a name that tells what the value is.
            chain: what led to the value.
            apart: names and values of parts of it that are looked at by themselves.
        """
        is_number = kind in NUMBERS and len(value) <= _MOST_DIGITS
        found: dict[tuple[object, tuple[str, ...]], Finding] = {}
        self.allowance.is_spent = False
        for steps, text in self._unwrapped(value, is_number=is_number):
            way = chain + steps
            name = ARROW.join((hint, *steps))
            parts = [*self._in_text(place, way, text, is_number=is_number)]
            if kind not in _PLAIN or is_hinted(name):
                parts += _sensitive(place, way, text, name)
            if parts and apart:
                told = [text for name, text in apart if self._holds(text, name)]
                parts = [part for part in parts if not any(part[1].example in text for text in told)]
            # What is there again further inside is told from there, where it has the better name, or proves harmless.
            again = [what for what, _ in parts] + [(each, text) for each in _JUDGED_BY_NAME if found]
            for what in again:
                for depth in range(len(way)):
                    found.pop((what, way[:depth]), None)
            for what, finding in parts:
                found[what, way] = finding
        self.in_part += self.allowance.is_spent
        places = map(self._place, found.values())
        return [*dict.fromkeys(place for place in places if place is not None)]

    def _holds(self, text: str, name: str) -> bool:
        return next(self.needles.find(text), None) is not None or bool(find_sensitive(text, name))

    def add(self, finding: Finding, count: int) -> list[int]:
        """Gather what somebody else found in so many values, and return its place; nothing when there is too much."""
        place = self._place(finding)
        if place is None:
            return []
        self.all[place].count += count
        return [place]

    def count(self, places: Iterable[int], count: int = 1) -> None:
        """Count a value, sent so many times, in all that was found in it."""
        for place in places:
            self.all[place].count += count

    def doubt(self, values_in: Callable[[Place], int]) -> None:
        """Take back what looked right by chance: of numbers, one in ten has a right check digit.

        Args:
            values_in: tells how many values were seen in a place.
        """
        for finding in self.sensitive():
            if finding.sensitivity == "card_number" and finding.confidence == "medium":
                values = values_in(finding.place)
                if values >= _LEAST_DOUBTED and finding.count < values / 2:
                    finding.confidence = "low"

    def _unwrapped(self, value: str, *, is_number: bool) -> Iterator[tuple[tuple[str, ...], str]]:
        yield (), value
        if not is_number:
            for layer in self.allowance.layers(value):
                yield layer.chain, layer.text

    def _in_text(
        self, place: Place, way: tuple[str, ...], text: str, *, is_number: bool
    ) -> Iterator[tuple[object, Finding]]:
        for trace in self.needles.find(text, is_number=is_number):
            if trace.text.lower() != place.host:  # somebody pointed the product at that machine
                planted = trace.planted.name, trace.form
                yield planted, Finding(place, way, None, "high", *planted, example=trace.text)

    def _place(self, finding: Finding) -> int | None:
        """Give the place of what is gathered for the same thing in the same place; None when there is too much."""
        place = self._places.get(finding.key)
        if place is None:
            if len(self.all) >= MAX_FINDINGS:
                self.left_out += 1
                return None
            place = self._places[finding.key] = len(self.all)
            finding.example = masked(finding.example)
            self.all.append(finding)
        elif finding.confidence == "high":
            self.all[place].confidence = "high"
        return place

    def _sorted(self, *, planted: bool) -> list[Finding]:
        chosen = (finding for finding in self.all if (finding.sensitivity is None) == planted)
        return sorted(chosen, key=lambda finding: (-CONFIDENCES.index(finding.confidence), -finding.count))


def _sensitive(place: Place, way: tuple[str, ...], text: str, hint: str) -> Iterator[tuple[object, Finding]]:
    for match in find_sensitive(text, hint, place.host):
        finding = Finding(place, way, match.sensitivity, match.confidence, example=match.text)
        yield (match.sensitivity, match.text), finding
