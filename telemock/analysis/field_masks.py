"""What stands in place of the values of fields, where these are listed side by side and values are not asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from telemock.analysis.findings import Findings, Place
from telemock.analysis.masking import masked_path
from telemock.analysis.secret_names import is_secret_header
from telemock.decoding import ARROW


class Masks:
    """What stands in place of the values of fields.

    Args:
        findings: what was found in them.
        is_off: the values are asked for; nothing is masked.

    Attributes:
        used: something was masked.
    """

    def __init__(self, *findings: Findings, is_off: bool = False) -> None:
        self._is_off = is_off
        self.used = False
        self._found: dict[Place, dict[str, None]] = {}
        self._around: dict[Place, dict[str, None]] = {}
        for finding in chain.from_iterable(each.all for each in findings):
            if finding.planted:
                what = f"planted {finding.planted}"
            elif finding.confidence != "low":
                what = str(finding.sensitivity).replace("_", " ")
            else:
                continue
            # It is in all that leads to where it was found, and may be in all that is inside of that.
            *outside, here = _ways(finding.place, finding.chain)
            for place in (*outside, here):
                self._found.setdefault(place, {})[what] = None
            self._around.setdefault(here, {})[what] = None

    def mask(self, place: Place) -> str:
        """Say what stands in place of a field's values; empty where they may be seen."""
        outermost, *steps = place.name.split(ARROW)
        around = (self._around.get(each, {}) for each in _ways(replace(place, name=outermost), steps))
        found = {**self._found.get(place, {}), **dict.fromkeys(chain.from_iterable(around))}
        is_in_head = place.source in ("header", "trailer")
        is_credential = place.source == "cookie" or (is_in_head and is_secret_header(outermost))
        if self._is_off or not (found or is_credential):
            return ""
        self.used = True
        return f"masked: {', '.join(found)}" if found else "masked: credential"

    def path(self, path: str) -> str:
        """Return a path, or a URL without a query, as it may be seen."""
        shown = path if self._is_off else masked_path(path)
        self.used |= shown != path
        return shown


def _ways(place: Place, chain_inside: Sequence[str]) -> Iterator[Place]:
    """Yield a field, and all that is on the way to something inside of its values."""
    for depth in range(len(chain_inside) + 1):
        yield replace(place, name=ARROW.join((place.name, *chain_inside[:depth])))
