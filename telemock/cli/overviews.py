"""This is how an overview of a capture looks as JSON: its timeline, its connections and the files it is in.

It refuses to choose what is shown of it.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from telemock.analysis.connections import Connections
from telemock.analysis.timeline import Timeline
from telemock.exchange import utc_text
from telemock.store.digest import Digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timeline_to_json(timeline: Timeline) -> dict[str, Any]:
    """Give a timeline as what JSON holds, the oldest first; empty buckets are not there."""
    return {
        "width_s": timeline.width_s,
        "unreadable": timeline.unreadable,
        "buckets": [
            {"begin": _moment(begin_s), "begin_s": begin_s, "counts": counts}
            for begin_s, counts in sorted(timeline.buckets.items())
        ],
    }


def connections_to_json(connections: Connections, mask: Callable[[str], str]) -> dict[str, Any]:
    """Give connections as what JSON holds: targets with most of them first, the newest first, their details masked."""
    targets = sorted(connections.targets.values(), key=lambda target: -target.count)
    return {
        "kinds": dict(connections.kinds),
        "targets": [asdict(target) for target in targets],
        "left_out": connections.left_out,
        "latest": [asdict(each) | {"detail": mask(each.detail)} for each in connections.latest()],
    }


def database_to_json(path: Path, digest: Digest, last_exchange: int, *, is_what_was_read: bool) -> dict[str, Any]:
    """Give a database as what JSON holds: its files with their sums, and how far it was read."""
    return {
        "name": path.name,
        "last_exchange": last_exchange,
        "is_whole": digest.is_whole,
        "is_what_was_read": is_what_was_read,
        "files": [{"path": str(file.path), "bytes": file.bytes, "sha256": file.sha256} for file in digest.files],
    }


def _moment(second: int) -> str:
    """Write a second in the form of `Exchange.received_at`; one before the calendar as its first."""
    try:
        return utc_text(_EPOCH + timedelta(seconds=second))
    except OverflowError:
        return utc_text(datetime.min.replace(tzinfo=UTC))
