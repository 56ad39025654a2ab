"""What is answered to requests that nothing here answers: one answer to all, or what each asks for."""

import re
from base64 import b64decode
from typing import Final

from aiohttp import hdrs, web

from telemock.errors import InvalidSetting
from telemock.remembered import Remembered
from telemock.server.accept import ContentKind, asked_for, kind_of
from telemock.text import load_json

# RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
_WITHOUT_BODY: Final = frozenset({204, 205, 304})

# RFC 9110 section 8.3.1; parameters may be quoted.
_MEDIA_TYPE: Final = re.compile(r"""[!#$%&'*+.^_`|~\w-]+/[!#$%&'*+.^_`|~\w-]+(?:\s*;[ \t!-~]*)?""", re.ASCII)

_TEXT: Final = "text/plain; charset=utf-8"
_CONTENT: Final[dict[ContentKind, tuple[str, bytes]]] = {
    "json": ("application/json", b"{}"),
    "html": ("text/html; charset=utf-8", b"<!doctype html>\n<html><head><title></title></head><body></body></html>\n"),
    "image": ("image/gif", b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")),
    "text": (_TEXT, b""),
}


class Unmatched:
    """Answers requests that nothing else answers.

    Args:
        status: of the answers.
        body: text of all of them; None is what each request asks for.
        media_type: of all of them; None is that of the body.
    """

    def __init__(self, status: int, body: str | None = None, media_type: str | None = None) -> None:
        self._status = status
        self._content = _content(body, media_type)
        self._asked = Remembered(asked_for, most=256, longest=512)

    def answer(self, request: web.Request) -> web.Response:
        """Answer a request."""
        if self._status in _WITHOUT_BODY:
            return web.Response(status=self._status)
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, ()))
        media_type, body = self._content or _CONTENT[self._asked[accept]]
        return web.Response(status=self._status, body=body, headers={hdrs.CONTENT_TYPE: media_type})


def read_unmatched(status: int | None, body: str | None, media_type: str | None) -> Unmatched | None:
    """Read what is answered to what nothing here answers; None where nobody said anything of it.

    Raises:
        InvalidSetting: it is none, or its parts do not go together.
    """
    if status is None and body is None and media_type is None:
        return None
    if media_type is not None and not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidSetting(f"--answer-type {media_type!r} is not a media type; write it like application/json.")
    if status in _WITHOUT_BODY and (body is not None or media_type is not None):
        option = "--answer-type" if body is None else "--answer-body"
        raise InvalidSetting(f"{option} cannot be used with --answer {status}, which has no body; use --answer 200.")
    return Unmatched(200 if status is None else status, body, media_type)


def _content(body: str | None, media_type: str | None) -> tuple[str, bytes] | None:
    if body is None:
        return None if media_type is None else (media_type, _body_of(media_type.partition(";")[0].strip().lower()))
    return media_type or (_CONTENT["json"][0] if _is_json(body) else _TEXT), body.encode()


def _body_of(media_type: str) -> bytes:
    """Give the least content of a type; there is one image, and nothing else is sent under its name."""
    kind = kind_of(media_type)
    return b"" if kind == "image" and media_type != _CONTENT[kind][0] else _CONTENT[kind][1]


def _is_json(text: str) -> bool:
    """Tell whether a text is an object or an array of JSON."""
    try:
        load_json(text)
    except (ValueError, RecursionError):
        return False
    return text.lstrip()[:1] in ("{", "[")
