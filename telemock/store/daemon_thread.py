"""Calls that take long, in threads that keep no process from its end.

The threads of asyncio and of `concurrent.futures` do: the interpreter waits for what they are at.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


def in_daemon_thread(call: Callable[[], _T]) -> asyncio.Future[_T]:
    """Call something in a thread of its own; the future of the running loop has what it returns or raises."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[_T] = loop.create_future()

    def end(tell: Callable[[], None]) -> None:
        if not ended.done():  # else nobody waits any more
            tell()

    def work() -> None:
        try:
            value = call()
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            tell: Callable[[], None] = partial(ended.set_exception, error)
        else:
            tell = partial(ended.set_result, value)
        with suppress(RuntimeError):  # the loop ended first
            loop.call_soon_threadsafe(end, tell)

    threading.Thread(target=work, daemon=True).start()
    return ended
