"""From a call that is over to its row: kept in memory for at most a second, or until there are a thousand, then written in one
batch beside the requests.

A crash loses what was not written yet, at most `PERIOD` seconds of rows and of spent money; a stop loses nothing. When calls
end faster than they can be written, their sums are kept and their rows are not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, NamedTuple

from core.clock import Clock
from core.errors import MyelinError
from core.logs import get_logger
from gateway.calls import Call
from gateway.grants import PERIODS, period_start
from gateway.ledger import Ledger
from gateway.pricelist import PriceList
from gateway.prices import Prices
from gateway.service import BUILTIN, Gateway
from store.calls import Calls, Record, Sums

PERIOD = 1.0
_BATCH = 1000
_MOST_ROWS = 50_000
_MOST_SUMS = 10_000
_NAME = 200

log = get_logger()
Save = Callable[[list[Record], Sums], Awaitable[Any]]


class Book:
    """`add` takes calls that are over. `unlisted` are those whose rows were given up, `lost` those that left no sums either."""

    def __init__(self, save: Save, clock: Clock, *, most_rows: int = _MOST_ROWS, most_sums: int = _MOST_SUMS):
        self._save, self._clock, self._most_rows, self._most_sums = save, clock, most_rows, most_sums
        self._records: list[Record] = []
        self._sums = Sums()
        self._flushing = asyncio.Lock()
        self._full = asyncio.Event()
        self.unlisted = self.lost = 0

    def add(self, call: Call) -> None:
        """Never waits and never fails."""
        record = _record(call, self._clock.now())
        if len(self._records) < self._most_rows:
            self._records.append(record)
            if len(self._records) == _BATCH:
                self._full.set()
        elif len(self._sums) < self._most_sums:
            self._sums.add([record], listed=False)
            self.unlisted += 1
        else:
            self.lost += 1

    async def run(self) -> None:
        """For ever."""
        told = 0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD):
                    await self._full.wait()
            self._full.clear()
            await self.flush()
            if self.unlisted + self.lost > told:
                told = self.unlisted + self.lost
                log.warning("audit.overflowed", unlisted=self.unlisted, lost=self.lost)

    async def flush(self) -> None:
        """Writes what there is; what the disk does not take now is tried again the next time."""
        async with self._flushing:
            while self._records or len(self._sums):
                records, sums = self._records[:_BATCH], self._sums
                self._records, self._sums = self._records[_BATCH:], Sums()
                try:
                    await self._save(records, sums)
                except MyelinError as error:
                    self._take_back(records, sums)
                    log.error("audit.not_written", error=error.code, rows=len(self._records))
                    return
                except Exception as error:  # one record that cannot be written must not stand in the way of all that follow
                    self.lost += len(records)
                    log.error("audit.refused", rows=len(records), exc_info=error)

    def _take_back(self, records: list[Record], sums: Sums) -> None:
        self._records = records + self._records
        sums.merge(self._sums)
        self._sums = sums


class Metering(NamedTuple):
    """What the house has of money, by the names of its rooms."""

    ledger: Ledger
    calls: Calls


async def open_metering(
    calls: Calls,
    gateway: Gateway,
    clock: Clock,
    table: Sequence[tuple[str, Mapping[str, float]]],
    listed: PriceList,
    stack: AsyncExitStack,
) -> tuple[Metering, Book]:
    """The ledger, which knows what was spent, and the book that its calls go into; `table` are the operator's prices, which go
    before `listed`.

    When the stack ends the last rows are written.
    """
    local = [BUILTIN, *(name for name in gateway.names if gateway.capabilities(name).local)]
    prices = Prices(table, local=local, listed=listed)
    book = Book(calls.add, clock)
    ledger = Ledger(settled=book.add, prices=prices, monotonic=clock.monotonic, now=clock.now)
    ledger.restore(await calls.spent({period: period_start(period, clock.now()) for period in PERIODS}))
    stack.push_async_callback(book.flush)
    return Metering(ledger, calls), book


def _record(call: Call, now: float) -> Record:
    usage, first_at = call.usage, call.first_at
    return Record(
        now,
        call.request_id,
        call.grant.key_id,
        call.front,
        call.operation,
        call.provider,
        _text(call.model),
        _text(call.served),
        call.http_status,
        call.outcome or "error",
        call.error_code,
        call.finish_reason,
        call.stream,
        call.attempts.count,
        usage.input_uncached,
        usage.cache_read,
        usage.cache_write,
        usage.output_text,
        usage.output_reasoning,
        usage.estimated,
        call.billed,
        round((first_at - call.started_at) * 1000, 2) if first_at else None,
        round((call.ended_at - call.started_at) * 1000, 2),
    )


def _text(name: str) -> str:
    """A name that a client or a provider chose, as the database can hold it."""
    return name if len(name) <= _NAME and name.isascii() else name[:_NAME].encode("utf-8", "replace").decode()
