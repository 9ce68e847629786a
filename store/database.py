"""SQLite with one writer: every commit and every checkpoint goes through one connection owned by one thread.

Callers post functions; what is waiting is run in one `BEGIN IMMEDIATE … COMMIT`, each function in a savepoint of its
own, and the futures are resolved after the commit, so an awaited write is on the disk (`synchronous=FULL`). All other
connections are read-only. That makes "database is locked", half transactions and SQLite's WAL-reset race (3.7.0 to
3.51.2, two writers) impossible by construction.
"""

import sqlite3
from functools import lru_cache
from pathlib import Path

import aiosqlite
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import Executable, Select

from core.logs import get_logger
from store.writer import StorageFailed, T, Write, Writer

__all__ = ["SQLITE_VERSION", "Database", "StorageFailed", "Write"]

SQLITE_VERSION = sqlite3.sqlite_version
_DIALECT = sqlite.dialect(paramstyle="named")

_STATEMENTS = 64  # compiled ones that are kept; compiling takes ten times as long as running

log = get_logger()


@lru_cache(_STATEMENTS)
def _compiled(statement: Select) -> tuple[str, dict[str, object]]:
    """SQL with named parameters, and the values that the statement itself holds."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(compiled), compiled.params


class Database:
    """`await write(fn)` runs `fn(connection)` durably; `await read(select)` gives rows as mappings."""

    def __init__(self, path: Path, readers: int = 2):
        self._path = path
        self._reader_count = readers
        self._writer = Writer(path)
        self._readers: list[aiosqlite.Connection] = []
        self._next_reader = 0

    @property
    def healthy(self) -> bool:
        """Whether the last commit came through and more can be written."""
        return self._writer.healthy

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer = Writer(self._path)
        await self._writer.start()
        for _ in range(self._reader_count):
            reader = await aiosqlite.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            await reader.execute("PRAGMA query_only = ON")
            reader.row_factory = sqlite3.Row
            self._readers.append(reader)

    async def close(self) -> None:
        readers, self._readers = self._readers, []
        for reader in readers:
            await reader.close()
        await self._writer.stop()

    async def write(self, write: Write[T]) -> T:
        """Runs `write` in the writer's thread and returns its result once it is on the disk.

        Raises what `write` raised (its own changes are undone, its neighbours' are not), StorageFull when the disk is
        full and StorageFailed when the database cannot be written. A cancelled caller does not undo the write.
        """
        return await self._writer.post(write)

    async def change(self, *statements: Executable) -> int:
        """Runs these in one transaction; how many rows the last one has changed. Raises as `write` does."""
        return await self._writer.post(lambda connection: [connection.execute(one).rowcount for one in statements][-1])

    async def scrub(self) -> None:
        """Empties the write-ahead log, where erased content would else stay readable until it is overwritten.

        While somebody reads an older state that cannot be done; the writer then tries again until it is.
        """
        await self._writer.post(lambda _connection: None, scrub=True)

    def scrub_soon(self) -> None:
        """`scrub` in the writer's next idle moment, at most about once a second, without waiting for it."""
        self._writer.scrub_soon()

    async def read(self, statement: Select, **values: object) -> list[sqlite3.Row]:
        """`values` are those of its `bindparam`s: a statement that is kept is compiled once. Raises StorageFailed."""
        if not self._readers:
            raise StorageFailed("The database is closed.")
        text, own = _compiled(statement)
        reader = self._readers[self._next_reader % len(self._readers)]
        self._next_reader += 1
        try:
            return list(await reader.execute_fetchall(text, own | values))
        except sqlite3.Error as error:
            log.error("database.not_read", error=str(error))
            raise StorageFailed("The database cannot be read.", retry_after=30) from error
