"""Which requests a client sent again: the same content, or the same events, within a short time."""

import re
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

# From one time to the next: clients wait longer with each retry, up to this as a rule.
_WITHIN_SECONDS: Final = 30.0

_MOST_REMEMBERED: Final = 10_000

# Names, in JSON, of what is another each time that the same events are sent.
_SENT_AT: Final = re.compile(rb'"(?:sent_?at|client_upload_time|stm)"\s*:\s*(?:"[^"\\]*"|[\d.]+)', re.IGNORECASE)

# Names, in JSON, that belong to one event alone.
_EVENT_ID: Final = re.compile(
    rb'"(?:message_?id|event_?id|event_?uuid|\$?insert_?id)"\s*:\s*"([^"\\]{8,128})"', re.IGNORECASE
)


class Resent:
    """Recognises what is sent again; it is asked of requests in the order they came.

    Args:
        known: of the requests before, as `known` gave it.
    """

    def __init__(self, known: Iterable[tuple[bytes, float]] = ()) -> None:
        self._last_s = OrderedDict(known)

    def known(self) -> list[tuple[bytes, float]]:
        """Give what is to be known of the latest requests to recognise them again.

        Clocks of those who stored them may differ, so that time does not tell which are not needed any more.
        """
        return [*self._last_s.items()]

    def is_again(self, sender: str, method: str, url: str, content: bytes, received_s: float) -> bool:
        """Tell whether a request was sent a short time before.

        Args:
            sender: the installation, or the address of the client.
            method: of the request.
            url: of the request, with its query.
            content: the body, decoded as far as that can be; one that is empty is never sent again.
            received_s: seconds since the epoch.
        """
        if not content:
            return False
        before = f"{sender}\n{method}\n{url}".encode(errors="surrogateescape")
        events = b"\0".join(sorted(set(_EVENT_ID.findall(content))))
        keys = [_digest(before, b"content", _SENT_AT.sub(b"", content))]
        keys += [_digest(before, b"events", events)] * bool(events)
        is_again = any(abs(received_s - self._last_s.get(key, -1e9)) <= _WITHIN_SECONDS for key in keys)
        for key in keys:
            self._last_s[key] = received_s
            self._last_s.move_to_end(key)
        while len(self._last_s) > _MOST_REMEMBERED:
            self._last_s.popitem(last=False)
        return is_again


def _digest(*parts: bytes) -> bytes:
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()
