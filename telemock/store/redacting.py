"""An appender that takes the secrets out of records before another one stores them."""

import asyncio
from collections.abc import Callable, Sequence

from telemock.exchange import Record
from telemock.store.writer import Appender


class RedactingAppender:
    """Appends what a function makes of records.

    Args:
        appender: stores what was made; closed by `close`.
        redact: makes it; called in a thread, as long bodies take long.
    """

    def __init__(self, appender: Appender, redact: Callable[[Record], Record]) -> None:
        self._appender = appender
        self._redact = redact

    async def append(self, records: Sequence[Record]) -> None:
        """Commit the records as `Appender.append` does."""
        await self._appender.append(await asyncio.to_thread(lambda: [*map(self._redact, records)]))

    async def check(self) -> None:
        """Raise StoreUnavailable when a write would fail now."""
        await self._appender.check()

    async def close(self) -> None:
        """Close the appender."""
        await self._appender.close()
