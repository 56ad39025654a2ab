"""Where a request wanted to go is told in the same words wherever it is told, whatever the form of its target."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.server.served import served
from tests.server.wire import request_bytes

FORMS = [
    ("GET", "/a", "x.example:8080", "http://x.example:8080/a"),
    ("GET", "//y.example/a", "x.example", "http://x.example//y.example/a"),
    ("GET", "http://cdn.cribl.io:8080", "x.example", "http://cdn.cribl.io:8080/"),
    ("GET", "http://u:p@cdn.cribl.io/a", "x.example", "http://cdn.cribl.io/a"),
    ("OPTIONS", "*", "x.example:8080", "http://x.example:8080"),
    ("CONNECT", "c.example:8443", "c.example:8443", "http://c.example:8443"),
    ("CONNECT", "c.example:80", "x.example", "http://c.example"),
    ("CONNECT", "[::1]:8443", "x.example", "http://[::1]:8443"),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is kept of each form, in their order, behind another request on its connection."""
    with served(tmp_path_factory.mktemp("served")) as server:
        for method, target, host, _ in FORMS:
            with server.connect() as wire:
                wire.send(request_bytes("GET", "/before") + request_bytes(method, target, host=host))
                assert wire.answer().status == 404
                wire.answer()
        return server.db


def test_every_form_of_target_is_told_as_one_url(database: Path, cli: Cli) -> None:
    told = [f"{method} {url}" for method, _, _, url in FORMS]
    shown = [cli("show", 2 * number, "--db", database).stdout.splitlines()[0] for number in range(1, len(FORMS) + 1)]
    assert shown == told
    har = json.loads(cli("export", "--db", database, "--format", "har").stdout)
    requests = [entry["request"] for entry in har["log"]["entries"][1::2]]
    assert [f"{request['method']} {request['url']}" for request in requests] == told
    lines = {line.strip().partition("  ")[0] for line in cli("analyze", "--db", database).stdout.splitlines()}
    assert lines >= {*told}
