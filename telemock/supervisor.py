"""This is the parent of several workers: it starts them, restarts one that dies, and stops them together.

It refuses to touch traffic: workers share the port and the store, and never talk to each other. It holds the sockets
that they accept on, so that who waits in the queue of a worker that dies is accepted by the next one.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telemock.app import end_at_once, stop_event
from telemock.errors import ListenError, StoreDamaged
from telemock.journal import Journal
from telemock.order import BEAT_SECONDS, WORKER, Order
from telemock.server.listener import listen_beside
from telemock.settings import ServeSettings

# Prometheus' client library shares the workers' numbers through files there.
_SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

# A worker that lived no longer than this is replaced a while after it died.
_SHORT_LIFE_SECONDS = 10.0
_RESTART_SECONDS = 1.0

# A worker that misses so many beats is taken for dead.
_MOST_MISSED = 10
_BEATS_BYTES = 4096
_STOP_SECONDS = 9.0


class Supervisor:
    """Runs `settings.workers` processes.

    Args:
        settings: with the port that is bound already.
        journal: gets the events of workers' lives.
        folder: for what the processes share; owned by the caller, empty.
    """

    def __init__(self, settings: ServeSettings, journal: Journal, folder: Path) -> None:
        self._settings = settings
        self._journal = journal
        self._folder = folder
        self._lock = folder / "lock"
        journal.share(self._lock)
        # How many beats each has missed; None before its first.
        self._running: dict[asyncio.subprocess.Process, int | None] = {}
        self._is_lossy = False
        self._sockets = contextlib.ExitStack()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start all, call `on_ready` once all answer, and keep them alive until SIGINT or SIGTERM.

        Raises:
            ListenError: the port cannot be had, or a worker ended before it was ready.
            StoreDamaged: what a worker had answered is not in the database any more, or that not where it was.
        """
        stop = stop_event(self._end_at_once)
        workers = [asyncio.Event() for _ in range(self._settings.workers)]
        keepers = [asyncio.create_task(self._keep(stop, ready, self._listen())) for ready in workers]
        watch = asyncio.create_task(self._watch())
        try:
            if await self._all_ready(workers, keepers, stop):
                on_ready()
                await stop.wait()
        finally:
            watch.cancel()
            stop.set()
            self._sockets.close()  # nobody may wait there any more
            self._terminate()
            done, late = await asyncio.wait(keepers, timeout=_STOP_SECONDS)
            if late:
                self._kill()
        for keeper in done:
            keeper.result()
        if self._is_lossy:
            raise StoreDamaged("A worker's database was damaged or moved away; its line above says what is where.")

    @staticmethod
    async def _all_ready(workers: list[asyncio.Event], keepers: list[asyncio.Task[None]], stop: asyncio.Event) -> bool:
        ready = asyncio.gather(*(worker.wait() for worker in workers))
        stopped = asyncio.ensure_future(stop.wait())
        waited: list[asyncio.Future[Any]] = [ready, stopped, *keepers]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if ready.done():
            return True
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)
        return False

    def _listen(self) -> tuple[int, ...]:
        """Listen for one worker, on all ports; the kernel spreads clients over the sockets of all."""
        descriptors = []
        for port in self._settings.port:
            listening = self._sockets.enter_context(listen_beside(self._settings.host, port))
            descriptors.append(listening.fileno())
        return tuple(descriptors)

    async def _keep(self, stop: asyncio.Event, ready: asyncio.Event, listening: tuple[int, ...]) -> None:
        """Run one worker again and again until `stop`."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            process = await self._start(ready, listening)
            status = await process.wait()
            self._running.pop(process)
            self._forget(process.pid)
            if stop.is_set():
                self._is_lossy |= status == StoreDamaged.exit_code
                return
            if not ready.is_set():
                raise ListenError(f"A worker process ended with status {status} before it was ready; its log says why.")
            self._journal.event(
                "worker_died",
                f"Worker {process.pid} ended with status {status}; another takes its place.",
                level="error",
                pid=process.pid,
                status=status,
            )
            # One that lived is replaced at once: where all were killed, nobody listens.
            if loop.time() - started < _SHORT_LIFE_SECONDS:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RESTART_SECONDS):
                        await stop.wait()

    async def _start(self, ready: asyncio.Event, listening: tuple[int, ...]) -> asyncio.subprocess.Process:
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *WORKER,
                stdin=asyncio.subprocess.PIPE,
                pass_fds=[writing, *listening],
                start_new_session=True,  # Ctrl-C is the parent's to pass on
                env=os.environ | {_SHARED_FOLDER_VARIABLE: str(self._folder)},
            )
        finally:
            os.close(writing)
        self._running[process] = None
        if process.stdin is not None:
            process.stdin.write(Order(self._settings, writing, self._lock, listening).line())
            await process.stdin.drain()
        asyncio.get_running_loop().add_reader(reading, self._hear, reading, process, ready)
        return process

    def _hear(self, reading: int, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        """Hear a worker say that it is ready, and then that it lives; it says nothing when it dies."""
        if os.read(reading, _BEATS_BYTES):
            ready.set()
            if process in self._running:
                self._running[process] = 0
        else:
            asyncio.get_running_loop().remove_reader(reading)
            os.close(reading)

    async def _watch(self) -> None:
        """Kill who says nothing any more; turns are counted, as time goes on where the parent was stopped, too."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            for process, missed in self._running.items():
                if missed is None:
                    continue  # it only starts
                self._running[process] = missed + 1
                if missed == _MOST_MISSED:
                    self._journal.event(
                        "worker_hangs",
                        f"Worker {process.pid} did not answer for {_MOST_MISSED * BEAT_SECONDS:.0f} s and is ended: "
                        "connections that it took are broken off, those in its queue are answered by the next one.",
                        level="error",
                        pid=process.pid,
                    )
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()

    def _terminate(self) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    def _end_at_once(self, number: int) -> None:
        self._kill()
        end_at_once(number)

    def _kill(self) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _forget(self, pid: int) -> None:
        """Take a dead worker's live gauges out of the sum."""
        for path in self._folder.glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)


def supervise(settings: ServeSettings, journal: Journal, *, on_ready: Callable[[], None]) -> None:
    """Run a supervisor on a loop of its own, with a folder of its own; see `Supervisor.run`."""
    with tempfile.TemporaryDirectory(prefix="telemock-") as folder:
        asyncio.run(Supervisor(settings, journal, Path(folder)).run(on_ready))
