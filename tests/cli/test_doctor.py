import json

import pytest

from tests.cli.process import run
from tests.cli.test_init import modules_after
from tests.conftest import Cli
from tests.doctor.strangers import answering, nobody
from tests.server.served import Served


def test_text_is_a_line_for_each_check_and_one_for_what_to_do_next(cli: Cli, server: Served) -> None:
    done = cli(
        "doctor", "--host", "other.test", "--timeout", "0.5", "--url", server.url, "--ca-dir", server.db.parent / "ca"
    )
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"ok       port: 127.0.0.1:{server.port} takes connections."
    warnings = [place for place, line in enumerate(lines) if line.startswith("warning  ")]
    assert warnings
    assert all(lines[place + 1].startswith("         next: ") for place in warnings)
    assert lines[-1].startswith("ok ")
    assert lines[-1].endswith(f"warning {len(warnings)}, failed 0, skipped 0")


@pytest.mark.parametrize("format_name", ["json", "jsonl"])
def test_json_has_an_object_for_each_check(format_name: str) -> None:
    done = run("doctor", "--host", "localhost", "--url", nobody(), "--format", format_name)
    text = done.stdout.decode()
    found = json.loads(text) if format_name == "json" else [json.loads(line) for line in text.splitlines()]
    assert (done.returncode, done.stderr) == (1, b"")
    assert {tuple(each) for each in found} == {("name", "verdict", "said", "next_step")}
    assert found[0]["verdict"] == "failed"


def test_what_a_stranger_says_reaches_no_terminal_as_an_escape(cli: Cli) -> None:
    reason = b'{"status": "unhealthy", "reason": "\\u001b[31mred\\u202e"}'
    answer = b"HTTP/1.1 503 No\r\nContent-Length: %d\r\n\r\n%s" % (len(reason), reason)
    with answering(lambda _: answer) as url:
        done = cli("doctor", "--host", "localhost", "--url", url)
    assert done.exit_code == 1
    assert "takes no exchanges: \\x1b[31mred\\u202e." in done.stdout
    assert "\x1b" not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ("--url", url)
            for url in ("", "https://127.0.0.1", "http://", "http://a:0", "http://a:secret@:1", "http://[")
        ),
        *(("--host", host) for host in ("*", "*.cribl.io", "a b", "", "a..b")),
        ("--timeout", "0"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli("doctor", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "secret" not in done.stderr


def test_what_serve_listens_on_is_no_host_to_ask_for(cli: Cli) -> None:
    done = cli("doctor", "--host", "localhost", "--url", nobody(), TELEMOCK_HOST="0.0.0.0")
    assert "0.0.0.0" not in done.stdout


def test_nothing_is_imported_that_only_servers_need(server: Served) -> None:
    options = ("--timeout", "0.5", "--url", server.url, "--ca-dir", str(server.db.parent / "ca"))
    heavy = {"aiohttp", "alembic", "asyncio", "rich", "sqlalchemy", "yaml"}
    assert not modules_after("doctor", "--host", "other.test", *options) & heavy
