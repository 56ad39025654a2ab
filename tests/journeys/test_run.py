"""What any client sends when `telemock run` runs it is stored as it was sent, and told at the end."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from telemock.authority.folder import create_authority, public_files
from telemock.cli.phoned import UNSEEN
from telemock.store.filters import Filters
from telemock.store.reader import open_reader
from tests.cli.process import TELEMOCK
from tests.corpus import GUID, PING_QUERY
from tests.journeys.running import ENVIRONMENT, python, rows, run, summary

URL = f"https://cdn.cribl.io/telemetry/index.html?{PING_QUERY}"
PONG = "cribl /// living the stream!"

NODE = """
const http = require("node:http"), https = require("node:https"), tls = require("node:tls");
const proxy = new URL(process.env.HTTPS_PROXY);
class Through extends https.Agent {
  createConnection({ host, port }, done) {
    http.request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: `${host}:${port}` })
      .on("connect", (_, socket) => done(null, tls.connect({ socket, servername: host })))
      .on("error", done).end();
  }
}
https.get(process.argv[1], { agent: new Through() }, (answer) => answer.pipe(process.stdout));
"""
URLLIB = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
REQUESTS = "import sys, requests; print(requests.get(sys.argv[1]).text)"
HTTPX = "import sys, httpx; print(httpx.get(sys.argv[1]).text)"
AIOHTTP = """
import asyncio, sys, aiohttp
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as answer:
        print(await answer.text())
asyncio.run(main())
"""
CLIENTS: dict[str, Sequence[str]] = {
    "curl": ("curl", "--silent", "--show-error"),
    "node": ("node", "-e", NODE),
    "urllib": python(URLLIB),
    "requests": python(REQUESTS),
    "httpx": python(HTTPX),
    "aiohttp": python(AIOHTTP),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_clients_ping_is_stored_as_it_was_sent(tmp_path: Path, client: str) -> None:
    done = run(tmp_path, "--format", "json", "--", *CLIENTS[client], URL)
    assert (done.returncode, done.stdout.strip()) == (0, PONG), done.stderr
    (row,) = rows(tmp_path)
    asked = (row["scheme"], row["method"], row["host"], row["path"], row["query"], row["via"])
    assert asked == ("https", "GET", "cdn.cribl.io", "/telemetry/index.html", PING_QUERY, "connect")
    assert (row["guid"], row["outcome"], row["profile"], row["problems"]) == (GUID, "mock", "cribl", None)
    assert rows(tmp_path, "SELECT * FROM connections") == []
    said = summary(done)
    (told,) = said.pop("asked")
    size = told.pop("bytes_up")
    assert size > len(URL)
    assert told == {"method": "GET", "url": URL.partition("?")[0], "count": 1, "sent": 1, "statuses": {"200": 1}}
    assert said == {
        "command": [*CLIENTS[client], URL],
        "exit_code": 0,
        "db": str(tmp_path / "telemetry.db"),
        "requests": 1,
        "sent": 1,
        "hosts": 1,
        "bytes_up": size,
        "connections": [],
        "sensitive": [],
        "unseen": UNSEEN,
        "still_running": [],
        "descendants_followed": True,
    }


def test_git_is_answered_and_told_of(tmp_path: Path) -> None:
    done = run(tmp_path, "git", "ls-remote", "https://git.example.com/a.git")
    assert done.stdout == ""
    assert done.stderr.startswith("\ngit sent 2 requests to 1 host, ")
    assert [(row["host"], row["path"], row["outcome"], row["status"]) for row in rows(tmp_path)] == [
        ("git.example.com", "/a.git/info/refs", "unmatched", 200),
        ("git.example.com", "/a.git/HEAD", "unmatched", 200),
    ]


def test_a_host_that_is_not_known_answers_what_is_asked_for_or_what_is_said(tmp_path: Path) -> None:
    script = 'for accept in "*/*" text/html text/plain; do curl -sS -H "Accept: $accept" https://a.test/; echo; done'
    assert run(tmp_path, "sh", "-c", script).stdout.splitlines() == [
        "{}",
        "<!doctype html>",
        "<html><head><title></title></head><body></body></html>",
        "",
        "",
    ]
    options = ("--answer", "202", "--answer-type", "application/vnd.a+json", "--answer-body", '{"status": 1}')
    done = run(tmp_path, *options, "curl", "-sS", "-w", " %{http_code} %{content_type}", "https://a.test/")
    assert done.stdout == '{"status": 1} 202 application/vnd.a+json'


@pytest.mark.parametrize("command", [("run", "true"), ("serve", "--port", "0")])
def test_a_body_for_an_answer_without_one_is_a_wrong_use(tmp_path: Path, command: tuple[str, ...]) -> None:
    environment = ENVIRONMENT | {"TELEMOCK_ANSWER": "204", "TELEMOCK_ANSWER_BODY": "{}"}
    done = subprocess.run(
        [*TELEMOCK, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    said = "Error: --answer-body cannot be used with --answer 204, which has no body; use --answer 200.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    assert [*tmp_path.iterdir()] == []


def test_what_clients_do_is_added_up_in_lines(tmp_path: Path) -> None:
    script = "curl -sS http://a.test/x?1 https://b.test/ http://a.test/x?22 -d hi"
    done = run(tmp_path, "--answer", "404", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (0, "{}{}{}")
    sizes = {row["host"]: 0 for row in rows(tmp_path)}
    told = done.stderr.splitlines()
    assert list(sizes) == ["a.test", "b.test"]
    assert told[:2] == ["", f"sh sent 3 requests to 2 hosts, {told[1].split()[-2]} bytes."]
    first, second = (line.split() for line in told[2:4])
    assert (first[0], first[3:]) == ("2x", ["POST", "http://a.test/x", "(404)"])
    assert (second[0], second[3:]) == ("1x", ["POST", "https://b.test/", "(404)"])
    assert int(first[1]) + int(second[1]) == int(told[1].split()[-2])
    assert told[4:] == [
        UNSEEN,
        "All of it is in telemetry.db; look at it with: telemock query --db telemetry.db",
    ]


def test_who_refuses_the_certificate_and_who_is_kept_out_is_told(tmp_path: Path) -> None:
    create_authority(tmp_path / "other")
    stranger = public_files(tmp_path / "other").pem
    script = (
        f"curl -s --capath /none --cacert {stranger} https://pinned.test/; curl -s https://other.test/;"
        "curl -s http://other.test/; curl -s https://pinned.test/; exit 9"
    )
    done = run(tmp_path, "--intercept", "pinned.test", "sh", "-c", script)
    assert done.returncode == 9
    refused = "1x  pinned.test:443: unknown_ca: The client does not trust this authority; "
    blocked = "other.test is not intercepted, and nobody is let through to it (--others block)."
    told = done.stderr.splitlines()
    assert told[1].startswith("sh sent 1 request to 1 host, ")
    assert told[3] == "No TLS came about with:"
    assert told[4].startswith("  " + refused)
    assert told[5:8] == ["Not let through to:", f"  1x  other.test:443: {blocked}", f"  1x  other.test:80: {blocked}"]
    kinds = [row["kind"] for row in rows(tmp_path, "SELECT kind FROM connections ORDER BY id")]
    assert kinds == ["tls_refused", "blocked", "blocked"]


def test_variables_that_the_shell_had_are_replaced_and_told_without_their_passwords(tmp_path: Path) -> None:
    before = {
        "https_proxy": "http://joe:secret@proxy.test:3128",
        "npm_config_cafile": "/old/bundle.pem",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": "/old/\x1b[31m",
        "NODE_USE_ENV_PROXY": "1",
    }
    script = "import os, sys; print(*map(os.environ.get, sys.argv[1:]))"
    done = run(tmp_path, "--verbose", "--quiet", "--", *python(script), *before, "SSL_CERT_FILE", **before)
    proxy, *certificates, switch, bundle = done.stdout.split()
    assert proxy.startswith("http://127.0.0.1:")
    assert (certificates, switch) == ([bundle, bundle], "1")
    assert done.stderr.splitlines() == [
        f"https_proxy was 'http://***@proxy.test:3128' and is {proxy!r}.",
        f"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH was '/old/\\x1b[31m' and is {bundle!r}.",
        f"npm_config_cafile was '/old/bundle.pem' and is {bundle!r}.",
    ]


def test_wget_is_answered_by_its_own_kind_of_settings_beside_those_of_the_user(tmp_path: Path) -> None:
    (tmp_path / ".wgetrc").write_text("user_agent = mine\n")
    done = run(tmp_path, "wget", "-q", "-O", "-", "https://a.test/", HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "{}"), done.stderr
    assert '"mine"' in rows(tmp_path)[0]["request_headers"]


def test_what_is_sensitive_is_told_masked_of_this_program_alone(tmp_path: Path) -> None:
    urls = [f"https://{host}.test:8443/?email={host}@example.com" for host in ("jane", "joe")]
    done = [run(tmp_path, "curl", "-s", url) for url in urls]
    line = "Sensitive: email jo*@*******.*om (query email to joe.test:8443); telemock analyze tells all."
    assert [told for told in done[1].stderr.splitlines() if told.startswith("Sensitive")] == [line]


def test_a_program_that_phones_nobody_leaves_a_database_that_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "true")
    assert done.stderr.splitlines() == [
        "",
        "true phoned nobody.",
        UNSEEN,
        "All of it is in telemetry.db; look at it with: telemock query --db telemetry.db",
    ]
    assert rows(tmp_path) == []


def test_only_what_this_program_did_is_told_of_a_database_that_was_there(tmp_path: Path) -> None:
    for host in ("one", "two"):
        done = run(tmp_path, "--format", "json", "curl", "-s", f"http://{host}.test/")
    assert [each["url"] for each in summary(done)["asked"]] == ["http://two.test/"]
    assert [row["host"] for row in rows(tmp_path)] == ["one.test", "two.test"]


def test_a_new_database_is_made_where_it_is_started_unless_one_is_named(tmp_path: Path) -> None:
    command = [*TELEMOCK, "run", "--ca-dir", str(tmp_path / "ca"), "--quiet", "curl", "-s", "http://a.test/"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{}", b"")
    (db,) = (path for path in tmp_path.iterdir() if path.name != "ca")
    assert re.fullmatch(r"telemock-run-\d{8}T\d{6}\.\d{6}Z\.db", db.name)
    with open_reader(db) as reader:
        assert reader.count(Filters()) == 1
