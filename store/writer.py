"""The one thread that writes: it groups what is waiting, commits it, and keeps the write-ahead log short.

However the thread ends, no caller is left waiting: what was posted fails with StorageFailed, and so does every later post.
A checkpoint that fails costs nothing but space: the write-ahead log holds all that was committed.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from core.errors import MyelinError, StorageFull
from core.logs import get_logger
from store.schema import migrate

T = TypeVar("T")
Write = Callable[[Connection], T]

_GROUP = 200
_GROUPS_A_CHECKPOINT = 64
_LONG_FRAMES = 4096
_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_BUSY_MS = 5000
# A checkpoint that waits for somebody's long read would hold up every writer; it is tried again instead.
_CHECKPOINT_BUSY_MS = 50
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "mmap_size = 0",
    "foreign_keys = ON",
    "secure_delete = ON",
    "wal_autocheckpoint = 0",
    f"busy_timeout = {_BUSY_MS}",
)

log = get_logger()


class StorageFailed(MyelinError):
    status, code, title, retryable = 503, "storage_failed", "The database cannot be written", True
    default_hint = "Look at the disk of DATA_DIR; nothing that was accepted is lost."


class _Sign(Enum):
    STOP = "stop"
    SCRUB = "scrub"


class _Posted:
    __slots__ = ("error", "future", "result", "scrub", "write")

    def __init__(self, write: Write, future: asyncio.Future, scrub: bool):
        self.write, self.future, self.scrub = write, future, scrub
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """`healthy` while the last commit came through and the thread lives."""

    def __init__(self, path: Path):
        self._path = path
        self._queue: SimpleQueue[_Posted | _Sign] = SimpleQueue()
        self._group: list[_Posted] = []
        self._door = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = True
        self._groups = 0
        self._long = False
        self._scrub = False
        self._tidy_at = 0.0
        self._pause = _PAUSE
        self.healthy = False

    async def start(self) -> None:
        """Opens the file, brings its tables up to date and starts the thread; raises what stood in the way."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._closed = False
        self._thread = threading.Thread(target=self._run, args=(opened,), name="database-writer", daemon=True)
        self._thread.start()
        await opened

    async def stop(self) -> None:
        """Commits what was posted before and ends the thread."""
        self.healthy = False
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(_Sign.STOP)
        if self._thread:
            await asyncio.to_thread(self._thread.join)

    def post(self, write: Write[T], *, scrub: bool = False) -> asyncio.Future[T]:
        """The future of `write`; with `scrub` the log is truncated before it is resolved. Raises StorageFailed when closed."""
        with self._door:
            if self._closed:
                raise StorageFailed("The database is closed.")
            posted = _Posted(write, self._loop.create_future(), scrub)
            self._queue.put(posted)
        return posted.future

    def scrub_soon(self) -> None:
        """Has the log truncated in the next idle moment, at most about once a second. Never waits and never fails."""
        self._queue.put(_Sign.SCRUB)

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            engine = create_engine(f"sqlite:///{self._path}", isolation_level="AUTOCOMMIT", hide_parameters=True)
            connection = engine.connect()
            for pragma in _PRAGMAS:
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            migrate(connection)
            self._path.chmod(0o600)
        except BaseException as error:
            self._fail_all()
            self._loop.call_soon_threadsafe(opened.set_exception, error)
            return
        self.healthy = True
        self._loop.call_soon_threadsafe(opened.set_result, None)
        try:
            self._serve(connection)
            self._checkpoint(connection, "TRUNCATE")
        except BaseException:
            log.critical("database.writer_died", exc_info=True)
        finally:
            self._fail_all()
            with suppress(SQLAlchemyError):
                connection.close()
                engine.dispose()

    def _serve(self, connection: Connection) -> None:
        stop = False
        while not stop:
            stop = self._gather()
            if self._group:
                self._commit(connection, self._group)
                self._groups += 1
                if any(posted.scrub for posted in self._group):
                    self._scrub = True
                    self._checkpoint(connection, "TRUNCATE")
                self._loop.call_soon_threadsafe(_resolve, self._group)
                self._group = []
            self._tidy(connection)

    def _gather(self) -> bool:
        """Takes what is waiting into the group; waits for the first of it, or until there is something to tidy. True: stop."""
        seconds = max(0.0, self._tidy_at - time.monotonic()) if self._scrub or self._long else None
        with suppress(Empty):
            posted = self._queue.get(timeout=seconds)
            while True:
                if posted is _Sign.STOP:
                    return True
                if posted is _Sign.SCRUB:
                    self._scrub = True
                else:
                    self._group.append(posted)
                if len(self._group) >= _GROUP:
                    break
                posted = self._queue.get_nowait()
        return False

    def _commit(self, connection: Connection, group: list[_Posted]) -> None:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for posted in group:
                self._apply(connection, posted)
            connection.exec_driver_sql("COMMIT")
            self.healthy = True
        except DBAPIError as error:
            log.error("database.not_written", error=str(error.orig))
            self._roll_back(connection)
            failure = _storage_error(error)
            self.healthy = isinstance(failure, StorageFull)
            for posted in group:
                posted.error = posted.error or failure

    def _apply(self, connection: Connection, posted: _Posted) -> None:
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            posted.result = posted.write(connection)
        except Exception as error:
            if _is_of_the_disk(error):
                # Not the function's fault: the whole group fails and is answered so.
                raise
            connection.exec_driver_sql("ROLLBACK TO one")
            posted.error = error
        connection.exec_driver_sql("RELEASE one")

    @staticmethod
    def _roll_back(connection: Connection) -> None:
        try:
            if connection.connection.dbapi_connection.in_transaction:
                connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError as error:
            # The next BEGIN fails then, and this is tried again.
            log.error("database.not_rolled_back", error=str(error))

    def _tidy(self, connection: Connection) -> None:
        """Moves the log into the file now and then, also under steady load; shortens it when nobody waits."""
        due = (self._scrub or self._long) and time.monotonic() >= self._tidy_at
        loaded = self._groups >= _GROUPS_A_CHECKPOINT
        if due and (loaded or self._queue.empty()):
            self._checkpoint(connection, "TRUNCATE")
        elif loaded:
            self._checkpoint(connection, "PASSIVE")

    def _checkpoint(self, connection: Connection, mode: str) -> None:
        """Never raises an error of the disk. A TRUNCATE that did not come through is wanted again, after a growing pause."""
        self._groups = 0
        try:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_CHECKPOINT_BUSY_MS}")
            try:
                busy, frames, _ = connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})").one()
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_MS}")
        except SQLAlchemyError as error:
            log.error("database.checkpoint_failed", mode=mode, error=str(getattr(error, "orig", error)))
            busy, frames = 1, _LONG_FRAMES + 1
        # The file never shrinks by itself; what counts is how many frames of it are in use.
        self._long = frames > _LONG_FRAMES
        if mode == "TRUNCATE":
            self._scrub = self._scrub and bool(busy)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE) if busy else _PAUSE
            self._tidy_at = time.monotonic() + self._pause

    def _fail_all(self) -> None:
        """The end of the thread, whatever its reason: nobody waits for it any more."""
        with self._door:
            self._closed = True
            self.healthy = False
        left = self._group
        with suppress(Empty):
            while True:
                posted = self._queue.get_nowait()
                if isinstance(posted, _Posted):
                    left.append(posted)
        for posted in left:
            posted.error = posted.error or StorageFailed("The database cannot be written.", retry_after=30)
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(_resolve, left)


def _is_of_the_disk(error: Exception) -> bool:
    """Whether SQLite could not write: an I/O error, a full disk, a damaged file. Constraints are the caller's affair."""
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and type(error.orig) is sqlite3.DatabaseError)


def _storage_error(error: DBAPIError) -> MyelinError:
    if "full" in str(error.orig):
        return StorageFull("There is no space left to store this.", retry_after=30)
    return StorageFailed("The database cannot be written.", retry_after=30)


def _resolve(group: list[_Posted]) -> None:
    for posted in group:
        if posted.future.done():
            continue
        if posted.error is not None:
            posted.future.set_exception(posted.error)
        else:
            posted.future.set_result(posted.result)
