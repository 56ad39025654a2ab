"""How many wrong passwords a client may try: a token bucket for each address, of a bounded number of addresses."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from telemock.server.addresses import read_address

BURST: Final = 10
PER_SECOND: Final = 1.0

# Whoever has more addresses than this gets new tries sooner than others; a bucket takes about 250 bytes.
_MOST_CLIENTS: Final = 4096


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    is_told: bool = False


class Attempts:
    """Tries by clients; one loop uses it.

    Args:
        now: seconds of a clock that is never set.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one try; return 0 if there was one, else in how many seconds there is.

        Args:
            client: IP address; those of one IPv6 network of 64 bits, which one host may have whole, are one client.
        """
        bucket = self._bucket(client)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / PER_SECOND
        bucket.tokens -= 1
        bucket.is_told = False
        return 0.0

    def give_back(self, client: str) -> None:
        """Give a try back that was right."""
        bucket = self._bucket(client)
        bucket.tokens = min(bucket.tokens + 1, BURST)

    def is_news(self, client: str) -> bool:
        """Tell whether it was not told yet that a client has to wait; true once for each time that it has to."""
        bucket = self._bucket(client)
        was_told, bucket.is_told = bucket.is_told, True
        return not was_told

    def _bucket(self, client: str) -> _Bucket:
        name = _network(client)
        now = self._now()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(BURST, now)
            while len(self._buckets) > _MOST_CLIENTS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        bucket.tokens = min(bucket.tokens + (now - bucket.at) * PER_SECOND, BURST)
        bucket.at = now
        return bucket


def _network(client: str) -> str:
    try:
        address = read_address(client)
    except ValueError:
        return client
    return str(IPv6Address(int(address) >> 64 << 64)) if address.version == 6 else str(address)
