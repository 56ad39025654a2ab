"""A thread that keeps no process from its end gives what it made, or raises what went wrong, where it is awaited."""

import subprocess
import sys
import threading

import pytest

from telemock.store.daemon_thread import in_daemon_thread
from tests.server.wire import HANG_SECONDS

ENDLESS = """
import asyncio, threading
from telemock.store.daemon_thread import in_daemon_thread

async def main():
    begun = threading.Event()
    in_daemon_thread(lambda: (begun.set(), threading.Event().wait()))
    begun.wait()

asyncio.run(main())
"""


async def test_what_is_returned_or_raised_comes_to_who_awaits_it() -> None:
    assert await in_daemon_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0)


async def test_whoever_does_not_wait_any_more_is_told_nothing() -> None:
    is_open = threading.Event()
    left = in_daemon_thread(is_open.wait)
    left.cancel()
    is_open.set()
    await in_daemon_thread(is_open.wait)
    assert left.cancelled()


def test_a_process_ends_though_a_call_does_not() -> None:
    assert subprocess.run([sys.executable, "-c", ENDLESS], check=True, timeout=HANG_SECONDS).returncode == 0
