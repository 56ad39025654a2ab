"""What stands in place of the values of fields, where these are listed side by side and values are not asked for."""

from dataclasses import replace
from itertools import chain

from telemock.analysis.findings import Findings, Place
from telemock.analysis.masking import is_secret_header, masked_path


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
        for finding in chain.from_iterable(each.all for each in findings):
            if finding.planted:
                what = f"what was planted: {finding.planted}"
            elif finding.confidence != "low":
                what = str(finding.sensitivity).replace("_", " ")
            else:
                continue
            self._found.setdefault(_outermost(finding.place), {})[what] = None

    def mask(self, place: Place) -> str:
        """Say what stands in place of a field's values; empty where they may be seen."""
        found = self._found.get(_outermost(place))
        is_credential = place.source == "cookie" or (place.source == "header" and is_secret_header(place.name))
        if self._is_off or not (found or is_credential):
            return ""
        self.used = True
        return f"masked, as it holds: {', '.join(found)}" if found else "masked, as it is a credential"

    def path(self, path: str) -> str:
        """Return a path, or a URL without a query, as it may be seen."""
        shown = path if self._is_off else masked_path(path)
        self.used |= shown != path
        return shown


def _outermost(place: Place) -> Place:
    """Give the field that a field was unwrapped from, which gives it away as well."""
    return replace(place, name=place.name.partition(" → ")[0])
