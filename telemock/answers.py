"""This is how telemock's own words become HTTP answers: one JSON object, one line, the right status.

It refuses to decide what is answered.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import hdrs, web

from telemock.exchange import compact_json

RETRY_AFTER_SECONDS: Final = "5"


def json_answer(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer a JSON object, one line."""
    return web.Response(
        status=status,
        body=compact_json(value).encode() + b"\n",
        headers={hdrs.CONTENT_TYPE: "application/json", **(headers or {})},
    )


def too_large(limit: int) -> web.Response:
    """Answer 413 (RFC 9110 section 15.5.14)."""
    return json_answer(413, {"status": "rejected", "error": f"The body is longer than {limit} bytes."})


def try_later(error: str) -> web.Response:
    """Answer 503 with when to try again (RFC 9110 section 15.6.4)."""
    return json_answer(503, {"error": error}, {"Retry-After": RETRY_AFTER_SECONDS})


def method_not_allowed(method: str, allowed: Sequence[str]) -> web.Response:
    """Answer 405 with what is allowed (RFC 9110 section 15.5.6)."""
    allow = ", ".join(allowed)
    return json_answer(405, {"error": f"{method} is not allowed here; {allow} are."}, {"Allow": allow})
