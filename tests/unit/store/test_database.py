import asyncio
import sqlite3

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from core.errors import StorageFull
from models import state
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


async def test_a_file_of_a_newer_version_is_refused(database):
    def newer(connection):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        migrate(connection)

    with pytest.raises(RuntimeError, match="newer"):
        await database.write(newer)


async def test_the_file_is_private(database, tmp_path):
    assert (tmp_path / "myelin.db").stat().st_mode & 0o077 == 0
