import asyncio

import pytest
from sqlalchemy import select

from core.errors import Conflict
from models import Stage, calls
from models import daily as calls_daily
from models import hourly as calls_hourly
from operations import retention as room
from operations.retention import Retention
from store.calls import Calls, Sums
from store.files import Files
from store.jobs import Jobs
from store.outbox import Outbox
from tests.unit.store.test_calls import PLAIN


async def test_what_has_had_its_time_is_gone_from_database_and_disk(database, jobs, values, clock, ticking, tmp_path):
    files = Files(tmp_path)
    files.prepare()
    job_id = values()["id"]
    incoming = files.receive(job_id)
    await incoming.write(b"conteudo do documento")
    await incoming.keep()
    await jobs.create(values(prompt="pergunta confidencial"))
    for stage in Stage:
        await jobs.claim(job_id, stage, "boot")
        contents = [(1, b'"texto confidencial da pagina"')] if stage is Stage.EXTRACTION else []
        await jobs.advance(job_id, stage, "boot", {"answer": '"resposta confidencial"'}, contents)
    retention = Retention(database, jobs, files, Outbox(database, clock), Calls(database), clock)
    assert await retention.erase_expired() == 0
    assert files.path(job_id).exists()
    ticking.time += 3601
    assert await retention.erase_expired() == 1
    assert not files.path(job_id).exists()
    assert await jobs.get(job_id, None) is None
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"confidencial" not in left and b"conteudo do documento" not in left


@pytest.mark.parametrize(("hours", "forgotten"), [(23, False), (25, True)])
async def test_an_idempotency_key_holds_for_a_day(database, jobs, values, clock, ticking, tmp_path, hours, forgotten):
    looked = asyncio.Event()

    class Last(Calls):
        async def forget(self, *before):
            looked.set()
            return await super().forget(*before)

    files = Files(tmp_path)
    files.prepare()
    await jobs.create(values(), ("key", "same"))
    await jobs.cancel(values()["id"], None)
    ticking.time += hours * 3600
    rounds = asyncio.create_task(Retention(database, jobs, files, Outbox(database, clock), Last(database), clock).run())
    await asyncio.wait_for(looked.wait(), 10)
    rounds.cancel()
    if forgotten:
        assert (await jobs.create(values(2), ("key", "same")))[1]
    else:
        with pytest.raises(Conflict):
            await jobs.create(values(2), ("key", "same"))


async def test_one_bad_step_ends_neither_the_round_nor_the_loop(database, jobs, clock, tmp_path, monkeypatch):
    done, rounds = [], asyncio.Event()
    retention = Retention(database, jobs, Files(tmp_path), Outbox(database, clock), Calls(database), clock)

    async def expired():
        done.append("erase")
        if done.count("erase") == 3:
            rounds.set()
        raise ZeroDivisionError

    async def swept(_known):
        done.append("sweep")
        raise OSError

    async def forgotten(_before):
        done.append("forget")

    monkeypatch.setattr(room, "_PERIOD", 0)
    monkeypatch.setattr(jobs, "expired", expired)
    monkeypatch.setattr(retention._files, "sweep", swept)
    monkeypatch.setattr(retention._outbox, "forget", forgotten)
    task = asyncio.create_task(retention.run())
    async with asyncio.timeout(5):
        await rounds.wait()
    assert done == ["erase", "sweep", "forget", "erase", "erase"] and not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_job_that_is_tried_again_meanwhile_keeps_its_file(database, jobs, values, clock, ticking, tmp_path):
    files = Files(tmp_path)
    files.prepare()
    job_id = values()["id"]
    incoming = files.receive(job_id)
    await incoming.write(b"conteudo")
    await incoming.keep()
    await jobs.create(values())
    await jobs.claim(job_id, Stage.EXTRACTION, "boot")
    await jobs.fail(job_id, Stage.EXTRACTION, "boot", {"code": "x"})
    ticking.time += 3601

    class Hurried(Jobs):
        async def expired(self, limit=200):
            found = await super().expired(limit)
            if found:
                await self.retry(job_id, None, None)
            return found

    hurried = Hurried(database, clock, 3600)
    retention = Retention(database, hurried, files, Outbox(database, clock), Calls(database), clock)
    assert await retention.erase_expired() == 0
    assert files.path(job_id).exists() and (await jobs.get(job_id, None))["status"] == "queued"


async def test_the_audit_is_kept_for_its_days_and_its_sums_longer(database, jobs, clock, ticking, tmp_path):
    """Rows by AUDIT_DAYS, hours for ninety days, days for good."""
    day, book = 86400.0, Calls(database)
    ticking.time = 1.7e9
    for age in (1, 2.9, 3.1, 89, 92):
        await book.add([PLAIN._replace(created_at=ticking.time - age * day)], Sums())
    outbox = Outbox(database, clock)
    retention = Retention(database, jobs, Files(tmp_path), outbox, book, clock, audit_days=3)
    await retention._forget()
    kept = [await database.read(select(table.c.ms)) for table in (calls, calls_hourly, calls_daily)]
    assert [len(rows) for rows in kept] == [2, 4, 5]
