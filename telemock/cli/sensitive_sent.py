"""What of a program's requests is sensitive, for a line of its summary: masked, and with the place it was sent in."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemock.hosts import url_authority
from telemock.store.filters import Filters
from telemock.store.reader import Reader
from telemock.text import printable

if TYPE_CHECKING:
    from telemock.analysis.findings import Finding

# Of more requests, `telemock analyze` tells: a summary must not take long.
_MOST_REQUESTS = 1000

_MOST_NAMED = 3
_MOST_CHARACTERS = 60


def sensitive_sent(path: Path, reader: Reader, since: str, count: int) -> "list[Finding] | None":
    """Give what is sensitive, of more than low confidence, in the requests since a time; the surest first.

    Args:
        path: of the database.
        reader: of the same.
        since: when they began.
        count: of the requests; None is given where they are too many to be looked at.
    """
    if not 0 < count <= _MOST_REQUESTS:
        return None if count else []
    from telemock.cli.reading import read_inventory  # noqa: PLC0415 - takes long to import, and not all need it

    found = read_inventory(path, reader, Filters(since=since), quiet=True).findings.sensitive()
    return [finding for finding in found if finding.confidence != "low"]


def sensitive_line(findings: "Sequence[Finding] | None") -> Iterator[str]:
    """Tell it in one line that a terminal can be given; nothing where there is nothing."""
    if findings is None:
        yield "So many requests were not looked through for what is sensitive; telemock analyze does that."
    elif findings:
        named = ", ".join(_named(finding) for finding in findings[:_MOST_NAMED])
        rest = len(findings) - _MOST_NAMED
        yield f"Sensitive: {named}{f', and {rest} more' if rest > 0 else ''}; telemock analyze tells all."


def sensitive_json(findings: "Sequence[Finding] | None") -> list[dict[str, Any]] | None:
    """Give it as what JSON holds."""
    if findings is None:
        return None
    return [
        {
            "sensitive": finding.sensitivity,
            "confidence": finding.confidence,
            "example": finding.example,
            "source": finding.place.source,
            "name": finding.place.name,
            "url": finding.place.url,
            "count": finding.count,
        }
        for finding in findings
    ]


def _named(finding: "Finding") -> str:
    place = f"{finding.place.source} {finding.place.name}".rstrip()
    shown = place if len(place) <= _MOST_CHARACTERS else place[: _MOST_CHARACTERS - 1] + "…"
    where = url_authority(finding.place.scheme, finding.place.host, finding.place.port)
    return printable(f"{finding.sensitivity} {finding.example} ({shown} to {where})")
