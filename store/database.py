"""SQLite with one writer: every commit and every checkpoint goes through one connection owned by one thread.

Callers post functions; what is waiting is run in one `BEGIN IMMEDIATE … COMMIT`, each function in a savepoint of its
own, and the futures are resolved after the commit, so an awaited write is on the disk (`synchronous=FULL`). All other
connections are read-only. That makes "database is locked", half transactions and SQLite's WAL-reset race (3.7.0 to
3.51.2, two writers) impossible by construction.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import Select

from core.errors import MyelinError, StorageFull
from store.schema import migrate

T = TypeVar("T")
Write = Callable[[Connection], T]

SQLITE_VERSION = sqlite3.sqlite_version
_GROUP = 200
_CHECKPOINT_PAGES = 4096
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "mmap_size = 0",
    "foreign_keys = ON",
    "secure_delete = ON",
    "wal_autocheckpoint = 0",
    "busy_timeout = 5000",
)
_DIALECT = sqlite.dialect(paramstyle="named")


class StorageFailed(MyelinError):
    status, code, title, retryable = 503, "storage_failed", "The database cannot be written", True
    default_hint = "Look at the disk of DATA_DIR; nothing that was accepted is lost."


class _Posted:
    __slots__ = ("error", "future", "result", "write")

    def __init__(self, write: Write, future: asyncio.Future):
        self.write, self.future = write, future
        self.result: Any = None
        self.error: BaseException | None = None


class Database:
    """`await write(fn)` runs `fn(connection)` durably; `await read(select)` gives rows as mappings."""

    def __init__(self, path: Path, readers: int = 2):
        self._path = path
        self._reader_count = readers
        self._posted: SimpleQueue[_Posted | None] = SimpleQueue()
        self._readers: list[aiosqlite.Connection] = []
        self._next_reader = 0
        self._thread: threading.Thread | None = None
        self._scrub = False
        self.healthy = False

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="database-writer", daemon=True)
        self._thread.start()
        await opened
        for _ in range(self._reader_count):
            reader = await aiosqlite.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            await reader.execute("PRAGMA query_only = ON")
            reader.row_factory = sqlite3.Row
            self._readers.append(reader)
        self.healthy = True

    async def close(self) -> None:
        self.healthy = False
        for reader in self._readers:
            await reader.close()
        self._readers.clear()
        if self._thread:
            self._posted.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def write(self, write: Write[T]) -> T:
        """Runs `write` in the writer's thread and returns its result once it is on the disk.

        Raises what `write` raised (its own changes are undone, its neighbours' are not), StorageFull when the disk is
        full and StorageFailed when the database cannot be written. A cancelled caller does not undo the write.
        """
        if not self._thread:
            raise StorageFailed("The database is closed.")
        posted = _Posted(write, self._loop.create_future())
        self._posted.put(posted)
        return await posted.future

    async def scrub(self) -> None:
        """Empties the write-ahead log, where erased content would else stay readable until it is overwritten."""
        self._scrub = True
        await self.write(lambda _connection: None)

    async def read(self, statement: Select) -> list[sqlite3.Row]:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        reader = self._readers[self._next_reader]
        self._next_reader = (self._next_reader + 1) % len(self._readers)
        return list(await reader.execute_fetchall(str(compiled), compiled.params))

    # ---- the writer's thread -------------------------------------------------------------------------------------

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            engine = create_engine(f"sqlite:///{self._path}", isolation_level="AUTOCOMMIT")
            connection = engine.connect()
            for pragma in _PRAGMAS:
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            migrate(connection)
            self._path.chmod(0o600)
        except BaseException as error:
            self._loop.call_soon_threadsafe(opened.set_exception, error)
            return
        self._loop.call_soon_threadsafe(opened.set_result, None)
        self._serve(connection)
        self._checkpoint(connection, "TRUNCATE")
        connection.close()
        engine.dispose()

    def _serve(self, connection: Connection) -> None:
        while (first := self._posted.get()) is not None:
            group = [first]
            stop = False
            while len(group) < _GROUP and not self._posted.empty():
                posted = self._posted.get()
                if posted is None:
                    stop = True
                    break
                group.append(posted)
            self._commit(connection, group)
            if self._scrub:
                self._scrub = False
                self._checkpoint(connection, "TRUNCATE")
            self._loop.call_soon_threadsafe(_resolve, group)
            if stop:
                return
            if self._wal_pages() > _CHECKPOINT_PAGES and self._posted.empty():
                self._checkpoint(connection, "PASSIVE")

    def _commit(self, connection: Connection, group: list[_Posted]) -> None:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for posted in group:
                self._apply(connection, posted)
            connection.exec_driver_sql("COMMIT")
            self.healthy = True
        except OperationalError as error:
            if connection.connection.dbapi_connection.in_transaction:
                connection.exec_driver_sql("ROLLBACK")
            failure = _storage_error(error)
            self.healthy = isinstance(failure, StorageFull)
            for posted in group:
                posted.error = posted.error or failure

    def _apply(self, connection: Connection, posted: _Posted) -> None:
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            posted.result = posted.write(connection)
        except OperationalError:
            # The disk's fault, not the function's: the whole group fails and is answered so.
            raise
        except Exception as error:
            connection.exec_driver_sql("ROLLBACK TO one")
            posted.error = error
        connection.exec_driver_sql("RELEASE one")

    def _wal_pages(self) -> int:
        wal = self._path.with_name(self._path.name + "-wal")
        return wal.stat().st_size // 4096 if wal.exists() else 0

    @staticmethod
    def _checkpoint(connection: Connection, mode: str) -> None:
        connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})").fetchall()


def _storage_error(error: OperationalError) -> MyelinError:
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
