"""The summary of a test's database, brought up to date as who serves does it."""

from contextlib import closing
from pathlib import Path

from telemock.store.engine import open_for_writing
from telemock.store.summary_store import SummaryStore


def sum_up(db: Path, store: SummaryStore | None = None, *, page: int = 7) -> SummaryStore:
    """Add all there is, page by page, and save it; give what can go on."""
    store = store or SummaryStore()
    with closing(open_for_writing(db, "commit", busy_seconds=5)) as connection:
        connection.text_factory = bytes
        while store.advance(connection, page):
            pass
        store.save(connection)
    return store
