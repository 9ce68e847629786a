"""Calls that are over reach the disk in batches, and never hold up or break what ends them."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import select

from core.clock import Clock
from core.errors import Overloaded
from gateway import usage as room
from gateway.grants import NANO, Grant
from gateway.ledger import Ledger
from gateway.pricelist import PriceList
from gateway.prices import Prices
from gateway.usage import Book, open_metering
from models import calls, hourly
from providers.types import Usage
from store.calls import Calls
from store.database import StorageFailed
from tests.unit.gateway.test_service import box, house

CLOCK = Clock(now=lambda: 1.7e9, monotonic=lambda: 5.0)


class Disk:
    """Keeps what is saved; fails as often as it is told."""

    def __init__(self, *errors):
        self.errors, self.records, self.sums = list(errors), [], []

    async def save(self, records, sums):
        if self.errors:
            raise self.errors.pop(0)
        self.records += records
        self.sums += sums.rows(3600)


def asked(book, count=1, **changes):
    ledger = Ledger(settled=book.add, prices=Prices([("*", {"input": 1e6})]))
    for _ in range(count):
        wanted = {"front": "openai", "operation": "chat", "model": "m", "request_id": "r", "stream": True} | changes
        with ledger.enter(Grant("k"), **wanted) as call:
            call.route("openai", "gpt-5", input_tokens=3, max_output=1)
            call.attempts.count = 2
            call.settle("ok", usage=Usage(3, 1), http_status=200, finish_reason="stop")


async def test_a_call_is_written_as_it_was():
    disk = Disk()
    book = Book(disk.save, CLOCK)
    asked(book)
    await book.flush()
    (record,) = disk.records
    assert record[:18] == (
        1.7e9,
        "r",
        "k",
        "openai",
        "chat",
        "openai",
        "m",
        "gpt-5",
        200,
        "ok",
        None,
        "stop",
        True,
        2,
        3,
        0,
        0,
        1,
    )
    assert (record.cost, record.ttft_ms) == (3 * NANO, None) and record.ms >= 0
    await book.flush()
    assert len(disk.records) == 1


async def test_what_the_disk_does_not_take_now_it_takes_later():
    disk = Disk(StorageFailed("The database is closed."), Overloaded("Full."))
    book = Book(disk.save, CLOCK, most_rows=2)
    asked(book, 3)
    for _ in range(2):
        await book.flush()
        assert not disk.records
    asked(book, 1)
    await book.flush()
    assert len(disk.records) == 2 and disk.sums[0][4:6] == (2, 2)
    assert (book.unlisted, book.lost) == (2, 0)


async def test_a_record_that_cannot_be_written_does_not_stand_in_the_way(capsys):
    disk = Disk(OverflowError("int too large"))
    book = Book(disk.save, CLOCK)
    asked(book, 2)
    await book.flush()
    asked(book)
    await book.flush()
    assert len(disk.records) == 1 and book.lost == 2


async def test_more_than_can_be_kept_is_summed_and_more_than_that_is_counted():
    disk = Disk()
    book = Book(disk.save, CLOCK, most_rows=1, most_sums=1)
    asked(book, 2)
    book.add(_another(book))
    assert (book.unlisted, book.lost) == (1, 1)
    await book.flush()
    assert len(disk.records) == 1 and len(disk.sums) == 1


def _another(book):
    over = []
    ledger = Ledger(settled=over.append)
    with ledger.enter(Grant("other"), front="ollama", operation="chat", model="m", request_id="r", stream=False):
        pass
    return over[0]


async def test_hostile_names_are_written_too(database):
    book = Book(Calls(database).add, CLOCK)
    asked(book, model="a\ud800" + "x" * 100_000)
    await book.flush()
    (row,) = await database.read(select(calls.c.model))
    assert row["model"].startswith("a?x") and len(row["model"]) == 200 and book.lost == 0


@pytest.mark.parametrize(("period", "calls"), [(0.001, 1), (1000.0, 1000)])
async def test_the_book_is_written_when_its_time_has_come_or_when_it_is_full(monkeypatch, period, calls):
    monkeypatch.setattr(room, "PERIOD", period)
    disk, written = Disk(), asyncio.Event()

    async def save(records, sums):
        await disk.save(records, sums)
        written.set()

    book = Book(save, CLOCK)
    running = asyncio.create_task(book.run())
    for times in (1, 2):
        asked(book, calls)
        async with asyncio.timeout(10):
            await written.wait()
        written.clear()
        assert len(disk.records) == times * calls
    running.cancel()
    await asyncio.wait([running])


async def test_a_restart_knows_what_was_spent_and_a_stop_writes_the_rest(database):
    async with AsyncExitStack() as stack:
        metering, _ = await open_metering(Calls(database), house(box()), CLOCK, [("*", {"input": 1e6})], PriceList(), stack)
        with metering.ledger.enter(Grant("k"), front="openai", operation="chat", model="m", request_id="r", stream=False) as call:
            call.route("openai", "gpt-5", input_tokens=3, max_output=1)
            call.settle("ok", usage=Usage(3, 1), http_status=200)
    assert len(await database.read(select(hourly.c.calls))) == 1
    async with AsyncExitStack() as stack:
        metering, _ = await open_metering(Calls(database), house(box()), CLOCK, (), PriceList(), stack)
        spent = metering.ledger.account("k").spending.all(CLOCK.now())
        assert spent == dict.fromkeys(("day", "week", "month", "total"), 3 * NANO)
