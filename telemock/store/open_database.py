"""A database that one process writes to: its connections, what may still be in its log alone, and what damages it.

Damage is met at once: what is in files that nobody else can open is copied into the database, and what cannot be is
counted.
"""

import asyncio
import fcntl
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

import aiosqlite

from telemock.errors import StoreDamaged, StoreUnavailable
from telemock.settings import Durability
from telemock.store.checkpointer import Checkpointer
from telemock.store.engine import open_beside, open_for_writing
from telemock.store.file_watch import Damage, FileWatch, identity_at
from telemock.store.wal_index import LogState

_T = TypeVar("_T")

# Connections to files whose content is gone: closing the last one would write to them.
_NEVER_CLOSED: Final[list[object]] = []

# Who closes waits so often, and so long each time, for others who do.
_CLOSE_TURNS = 100
_CLOSE_TURN_SECONDS = 0.01

# So long what is done behind the answers waits for a lock.
_BACKGROUND_BUSY_SECONDS = 0.05


class Tell(Protocol):
    """Takes events of the store's life."""

    def __call__(self, event: str, message: str, *, level: Literal["info", "warning", "error"]) -> object:
        """Take a short name, a sentence, and how bad it is."""


class Files(NamedTuple):
    """A database that is open.

    Attributes:
        at_once: connection of the loop, which waits for nothing; None where every commit waits for the disk.
        beside: connection with a thread of its own, which waits for locks and disks.
        background: connection of what is done behind the answers, in another thread of its own.
        checkpointer: copies the log.
        watch: looks at the files.
    """

    at_once: sqlite3.Connection | None
    beside: aiosqlite.Connection
    background: sqlite3.Connection
    checkpointer: Checkpointer
    watch: FileWatch


class _Commit(NamedTuple):
    """The ids of exchanges, from first to last, which the log holds up to a frame."""

    frame: int
    first_id: int
    last_id: int


class OpenDatabase:
    """Has a database open; made by `open_database`, and used from one loop.

    Attributes:
        path: of the database.
        turn: held by who writes, and by who wants that nobody in this process does.
        damage: what became of the files; while there is any, nothing is written.
        tell: takes events.
    """

    def __init__(self, path: Path, durability: Durability, files: Files, tell: Tell) -> None:
        self.path = path
        self.turn = asyncio.Lock()
        self.damage: Damage | None = None
        self.tell = tell
        self._reason = f"The database {path} is closed."
        self._durability: Durability = durability
        self._files: Files | None = files
        self._identity = files.watch.identity
        self._left: FileWatch | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store checkpoint")
        self._background = ThreadPoolExecutor(1, thread_name_prefix="store background")
        self._commits: deque[_Commit] = deque()
        self._salt = b""

    @property
    def files(self) -> Files:
        """Give what is open.

        Raises:
            StoreUnavailable: the files are damaged.
        """
        if self.damage is not None or self._files is None:
            raise StoreUnavailable(self._reason)
        return self._files

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Run what takes its time; one after the other, in a thread for that alone."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def in_background(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run something short behind the answers; the files are closed before it or after it, even where it is left.

        Raises:
            StoreUnavailable: the files are damaged.
        """
        work_on = partial(work, self.files.background)
        return await asyncio.get_running_loop().run_in_executor(self._background, work_on)

    async def look(self) -> None:
        """Look at the files, and do what can be done about damage; the caller has the turn."""
        if self._files is None:
            await self._reopen()
        else:
            await self._meet(self._files, self._files.watch.look())

    async def committed(self, files: Files, first_id: int, last_id: int) -> None:
        """Look at the files after a commit; the ids are those of exchanges, and 0 when there were none.

        Raises:
            StoreDamaged: there is damage, and it is not certain that what was committed is in the database.
        """
        damage = files.watch.look(at_all=False)
        state = files.watch.state
        self._forget_copied(state)
        if last_id:
            self._commits.append(_Commit(state.frames, first_id, last_id))
        if damage is not None:
            await self._meet(files, damage)
            if damage.kind != "log" or self._commits:
                raise StoreDamaged(self._reason)

    async def close(self) -> None:
        """Copy the log into the database, remove it where nobody else uses it, and close.

        Raises:
            StoreDamaged: something that was acknowledged could not be saved; the message says what.
        """
        loss = ""
        async with self.turn:
            if self._files is not None:
                await self.look()  # what was done to the files a moment ago is seen by nobody later
            files, damage = self._files, self.damage
            if files is not None and damage is not None:
                loss = await self._loss(files, damage)
            if files is not None and damage is not None and damage.is_fatal:
                _NEVER_CLOSED.append(files)
            elif files is not None:
                await self.in_thread(files.checkpointer.empty)
                await self._close_alone(files)
            if self._left is not None:
                self._left.close()
        await asyncio.to_thread(self._thread.shutdown)
        await asyncio.to_thread(self._background.shutdown)
        if damage is not None and loss:
            raise StoreDamaged(f"{damage.what}: {loss}.")

    async def _meet(self, files: Files, damage: Damage | None) -> None:
        known, self.damage = self.damage, damage
        if damage is None:
            if known is not None:
                self.tell("store_healed", f"The database {self.path} can be written again.", level="info")
            return
        if not damage.is_fatal:
            await self._save(files)
        if known is None or known.kind != damage.kind:
            loss = await self._loss(files, damage)
            self._reason = f"{damage.what}{loss and ': '}{loss}; {damage.remedy}."
            self.tell("store_damaged", self._reason, level="error")
        if damage.kind == "log" and not files.watch.refresh().frames:
            await self._close_files(files)

    async def _save(self, files: Files) -> None:
        """Copy the log into the database's file, wherever its path leads now."""
        if files.watch.is_log_of_index():
            await self.in_thread(files.checkpointer.copy_all)
            await self.in_thread(files.checkpointer.empty)
        self._forget_copied(files.watch.refresh())

    def _forget_copied(self, state: LogState) -> None:
        if state.salt != self._salt or not state.frames:
            self._salt = state.salt
            self._commits.clear()
        while self._commits and self._commits[0].frame <= state.copied:
            self._commits.popleft()

    async def _loss(self, files: Files, damage: Damage) -> str:
        """Say what was acknowledged and is lost, as things stand; empty when nothing is."""
        if damage.kind == "database":
            return "what it held may be lost"
        if damage.kind == "moved":
            if not files.watch.is_removed:
                return ""
            rows = list(await files.beside.execute_fetchall("SELECT coalesce(max(id), 0) FROM exchanges"))
            return f"its exchanges, with ids up to {rows[0][0]}, are in {files.watch.way} until telemock stops"
        lost = [commit for commit in self._commits if damage.kind == "log" or files.watch.is_lost(commit.frame)]
        if not lost:
            return ""
        number = sum(commit.last_id - commit.first_id + 1 for commit in lost)
        return f"{number} acknowledged exchanges, with ids from {lost[0].first_id} to {lost[-1].last_id}, are lost"

    async def _close_alone(self, files: Files) -> None:
        """Close while no other telemock closes: the last one removes the log, and of two at once none is the last."""
        for _ in range(_CLOSE_TURNS):
            if files.watch.lock():
                break
            await asyncio.sleep(_CLOSE_TURN_SECONDS)
        await self._close_files(files)

    async def _close_files(self, files: Files) -> None:
        """Close the connections; what looks at the files stays, until nobody uses the log."""
        self._files = None
        if files.at_once is not None:
            files.at_once.close()
        await files.beside.close()
        await self.in_thread(files.checkpointer.close)
        await asyncio.get_running_loop().run_in_executor(self._background, files.background.close)
        fcntl.flock(files.watch.log, fcntl.LOCK_UN)
        self._left = files.watch

    async def _reopen(self) -> None:
        """Open the database again, when no other process has its old log open any more."""
        if self._left is not None:
            try:
                fcntl.flock(self._left.log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._left.close()
            self._left = None
        try:
            if identity_at(self.path) != self._identity:
                return
            self._files = await _open_files(self.path, self._durability)
        except StoreUnavailable:
            return
        await self._meet(self._files, None)


async def open_database(path: Path, durability: Durability, tell: Tell) -> OpenDatabase:
    """Open a migrated database; close the result.

    Raises:
        StoreUnavailable: it cannot be opened.
    """
    return OpenDatabase(path, durability, await _open_files(path, durability), tell)


async def _open_files(path: Path, durability: Durability) -> Files:
    """Open everything that writes, then what looks at the files."""
    try:
        async with AsyncExitStack() as opened:
            beside = await open_beside(path, durability)
            opened.push_async_callback(beside.close)
            at_once = None
            if durability != "fsync":
                at_once = open_for_writing(path, durability, busy_seconds=0)
                opened.callback(at_once.close)
            checkpointer = Checkpointer(path, durability)
            opened.callback(checkpointer.close)
            background = open_for_writing(path, "commit", busy_seconds=_BACKGROUND_BUSY_SECONDS)
            opened.callback(background.close)
            watch = FileWatch(path)
            opened.callback(watch.close)
            damage = watch.look()
            if damage is not None:
                raise StoreUnavailable(f"{damage.what}; {damage.remedy}.")
            # Who finds the log gone waits until nobody has this lock any more.
            fcntl.flock(watch.log, fcntl.LOCK_SH)
            opened.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"The database {path} cannot be opened: {error}.") from error
    return Files(at_once, beside, background, checkpointer, watch)
