import asyncio
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Connection, column, delete, insert, select, table, update
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from core.errors import StorageFull
from models import jobs, state
from store import writer
from store.database import Database, StorageFailed
from store.schema import MIGRATIONS, migrate


def put(name: str, value: str = "1"):
    return lambda connection: connection.execute(insert(state).values(name=name, value=value)) and name


async def names(database: Database) -> list[str]:
    return [row["name"] for row in await database.read(select(state.c.name).order_by(state.c.name))]


async def test_an_awaited_write_is_visible_to_another_connection(database, tmp_path):
    assert await database.write(put("a")) == "a"
    other = sqlite3.connect(tmp_path / "myelin.db")
    assert other.execute("select name from state").fetchall() == [("a",)]
    assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    other.close()


async def test_the_writer_syncs_fully(database):
    assert await database.write(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar()) == 2
    assert await database.write(lambda connection: connection.exec_driver_sql("PRAGMA secure_delete").scalar()) == 1


async def test_a_failing_write_undoes_itself_and_not_its_neighbours(database):
    def half(connection):
        connection.execute(insert(state).values(name="half", value="1"))
        raise ValueError("no")

    results = await asyncio.gather(
        database.write(put("a")), database.write(half), database.write(put("b")), return_exceptions=True
    )
    assert results[0] == "a" and results[2] == "b"
    assert isinstance(results[1], ValueError)
    assert await names(database) == ["a", "b"]


async def test_a_broken_constraint_reaches_its_caller_only(database):
    await database.write(put("a"))
    with pytest.raises(IntegrityError):
        await database.write(put("a"))
    assert await names(database) == ["a"]


async def test_a_thousand_writers_are_grouped_and_all_answered(database):
    assert await asyncio.gather(*(database.write(put(f"{n:04}")) for n in range(1000))) == [f"{n:04}" for n in range(1000)]
    assert len(await names(database)) == 1000


async def test_statements_of_one_change_are_written_together_and_the_last_one_is_counted(database):
    await database.write(put("a"))
    renamed = update(state).values(value="x")
    assert await database.change(insert(state).values(name="b", value=""), renamed) == 2
    with pytest.raises(IntegrityError):
        await database.change(delete(state), insert(state).values(name="c"))
    assert await names(database) == ["a", "b"]


async def test_readers_cannot_write(database):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database._readers[0].execute("insert into state values ('x', '1')")


async def test_a_full_disk_is_a_typed_error_and_the_next_write_works(database):
    def full(_connection):
        raise OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full"))

    with pytest.raises(StorageFull) as raised:
        await database.write(full)
    assert raised.value.retry_after
    assert await database.write(put("after")) == "after"
    assert await names(database) == ["after"]


async def test_a_failing_disk_marks_the_database_unhealthy_until_it_writes_again(database):
    def broken(_connection):
        raise OperationalError("insert", {}, sqlite3.OperationalError("disk I/O error"))

    with pytest.raises(StorageFailed):
        await database.write(broken)
    assert not database.healthy
    await database.write(put("a"))
    assert database.healthy


async def test_a_cancelled_caller_does_not_break_the_writer(database):
    task = asyncio.ensure_future(database.write(put("a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(put("b"))
    assert await names(database) == ["a", "b"]


async def test_scrubbing_leaves_nothing_of_erased_content_on_the_disk(database, tmp_path):
    secret = "texto muito secreto do contrato"
    await database.write(put("doc", secret))
    await database.write(lambda connection: connection.execute(state.delete()) and None)
    await database.scrub()
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())


async def test_content_survives_a_restart(tmp_path):
    for expected in (["a"], ["a", "b"]):
        database = Database(tmp_path / "myelin.db")
        await database.start()
        await database.write(put(expected[-1]))
        assert await names(database) == expected
        await database.close()


async def test_a_closed_database_refuses_writes(tmp_path):
    database = Database(tmp_path / "myelin.db")
    await database.start()
    await database.close()
    with pytest.raises(StorageFailed):
        await database.write(put("a"))


async def test_a_file_of_an_older_version_gets_what_it_lacks_and_loses_the_indexes_that_nobody_asks(tmp_path):
    path = tmp_path / "myelin.db"
    database = Database(path)
    await database.start()
    await database.write(put("kept"))
    await database.close()
    with closing(sqlite3.connect(path)) as older:
        older.executescript("DROP INDEX jobs_by_content; ALTER TABLE jobs DROP COLUMN reader; PRAGMA user_version = 1")
        older.execute("CREATE INDEX jobs_by_nothing ON jobs (id)")
    await database.start()
    assert await names(database) == ["kept"]
    await database.close()
    with closing(sqlite3.connect(path)) as now:
        assert {row[1] for row in now.execute("PRAGMA table_info(jobs)")} == {column.name for column in jobs.columns}
        indexes = {row[1] for row in now.execute("PRAGMA index_list(jobs)") if row[3] == "c"}
        assert {index.name for index in jobs.indexes} == indexes


async def test_a_file_of_a_newer_version_is_refused(database):
    def newer(connection):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        migrate(connection)

    with pytest.raises(RuntimeError, match="newer"):
        await database.write(newer)


async def test_the_file_is_private(database, tmp_path):
    assert (tmp_path / "myelin.db").stat().st_mode & 0o077 == 0


async def test_a_reader_that_fails_is_a_typed_error(database, monkeypatch):
    async def broken(*_arguments):
        raise sqlite3.OperationalError("disk I/O error")

    for reader in database._readers:
        monkeypatch.setattr(reader, "execute_fetchall", broken)
    with pytest.raises(StorageFailed):
        await names(database)


class Disk:
    """Statements that begin with a word of `broken` fail as a disk fails; `seen` has all that were run."""

    def __init__(self, monkeypatch):
        self.broken, self.seen, real = (), [], Connection.exec_driver_sql

        def run(connection, statement, *rest):
            self.seen.append(statement)
            if statement.startswith(self.broken or ("nothing",)):
                raise DatabaseError(statement, {}, sqlite3.DatabaseError("disk I/O error"))
            return real(connection, statement, *rest)

        monkeypatch.setattr(Connection, "exec_driver_sql", run)


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_checkpoint_that_fails_ends_nothing(database, disk):
    disk.broken = ("PRAGMA wal_checkpoint",)
    async with asyncio.timeout(5):
        await database.scrub()
        assert await database.write(put("a")) == "a"
    assert database.healthy and await names(database) == ["a"]


@pytest.mark.parametrize("broken", [("BEGIN",), ("COMMIT",), ("COMMIT", "ROLLBACK"), ("SAVEPOINT",), ("RELEASE",)])
async def test_whatever_fails_in_a_commit_is_answered_and_the_next_write_works(database, disk, broken):
    disk.broken = broken
    async with asyncio.timeout(5):
        for _ in range(2):
            with pytest.raises(StorageFailed):
                await database.write(put("a"))
        assert not database.healthy
        disk.broken = ()
        if "ROLLBACK" in broken:  # the transaction that could not be ended is ended first
            with pytest.raises(StorageFailed):
                await database.write(put("a"))
        assert await database.write(put("b")) == "b"
    assert database.healthy and await names(database) == ["b"]


async def test_an_unforeseen_end_of_the_writer_leaves_nobody_waiting(database, monkeypatch):
    def dies(_self, _connection, _group):
        raise MemoryError

    monkeypatch.setattr(writer, "_GROUP", 2)
    monkeypatch.setattr(writer.Writer, "_commit", dies)
    async with asyncio.timeout(5):
        results = await asyncio.gather(*(database.write(put(str(n))) for n in range(9)), return_exceptions=True)
        assert [type(result) for result in results] == [StorageFailed] * 9
        assert not database.healthy
        with pytest.raises(StorageFailed):
            await database.write(put("later"))
        with pytest.raises(StorageFailed):
            await database.scrub()
        database.scrub_soon()
        assert await names(database) == []


async def test_errors_do_not_repeat_what_was_to_be_stored(database):
    await database.write(put("a"))
    with pytest.raises(IntegrityError) as raised:
        await database.write(put("a", "conteudo do contrato"))
    assert "contrato" not in str(raised.value)


async def test_under_steady_load_the_log_stays_short(database, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_GROUPS_A_CHECKPOINT", 4)
    for number in range(100):
        await database.write(put(f"{number:03}"))
    assert (tmp_path / "myelin.db-wal").stat().st_size < 20 * 4120 * 4
    assert len(await names(database)) == 100


async def test_a_long_log_is_checkpointed_once_and_truncated_when_nobody_waits(database, disk, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_GROUPS_A_CHECKPOINT", 3)
    monkeypatch.setattr(writer, "_LONG_FRAMES", 8)
    wal = tmp_path / "myelin.db-wal"
    await asyncio.gather(*(database.write(put(f"{n}", "x" * 5000)) for n in range(40)))
    await database.write(put("b"))
    await database.write(put("c"))
    await until(lambda: wal.stat().st_size == 0)
    # The file is short again, so the next groups need no checkpoint of their own.
    before = len(disk.seen)
    await database.write(put("d"))
    assert not [statement for statement in disk.seen[before:] if "wal_checkpoint" in statement]


async def test_scrubbing_is_tried_again_while_somebody_reads_an_older_state(database, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_PAUSE", 0.001)
    monkeypatch.setattr(writer, "_LONGEST_PAUSE", 0.01)
    secret, wal = b"texto muito secreto", tmp_path / "myelin.db-wal"
    await database.write(put("doc", secret.decode()))
    other = sqlite3.connect(tmp_path / "myelin.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("select * from state").fetchall()
    await database.write(lambda connection: connection.execute(state.delete()) and None)
    await database.scrub()
    assert secret in wal.read_bytes()
    other.close()
    await until(lambda: wal.stat().st_size == 0)
    assert secret not in (tmp_path / "myelin.db").read_bytes()


async def test_scrubbing_soon_empties_the_log_by_itself_and_not_each_time(database, disk, tmp_path, monkeypatch):
    wal = tmp_path / "myelin.db-wal"
    await database.write(put("a"))
    assert wal.stat().st_size
    database.scrub_soon()
    await until(lambda: wal.stat().st_size == 0)
    monkeypatch.setattr(writer, "_PAUSE", 3600)
    for number in range(20):
        await database.write(put(str(number)))
        database.scrub_soon()
    await database.write(put("last"))
    assert len([statement for statement in disk.seen if "wal_checkpoint" in statement]) <= 2


async def test_a_file_that_cannot_be_read_is_a_typed_error(database):
    with pytest.raises(StorageFailed):
        await database.read(select(column("x")).select_from(table("missing")))
    await database.close()
    with pytest.raises(StorageFailed):
        await names(database)
