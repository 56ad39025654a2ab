"""This is `telemock show`: one exchange whole, in the order it happened, then what telemock knows of it.

It refuses to change what was sent: JSON is only indented, content codings are only undone, and
control characters are written as escapes.
"""

import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import click

from telemock.cli.exchanges import problem_list
from telemock.cli.masking import Masking, values_option
from telemock.cli.options import WholeNumber, config_option, db_option, option
from telemock.cli.output import output
from telemock.codings import SHOWN_BYTES, content_codings, decode_shown
from telemock.errors import InvalidSetting, StoreError
from telemock.exchange import Exchange, header_pairs
from telemock.exports.records import loaded
from telemock.hosts import http_url
from telemock.store.engine import locate
from telemock.store.reader import open_reader
from telemock.text import indented_json, printable, printable_lines

_FACTS = (
    "id",
    "received_at",
    "client_time",
    "latency_ms",
    "client",
    "via",
    "outcome",
    "profile",
    "stub_id",
    "version",
    "guid",
    "env",
    "session_id",
)


@click.command()
@click.argument("exchange_id", metavar="ID", type=WholeNumber(1, 2**63 - 1))
@option("--body", is_flag=True, help="Write only the request's body, the bytes as received.")
@option("--response-body", is_flag=True, help="Write only the answer's body, the bytes as sent.")
@values_option
@db_option
@config_option
def show(exchange_id: int, db: str, *, body: bool, response_body: bool, shows_values: bool) -> None:
    """Print one exchange whole.

    The request, its answer, and what is known of them; ID is the number that telemock query shows. Bodies
    appear with content codings undone and JSON indented, control characters as escapes.
    """
    if body and response_body:
        raise click.UsageError("--body cannot be used with --response-body.")
    path = locate(db)
    with open_reader(path) as reader:
        exchange = reader.exchange(exchange_id)
    if exchange is None:
        raise StoreError(f"There is no exchange {exchange_id} in {path}; `telemock query` lists what there is.")
    masking = Masking(is_off=shows_values)
    with masking.told():
        shown = masking.one(exchange)
        if body or response_body:
            _write_raw((shown.request_body if body else shown.response_body) or b"")
            return
        with output() as stream:
            for line in _lines(shown):
                stream.write(line + "\n")


def _write_raw(body: bytes) -> None:
    if sys.stdout.isatty():
        text = body.decode("utf-8", "replace")
        if printable_lines(text) != text:
            raise InvalidSetting("The body holds bytes that a terminal would obey; send it to a file with > or a pipe.")
    with output():
        sys.stdout.buffer.write(body)


def _lines(exchange: Exchange) -> Iterator[str]:
    url = http_url(exchange.scheme, exchange.host, exchange.port, exchange.path, exchange.query)
    yield printable(f"{exchange.method} {url}")
    yield from _headers(exchange.request_headers)
    yield from _body(exchange.request_headers, exchange.request_body, "--body")
    if exchange.request_trailers is not None:
        yield ""
        yield "(trailers)"
        yield from _headers(exchange.request_trailers)
    if exchange.request_truncated:
        yield "(the body was longer, or the client left before its end)"
    yield ""
    yield f"{exchange.status} {_phrase(exchange.status)}".rstrip()
    yield from _headers(exchange.response_headers)
    yield from _body(exchange.response_headers, exchange.response_body, "--response-body")
    params = loaded(exchange.params)
    yield from _section("Parameters", _pairs(params) if isinstance(params, dict) else [])
    yield from _section(
        "Exchange", [(name, value) for name in _FACTS if (value := getattr(exchange, name)) is not None]
    )
    problems = problem_list(exchange)
    if problems:
        yield ""
        yield "Problems"
        yield from (f"  {printable(str(problem))}" for problem in problems)


def _headers(headers: str) -> Iterator[str]:
    pairs = header_pairs(headers)
    yield from [printable(f"{name}: {value}") for name, value in pairs]
    if not pairs and headers != "[]":
        yield printable(headers)  # people may edit the file; it is theirs


def _body(headers: str, body: bytes | None, raw_option: str) -> Iterator[str]:
    if body is None:
        return
    yield ""
    shown = decode_shown(headers, body)
    if shown is None:
        coding = printable(content_codings(headers))
        yield (
            f"({len(body)} bytes that cannot be shown: {coding} is unknown, damaged or holds more than "
            f"{SHOWN_BYTES // 2**20} MiB; {raw_option} writes them)"
        )
        return
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        yield f"({len(shown)} bytes that are no text; {raw_option} writes them)"
        return
    yield printable_lines(indented_json(text) or text).rstrip("\n")


def _pairs(params: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, one) for name, value in params.items() for one in (value if isinstance(value, list) else [value])]


def _section(title: str, pairs: list[tuple[str, Any]]) -> Iterator[str]:
    rows = [(printable(name), printable(str(value))) for name, value in pairs]
    if not rows:
        return
    width = min(max(len(name) for name, _ in rows), 32)
    yield ""
    yield title
    yield from (f"  {name:<{width}}  {value}".rstrip() for name, value in rows)


def _phrase(status: int) -> str:
    if status == 499:
        return "(the client left before the answer)"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
