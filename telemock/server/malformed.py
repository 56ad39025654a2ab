"""This is what is kept of traffic that is not HTTP: why, and how it began.

It refuses to keep a proxy's password.
"""

import re
from typing import Final

HEAD_BYTES: Final = 1024

_SECRET: Final = re.compile(rb"(?im)^(proxy-authorization[ \t]*:)[^\r\n]*")


def malformed_detail(reason: str, head: bytes) -> str:
    """Write a sentence that ends with the first bytes, escaped as in a Python literal."""
    shown = _SECRET.sub(rb"\1 ...", head[:HEAD_BYTES])
    return f"{reason.rstrip('.')}. It began with {shown!r}"
