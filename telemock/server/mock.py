"""This is the mock: what telemock answers of its own for a profile's paths, and for all others.

It refuses to know about storing; it says in the request's notes who answered, and what a body said.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import Final

from aiohttp import ETag, hdrs, web

from telemock.answers import json_answer, method_not_allowed, too_large
from telemock.codings import CONTENT_CODINGS, decode_content
from telemock.errors import EventsRejected, UnknownCoding
from telemock.hosts import url_authority
from telemock.profiles.profile import MAX_PROBLEMS
from telemock.server.events import Batch, parse_events
from telemock.server.notes import NOTES, Notes
from telemock.server.target import plain_path
from telemock.server.unmatched import Unmatched

Answer = Callable[[web.Request, Notes], Awaitable[web.Response]]

PING_BODY: Final = b"cribl /// living the stream!\n"
_PING_HEADERS: Final = {hdrs.CONTENT_TYPE: "text/html; charset=utf-8"}

# A body of more bytes is parsed beside the event loop, and so is a coded one, which may hold a thousand times as many.
_LARGE_BODY_BYTES: Final = 16 * 2**10

_PREFLIGHT_SECONDS: Final = "600"

# Names of headers with commas between (RFC 9110 section 5.6.2); what a client sends goes back only as such.
_FIELD_NAMES: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z, \t]{1,1024}")


async def ping(_request: web.Request, _notes: Notes) -> web.Response:
    """Answer a telemetry ping as the vendor does."""
    return web.Response(body=PING_BODY, headers=_PING_HEADERS)


class Script:
    """The JavaScript client, with validators (RFC 9110 section 8.8)."""

    def __init__(self) -> None:
        self._body = files("telemock.server").joinpath("cribl.js").read_bytes()
        self._etag = ETag(sha256(self._body).hexdigest()[:16])

    async def __call__(self, request: web.Request, _notes: Notes) -> web.Response:
        """Answer the script, or 304 to a client that has it."""
        asked = request.if_none_match or ()
        fresh = any(etag.value in ("*", self._etag.value) for etag in asked)
        response = (
            web.Response(status=304)
            if fresh
            else web.Response(body=self._body, headers={hdrs.CONTENT_TYPE: "text/javascript; charset=utf-8"})
        )
        response.headers["Cache-Control"] = "public, max-age=300"
        response.etag = self._etag
        return response


async def config(_request: web.Request, notes: Notes) -> web.Response:
    """Answer what a telemetry client should do; echoes the version that asked."""
    return json_answer(
        200,
        {
            "enabled": True,
            "interval_seconds": 300,
            "endpoint": "/telemetry/events",
            "sample_rate": 1.0,
            "version": notes.reading.identity.version,
        },
    )


class Events:
    """Takes posted events; `limit` is the most bytes that a coded body may decode to."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    async def __call__(self, request: web.Request, notes: Notes) -> web.Response:
        """Accept a JSON object, an array of them or NDJSON; note what the events say of who speaks."""
        content = notes.body.content
        codings = ",".join(request.headers.getall(hdrs.CONTENT_ENCODING, ()))
        read = partial(self._read, content, codings, notes)
        try:
            batch = await asyncio.to_thread(read) if codings or len(content) > _LARGE_BODY_BYTES else read()
        except OverflowError:
            return too_large(self._limit)
        except UnknownCoding as error:  # RFC 9110 section 15.5.16
            spoken = {"Accept-Encoding": ", ".join(CONTENT_CODINGS)}
            return json_answer(415, {"status": "rejected", "error": str(error)}, spoken)
        except EventsRejected as error:
            return json_answer(400, {"status": "rejected", "error": str(error)})
        said = {"status": "accepted", "count": len(batch.events)}
        return json_answer(200, {**said, "note": batch.left_out} if batch.left_out else said)

    def _read(self, content: bytes, codings: str, notes: Notes) -> Batch:
        body = decode_content(content, codings, self._limit) if codings else content
        batch = parse_events(body, notes.profile.telling if notes.profile is not None else ())
        if notes.profile is not None:
            reading = notes.profile.read_events(batch.events, notes.reading)
            if batch.left_out:
                problems = (*reading.problems[: MAX_PROBLEMS - 1], batch.left_out)
                reading = replace(reading, problems=problems)
            notes.reading = reading
        return batch


class Mock:
    """Chooses the answer by path and method.

    Args:
        max_body: most bytes of a body.
        unmatched: answers what nothing here answers; None is 404 that says so.
    """

    def __init__(self, max_body: int, unmatched: Unmatched | None = None) -> None:
        self._max_body = max_body
        self._unmatched = unmatched
        page: dict[str, Answer] = {"GET": ping, "HEAD": ping}
        script = Script()
        self._answers: Mapping[str, Mapping[str, Answer]] = {
            "/telemetry/index.html": page,
            "/telemetry/": page,
            "/telemetry/cribl.js": {"GET": script, "HEAD": script},
            "/telemetry/events": {"POST": Events(max_body)},
            "/telemetry/config": {"GET": config},
        }
        self._asked_for = [f"{'|'.join(methods)} {path}" for path, methods in self._answers.items()]

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a captured request."""
        notes = request[NOTES]
        if request.method == "CONNECT":
            return json_answer(501, {"error": "A tunnel begins on a plain connection, not inside TLS or a tunnel."})
        answers = self._answers.get(plain_path(notes.target.path))
        if not answers:
            return too_large(self._max_body) if notes.body.too_large else self._nothing(request, notes)
        notes.outcome = "mock"
        method_answer = answers.get(request.method)
        if request.method == "OPTIONS":
            response = _preflight(request, answers)
        elif method_answer is None:
            response = method_not_allowed(request.method, [*answers, "OPTIONS"])
        elif notes.body.too_large:
            response = too_large(self._max_body)
        else:
            response = await method_answer(request, notes)
        if hdrs.ORIGIN in request.headers:
            response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def _nothing(self, request: web.Request, notes: Notes) -> web.Response:
        if self._unmatched is not None:
            return self._unmatched.answer(request)
        target = notes.target
        asked = f"{request.method} {target.path}"
        return json_answer(
            404,
            {
                "error": f"Nothing here answers {asked[:300]}.",
                "method": request.method,
                "host": url_authority(target.scheme, target.host, target.port),
                "path": target.path[:300],
                "answers": self._asked_for,
            },
        )


def _preflight(request: web.Request, answers: Mapping[str, Answer]) -> web.Response:
    """Answer OPTIONS: what is allowed, and to a browser's preflight that any origin may, without credentials."""
    allow = ", ".join([*answers, "OPTIONS"])
    headers = {"Allow": allow}
    if hdrs.ORIGIN in request.headers and "Access-Control-Request-Method" in request.headers:
        headers["Access-Control-Allow-Methods"] = allow
        asked = request.headers.get("Access-Control-Request-Headers", "")
        headers["Access-Control-Allow-Headers"] = asked if _FIELD_NAMES.fullmatch(asked) else "Content-Type"
        headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
        headers["Vary"] = "Access-Control-Request-Headers"
    return web.Response(status=204, headers=headers)
