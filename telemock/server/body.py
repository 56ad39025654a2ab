"""This is how a request body is read whole and kept short: chunks in, at most a limit of bytes out.

It refuses to undo content codings; what is stored is what was sent.
"""

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Body:
    """What came after the head.

    Attributes:
        content: bytes as received after transfer decoding, at most the limit.
        too_large: there was, or was going to be, more than the limit.
        gone: the end never came: the client left, or went on with what is not HTTP.
    """

    content: bytes
    too_large: bool = False
    gone: bool = False


NO_BODY = Body(b"")
REFUSED = Body(b"", too_large=True)  # its sender was told not to send it


async def read_body(request: web.Request, limit: int) -> Body:
    """Read up to `limit` bytes of the body that a request has; never raises for what a client does."""
    if "Expect" in request.headers and (request.content_length or 0) > limit:
        return REFUSED
    content = bytearray()
    try:
        async for chunk in request.content.iter_any():
            content += chunk
            if len(content) > limit:
                return Body(bytes(content[:limit]), too_large=True)
    except (web.PayloadAccessError, web.RequestPayloadError, ConnectionError, OSError):
        return Body(bytes(content), gone=True)
    return Body(bytes(content))
