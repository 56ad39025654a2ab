"""A database that one process writes to: its connections, what may still be in its log alone, and what damages it.

Damage is met at once: what is in files that nobody else can open is copied into the database, or beside it, and what
cannot be is counted.
"""

import asyncio
import fcntl
import shlex
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

import aiosqlite

from telemock.errors import StoreDamaged, StoreUnavailable
from telemock.exchange import Exchange
from telemock.settings import Durability
from telemock.store.checkpointer import Checkpointer
from telemock.store.commits import Commits, Ids, Row
from telemock.store.engine import open_beside, open_for_writing
from telemock.store.file_watch import Damage, FileWatch, identity_at
from telemock.store.log_pages import LogPages
from telemock.store.recovery import (
    cached_rows,
    copy_removed,
    lacks,
    recover,
    recovered_path,
    set_log_aside,
    told,
)

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


class OpenDatabase:
    """Has a database open; made by `open_database`, and used from one loop.

    Attributes:
        path: of the database.
        turn: held by who writes, and by who wants that nobody in this process does.
        damage: what became of the files; while there is any, nothing is written.
        tell: takes events.
    """

    def __init__(self, path: Path, durability: Durability, files: Files, last_id: int, tell: Tell) -> None:
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
        self._commits = Commits(last_id)
        self._loss = ""

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
        self.files.watch.keep_index()
        work_on = partial(work, self.files.background)
        return await asyncio.get_running_loop().run_in_executor(self._background, work_on)

    async def look(self) -> None:
        """Look at the files, and do what can be done about damage; the caller has the turn."""
        if self._files is None:
            await self._reopen()
            return
        watch = self._files.watch
        damage = watch.look()
        if damage is None and watch.is_touched:
            watch.is_touched = False
            damage = await self._look_through(self._files)
        if damage is None:
            damage = await self._forget_copied(self._files)
        await self._meet(self._files, damage)

    async def committed(self, files: Files, last_id: int, exchanges: Sequence[Exchange]) -> None:
        """Look at the files after a commit of exchanges, of which the last one has the id, or of something else.

        Raises:
            StoreDamaged: there is damage, and it is not certain that what was committed is in the database.
        """
        damage = files.watch.look(at_all=False)
        if damage is not None and damage.kind == "index":
            await self._meet(files, damage)
            damage = self.damage
        if damage is None:
            damage = await self._forget_copied(files)
        if exchanges and (damage is None or not damage.is_fatal):
            self._commits.add(files.watch.state.frames, last_id, exchanges)
        if damage is not None:
            await self._meet(files, damage)
            if damage.kind != "log" or self._commits:
                raise StoreDamaged(self._reason)

    async def close(self) -> None:
        """Copy the log into the database, remove it where nobody else uses it, and close.

        Raises:
            StoreDamaged: something that was acknowledged is not in the database, or that not where it was; the message
                says what, and where it is.
        """
        loss = ""
        async with self.turn:
            if self._files is not None:
                await self.in_thread(self._files.watch.look_through_log)
                await self.look()  # what was done to the files a moment ago is seen by nobody later
            files, damage = self._files, self.damage
            if files is not None and damage is not None:
                loss = self._loss
            if files is not None and damage is not None and damage.is_fatal:
                _NEVER_CLOSED.append(files)
            elif files is not None:
                try:
                    await self.in_thread(files.checkpointer.empty)
                    await self._close_alone(files)
                except BaseException:
                    files.beside.stop()  # its thread would keep the process from ending
                    raise
            if self._left is not None:
                self._left.close()
        await asyncio.to_thread(self._thread.shutdown)
        await asyncio.to_thread(self._background.shutdown)
        if damage is not None and (loss or damage.kind == "moved"):
            raise StoreDamaged(f"{damage.what}{loss and ': '}{loss}.")

    async def _meet(self, files: Files, damage: Damage | None) -> None:
        known = self.damage
        if damage is not None and damage.kind == "index":
            was_wrong, now = await self._remake_index(files)
            if was_wrong and known is None and (now is None or now.kind != "index"):
                known = damage
                self.tell("store_damaged", f"{damage.what}; {damage.remedy}.", level="error")
            damage = now
        self.damage = damage
        if damage is None:
            self._loss = ""
            if known is not None:
                self.tell("store_healed", f"The database {self.path} can be written again.", level="info")
            return
        if not damage.is_fatal and not await self._save(files):
            damage = self.damage = files.watch.look() or damage
        if known is None or known.kind != damage.kind:
            self._loss = await self._assess(files, damage)
            self._reason = f"{damage.what}{self._loss and ': '}{self._loss}; {damage.remedy}."
            self.tell("store_damaged", self._reason, level="error")
        elif damage.kind == "log" and not self._commits:
            self._loss = ""
        if damage.kind == "log" and not files.watch.refresh().frames:
            await self._close_files(files)

    async def _remake_index(self, files: Files) -> tuple[bool, Damage | None]:
        """Have the log's index made anew, if it is wrong; tell whether it was, and what is damaged now."""
        was_wrong = await self.in_thread(partial(files.checkpointer.remake_index, files.watch.index))
        if await self._lacks(files, self._commits.after(0)):
            files.watch.lose_log(self._commits.state)
        return was_wrong, files.watch.look()

    async def _forget_copied(self, files: Files) -> Damage | None:
        """Forget what is copied; a log that was cut and started anew, before anybody looked, does not hold the rest."""
        watch = files.watch
        if self._commits.is_restarted(watch.state) and await self._lacks(files, self._commits.after(0)):
            watch.lose_log(self._commits.state)
            return watch.look()
        self._commits.forget_copied(watch.state)
        return None

    async def _lacks(self, files: Files, wanted: list[Ids]) -> bool:
        """Tell whether one of the exchanges is not in the database."""
        if not wanted:
            return False
        return await asyncio.get_running_loop().run_in_executor(self._background, lacks, files.background, wanted)

    async def _save(self, files: Files) -> bool:
        """Copy the log into the database's file, wherever its path leads now; False when the log is not whole."""
        await self.in_thread(partial(files.checkpointer.remake_index, files.watch.index))
        if files.watch.is_log_of_index():
            if not await self.in_thread(files.watch.look_through_log):
                return False
            await self.in_thread(files.checkpointer.copy_all)
            await self.in_thread(files.checkpointer.empty)
        self._commits.forget_copied(files.watch.refresh())
        return True

    async def _look_through(self, files: Files) -> Damage | None:
        """Look through a database that something else than SQLite wrote to."""
        is_sound = await self.in_thread(files.checkpointer.is_sound)
        if is_sound is None:
            message = (
                f"{self.path} was touched, or written to by something else than SQLite, and is too large to be looked "
                f"through now; type sqlite3 {shlex.quote(str(self.path))} 'PRAGMA integrity_check'"
            )
            self.tell("store_touched", message, level="warning")
        elif not is_sound:
            files.watch.lose_database()
        return files.watch.look()

    async def _assess(self, files: Files, damage: Damage) -> str:
        """Save beside the database what can be, and say what is lost, and where the rest is; empty when nothing is."""
        if damage.kind == "moved":
            return await self._assess_moved(files)
        watch, state = files.watch, files.watch.state
        if damage.kind != "database" and not self._commits:
            return ""
        pages = await self.in_thread(partial(LogPages, watch.log, state))
        # SQLite finds again what is whole from a log's beginning on.
        wanted = self._commits.after(pages.intact_frames if damage.kind == "log_content" else 0)
        if damage.kind != "database" and not wanted:
            return ""
        cached = [*wanted]
        if damage.kind == "database":
            # What it was overwritten with would be read as if it were the database.
            cached = [*cached, Ids(1, self._commits.copied_id)] if watch.is_empty else []
        target = recovered_path(self.path, state.salt)
        rows = [*self._commits.rows_after(0), *await self._cached(files, cached)]
        recovery = await self.in_thread(partial(recover, target, pages, rows, wanted))
        said = told(wanted, recovery, target)
        if damage.kind == "database":
            held = self._commits.copied_id
            said = [f"what it held, exchanges with ids up to {held}, may be lost", *said] if held else said
            aside = await self.in_thread(partial(set_log_aside, self.path, watch.log, target)) if state.frames else None
            said += [f"its log is {aside}"] if aside is not None else []
        return "; ".join(said)

    async def _assess_moved(self, files: Files) -> str:
        """Return where a database is that was moved; one that was removed is copied."""
        watch = files.watch
        sql = "SELECT id, received_at, (SELECT max(id) FROM exchanges) FROM exchanges WHERE id <= ? ORDER BY id DESC"
        newest = list(await files.beside.execute_fetchall(f"{sql} LIMIT 1", (self._commits.last_id,)))
        if not newest:
            return ""
        known, last_id = (newest[0][0], newest[0][1]), newest[0][2]
        wanted = self._commits.after(0)
        pages = await self.in_thread(partial(LogPages, watch.log, watch.state))
        place: str | Path = watch.way
        target = recovered_path(self.path, watch.state.salt)
        if watch.is_removed:
            copying = partial(copy_removed, self.path, watch.database, known, pages, wanted)
            copy, recovery = await self.in_thread(copying)
            place, target = (f"{place} until telemock stops", target) if copy is None else (copy, copy)
        elif wanted:
            recovery = await self.in_thread(partial(recover, target, pages, self._commits.rows_after(0), wanted))
        said = told(wanted, recovery, target) if wanted else []
        return "; ".join([f"its exchanges, with ids up to {last_id}, are in {place}", *said])

    async def _cached(self, files: Files, wanted: list[Ids]) -> list[Row]:
        """Return those of the exchanges that connections have in memory."""
        if not wanted:
            return []
        rows = [] if files.at_once is None else cached_rows(files.at_once, wanted)
        loop = asyncio.get_running_loop()
        return rows + await loop.run_in_executor(self._background, cached_rows, files.background, wanted)

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
    files = await _open_files(path, durability)
    rows = list(await files.beside.execute_fetchall("SELECT coalesce(max(id), 0) FROM exchanges"))
    return OpenDatabase(path, durability, files, rows[0][0], tell)


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
            if damage is not None and damage.kind == "index":
                checkpointer.remake_index(watch.index)
                damage = watch.look()
            if damage is not None:
                raise StoreUnavailable(f"{damage.what}; {damage.remedy}.")
            checkpointer.is_right = watch.index.is_right
            # Who finds the log gone waits until nobody has this lock any more.
            fcntl.flock(watch.log, fcntl.LOCK_SH)
            opened.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"The database {path} cannot be opened: {error}.") from error
    return Files(at_once, beside, background, checkpointer, watch)
