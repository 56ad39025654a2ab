"""What a client sent again is told so, of endpoints, in lines, JSON and the report."""

import json
from pathlib import Path
from typing import Any

from telemock.exchange import Exchange
from tests.conftest import Cli
from tests.corpus import database, moment, ping


def post(second: float, body: bytes, **changes: Any) -> Exchange:
    made = {"method": "POST", "host": "a.test", "path": "/v1", "query": "", "status": 503, "profile": None}
    return ping(**{**made, "received_at": moment(second), "request_body": body, **changes})


def test_what_was_sent_again_is_told_of_its_endpoint(cli: Cli, tmp_path: Path) -> None:
    batch = b'{"messageId": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5aa", "sentAt": "%d"}'
    times = [(0, 1), (1, 2), (30, 3), (90, 4)]
    again = [post(second, batch % sent) for second, sent in times]
    others = [post(2, b"other", path="/v2"), post(3, b"other", path="/v2", guid="another"), post(4, b"", path="/v2")]
    db = database(tmp_path, *again, *others)
    told = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)
    assert {each["path"]: (each["count"], each["resent"]) for each in told["endpoints"]} == {
        "/v1": (4, 2),
        "/v2": (3, 0),
    }
    lines = cli("analyze", "--db", db).stdout
    assert "4 exchanges of 1 instance, 4 x 503, 2 of them sent again; " in lines
    assert lines.count("sent again") == 1
    page = tmp_path / "report.html"
    cli("report", "--db", db, "-o", page)
    assert "2 sent again" in page.read_text()
