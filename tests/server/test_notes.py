"""These are the promises of what handlers know of a request."""

from telemock.profiles.cribl import CRIBL
from telemock.server.body import Body
from telemock.server.notes import Notes
from telemock.server.target import read_target


def test_a_request_is_unmatched_and_without_a_body_until_somebody_says_otherwise() -> None:
    notes = Notes(read_target("/x", ""), "", None, CRIBL.read_query(""))
    assert notes.outcome == "unmatched"
    assert notes.body == Body(b"", too_large=False, gone=False)
