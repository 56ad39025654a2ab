"""These are the promises of an errand: what is kept of it says when it began and how long it lasted."""

import time

from telemock.exchange import Connection, utc_text_at
from telemock.server.errand import Errand


def test_a_record_has_what_it_is_given_and_its_own_time() -> None:
    before = time.time_ns()
    errand = Errand("192.0.2.1")
    after = time.time_ns()
    row = errand.record("upstream", "a.test", 443, "Fine.", bytes_up=3, bytes_down=2)
    assert row == Connection(
        opened_at=row.opened_at,
        host="a.test",
        port=443,
        client="192.0.2.1",
        kind="upstream",
        bytes_up=3,
        bytes_down=2,
        duration_ms=row.duration_ms,
        detail="Fine.",
    )
    assert utc_text_at(before) <= row.opened_at <= utc_text_at(after)
    assert row.duration_ms is not None
    assert 0 <= row.duration_ms <= errand.age_ms
