"""Real clients from PyPI and npm: what a spy inside each says that it sends is what telemock tells, field by field."""

import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.process import TELEMOCK
from tests.journeys.running import ENVIRONMENT, command, summary

CLIENTS = Path(__file__).parent / "clients"
SECONDS = 120

Fields = dict[str, list[str]]

PYTHON = ("posthog", "segment", "rudder", "mixpanel", "amplitude", "snowplow", "opentelemetry", "sentry")
NODE = ("mixpanel-node", "detached", "analytics-node", "segment-node", "posthog-node")

# The detached program sends nothing; its child, which outlives it and the shell, does.
SENDERS = tuple("in-a-detached-process" if name == "detached" else name for name in PYTHON + NODE)

# Those that were told that telemock is their vendor, by their paths: fetch of Node.js 20 goes by every proxy.
BY_PATH = {"segment-node": "/v1/batch", "posthog-node": "/batch/"}

CODINGS = {"posthog": "gzip", "segment": "gzip", "rudder": "gzip", "opentelemetry": "gzip", "sentry": "br"}


class Truth(NamedTuple):
    """What was said by the spies, and what telemock tells: its summary, exchanges, their fields, and endpoints."""

    said: dict[str, list[Fields]]
    summary: dict[str, Any]
    exchanges: list[dict[str, Any]]
    flat: list[dict[str, Any]]
    endpoints: list[dict[str, Any]]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Run all of them at once, in one capture."""
    folder = tmp_path_factory.mktemp("truth")
    said = folder / "said.jsonl"
    programs = [(sys.executable, CLIENTS / "python_clients.py", name) for name in PYTHON]
    programs += [("node", CLIENTS / "node_clients.js", name) for name in NODE]
    lines = [f"{shlex.join(map(str, (*program, said)))} >{program[2]}.log 2>&1 &" for program in programs]
    options = ("--format", "json", "--answer-body", '{"status": 1, "error": null}', "--linger", "60s")
    done = _run(folder, *command(folder, *options, "sh", "-c", "\n".join((*lines, "wait"))))
    db = ("--db", folder / "telemetry.db")
    ask = ("query", *db, "--limit", "0", "--oldest", "--format", "jsonl")
    flat = ("export", *db, "--format", "jsonl", "--fields", "flat", "--values")
    return Truth(
        _said(said),
        summary(done),
        [json.loads(line) for line in _run(folder, *TELEMOCK, *ask).stdout.splitlines()],
        [json.loads(line) for line in _run(folder, *TELEMOCK, *flat).stdout.splitlines()],
        json.loads(_run(folder, *TELEMOCK, "analyze", *db, "--format", "json", "--values").stdout)["endpoints"],
    )


def _run(folder: Path, *line: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, line)], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=True
    )


def _said(file: Path) -> dict[str, list[Fields]]:
    said: dict[str, list[Fields]] = {}
    for line in file.read_text().splitlines():
        facts = json.loads(line)
        fields: Fields = {}
        for name, value in _fields(facts):
            fields.setdefault(name, []).append(value)
        said.setdefault(facts["client"], []).append(fields)
    return said


def _fields(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Take apart what a spy said, by the names that telemock gives fields."""
    if "body" in facts:
        yield from _leaves(_loaded(facts["body"]), "body.$")
    for source, prefix in (("form", "body"), ("query", "query")):
        yield from ((f"{prefix}.{name}", str(value)) for name, value in facts.get(source, {}).items())
    yield from ((f"body.{name}", value) for name, values in facts.get("fields", {}).items() for value in values)
    if "lines" in facts:  # an envelope: its head, then the head and the content of each item
        head, *items = map(_loaded, facts["lines"])
        yield from _leaves(head, "body.envelope")
        for item, content in zip(items[::2], items[1::2], strict=True):
            yield from _leaves(item, f"body.{item['type']} (head)")
            yield from _leaves(content, f"body.{item['type']}")


def _loaded(text: str) -> Any:
    """Read JSON, with its numbers as they are written."""
    return json.loads(text, parse_int=str, parse_float=str)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{name}.{key}")
    elif isinstance(value, list) and value:
        for each in value:
            yield from _leaves(each, f"{name}[]")
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def of(told: list[dict[str, Any]], client: str) -> list[dict[str, Any]]:
    """Choose what belongs to a client: that was sent to its own host, or path."""
    if client in BY_PATH:
        return [each for each in told if (each["host"], each["path"]) == ("127.0.0.1", BY_PATH[client])]
    return [each for each in told if each["host"].removeprefix("get.").removeprefix("post.") == f"{client}.test"]


def is_wrapped(name: str) -> bool:
    """Tell whether a field was found inside the value of another."""
    return " → " in name


@pytest.mark.parametrize("client", SENDERS)
def test_what_a_client_says_is_what_is_told_of_its_requests(truth: Truth, client: str) -> None:
    told = [
        {
            name: value if isinstance(value, list) else [value]
            for name, value in each["fields"].items()
            if name.startswith(("body.", "query.")) and not is_wrapped(name)
        }
        for each in of(truth.flat, client)
    ]
    said = truth.said[client]
    assert all(said)
    assert sorted(told, key=str) == sorted(({**fields} for fields in said), key=str)


@pytest.mark.parametrize("client", SENDERS)
def test_what_a_client_says_is_counted_in_its_endpoints(truth: Truth, client: str) -> None:
    said = Counter[str]()
    for fields in truth.said[client]:
        said.update({name: len(values) for name, values in fields.items()})
    told = Counter[str]()
    for endpoint in of(truth.endpoints, client):
        for field in endpoint["fields"]:
            if field["source"] in ("body", "query") and not is_wrapped(field["name"]):
                told[f"{field['source']}.{field['name']}"] += field["values"]
    assert told == said


def test_the_summary_tells_as_many_requests_as_were_said(truth: Truth) -> None:
    requests = sum(len(fields) for fields in truth.said.values())
    assert (truth.summary["requests"], truth.summary["sent"]) == (requests, requests)
    assert (truth.summary["still_running"], truth.summary["connections"]) == ([], [])
    assert len(truth.exchanges) == requests


def test_they_batch_pack_and_post_forms(truth: Truth) -> None:
    for client in SENDERS:
        heads = [
            {name.lower(): value for name, value in each["request_headers"]} for each in of(truth.exchanges, client)
        ]
        assert {head.get("content-encoding") for head in heads} == {CODINGS.get(client)}, client
    (form, *_) = of(truth.exchanges, "mixpanel")
    assert dict(form["request_headers"])["Content-Type"] == "application/x-www-form-urlencoded"
    assert len(truth.said["posthog"][0]["body.$.batch[].event"]) == 3
