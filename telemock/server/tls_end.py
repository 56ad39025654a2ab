"""TLS connections that a client may end on its side and still be answered on (RFC 8446 section 6.1).

The TLS of asyncio and uvloop closes both sides when it reads the client's close_notify, or the end of TCP behind it.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any


class HalfClosing(ssl.SSLObject):
    """TLS of one connection; see `ssl.SSLContext.sslobject_class`.

    Attributes:
        transport: of the connection; None while nobody serves it.
        on_end: called from the loop once, after what came before the client's close_notify was received.
    """

    transport: Any = None
    on_end: Callable[[], None] | None = None
    _is_ended = False

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Read as `ssl.SSLObject` does, but for the end, which reads as if more were to come.

        Raises:
            ssl.SSLWantReadError: nothing is there, or nothing will be.
        """
        data = super().read(size, buffer)
        if data or self.transport is None:
            return data
        if not self._is_ended:
            self._is_ended = True
            # The end of TCP must not be read before the answers left. At a limit of zero and nothing to read, reading
            # is paused and resumed in turn: here twice, and once more by whoever reads now.
            self.transport.set_read_buffer_limits(0)
            self.transport.set_read_buffer_limits(0)
            asyncio.get_running_loop().call_soon(self._tell)
        raise ssl.SSLWantReadError

    def _tell(self) -> None:
        if self.on_end is not None:  # else the connection was lost meanwhile
            self.on_end()
