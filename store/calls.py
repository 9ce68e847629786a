"""The audit: a row a question to a model, and its sums by hour and by day, written together."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, case, delete, func, insert, literal, select
from sqlalchemy.dialects import sqlite

from models import calls, daily, hourly, verdicts
from store.database import Database

_HOUR, _DAY = 3600, 86400
_CHUNK = 2000
#: Rows of one statement. Between two statements this thread waits for its turn beside the event loop, which takes 20 times as
#: long as a row does.
_ROWS = 50
_KEY = ("start", "key_id", "provider", "model")
_SUMS = tuple(column.name for column in hourly.columns if column.name not in _KEY)


class Record(NamedTuple):
    """A row of `calls` but for its number, in the order of its columns. Times in seconds since 1970, `cost` in billionths of a
    US dollar."""

    created_at: float
    request_id: str
    key_id: str
    front: str
    operation: str
    provider: str
    model: str
    served: str
    status: int
    outcome: str
    error_code: str | None
    finish_reason: str | None
    stream: bool
    attempts: int
    input_uncached: int
    cache_read: int
    cache_write: int
    output_text: int
    output_reasoning: int
    estimated: bool
    cost: int | None
    ttft_ms: float | None
    ms: float


Place = tuple[int, str, str, str]


class Sums:
    """Sums of records by (start of the hour, key, provider, model served)."""

    def __init__(self) -> None:
        self.by_place: dict[Place, list[float]] = {}

    def add(self, records: Sequence[Record], *, listed: bool) -> None:
        groups: dict[Place, list[Record]] = {}
        for record in records:
            hour = int(record.created_at) // _HOUR * _HOUR
            groups.setdefault((hour, record.key_id, record.provider, record.served), []).append(record)
        for place, group in groups.items():
            sums = self.by_place.setdefault(place, [0] * len(_SUMS))
            sums[:] = map(add, sums, _sums(group, listed))

    def merge(self, other: "Sums") -> None:
        for place, sums in other.by_place.items():
            mine = self.by_place.setdefault(place, [0] * len(_SUMS))
            mine[:] = [left + right for left, right in zip(mine, sums, strict=True)]

    def __len__(self) -> int:
        return len(self.by_place)

    def rows(self, stretch: int) -> list[tuple[Any, ...]]:
        """By stretches of so many seconds, in the order of the columns of a table of sums."""
        found: dict[Place, list[float]] = {}
        for (start, *who), sums in self.by_place.items():
            place = (start - start % stretch, *who)
            before = found.get(place)
            found[place] = sums if before is None else [left + right for left, right in zip(before, sums, strict=True)]
        return [(*place, *sums) for place, sums in found.items()]


def _sums(records: Sequence[Record], listed: bool) -> tuple[float, ...]:
    """In the order of `_SUMS`: by columns, each in one go."""
    count, told = len(records), Record(*zip(*records, strict=True))
    used = zip(told.input_uncached, told.cache_read, told.cache_write, told.output_text, told.output_reasoning, strict=True)
    unpriced = sum(cost is None and any(tokens) for cost, tokens in zip(told.cost, used, strict=True)) if None in told.cost else 0
    return (
        count, 0 if listed else count, told.outcome.count("ok"), told.outcome.count("error"), told.outcome.count("client_closed"),
        sum(told.input_uncached), sum(told.cache_read), sum(told.cache_write), sum(told.output_text), sum(told.output_reasoning),
        sum(told.estimated), sum(filter(None, told.cost)), unpriced, count - told.ttft_ms.count(None),
        sum(filter(None, told.ttft_ms)), sum(told.ms),
    )  # fmt: skip


def _insert(table: Table, columns: Sequence[str]) -> str:
    return str(insert(table).compile(dialect=sqlite.dialect(), column_keys=columns))


def _upsert(table: Table) -> str:
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)
    return f"{_insert(table, [*_KEY, *_SUMS])} ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {added}"


_ROW = _insert(calls, Record._fields)
_BLOCK = _ROW + f", {_ROW.partition(' VALUES ')[2]}" * (_ROWS - 1)
_BOOKINGS = ((_HOUR, _upsert(hourly)), (_DAY, _upsert(daily)))


class Calls:
    def __init__(self, database: Database):
        self._database = database

    async def add(self, records: Sequence[Record], unlisted: Sums) -> None:
        """The rows of `records`, and the sums of them and of `unlisted`, in one transaction."""

        def write(connection: Connection) -> None:
            every = Sums()
            every.merge(unlisted)
            every.add(records, listed=True)
            blocks = len(records) // _ROWS * _ROWS
            for start in range(0, blocks, _ROWS):
                connection.exec_driver_sql(_BLOCK, tuple(chain.from_iterable(records[start : start + _ROWS])))
            if len(records) > blocks:
                connection.exec_driver_sql(_ROW, list(records[blocks:]))
            for stretch, statement in _BOOKINGS:
                if rows := every.rows(stretch):
                    connection.exec_driver_sql(statement, rows)

        await self._database.write(write)

    async def spent(self, starts: Mapping[str, float]) -> dict[str, dict[str, int]]:
        """What each key has spent since each of `starts` (name → seconds since 1970), in billionths of a US dollar."""
        columns = [
            func.sum(case((daily.c.start >= literal(int(start)), daily.c.cost), else_=0)).label(name)
            for name, start in starts.items()
        ]
        rows = await self._database.read(select(daily.c.key_id, *columns).group_by(daily.c.key_id))
        return {row["key_id"]: {name: row[name] for name in starts} for row in rows}

    async def sums(self, by: str | None, since: float, key_id: str | None) -> list[sqlite3.Row]:
        """Sums since `since` by `provider`, `model`, `key` or `day`, or of all as one row, from the hours unless whole days do.

        The column `name` says of what. Those that cost the most come first, a thousand of them; days in their order.
        `key_id` alone when it is given.
        """
        table = hourly if since % _DAY else daily
        names = {
            "provider": table.c.provider,
            "model": table.c.model,
            "key": table.c.key_id,
            "day": table.c.start - table.c.start % _DAY,
        }
        name = literal("") if by is None else names[by]
        statement = select(name.label("name"), *(func.total(table.c[one]).label(one) for one in _SUMS))
        statement = statement.where(table.c.start >= int(since))
        if key_id is not None:
            statement = statement.where(table.c.key_id == key_id)
        if by is None:
            return await self._database.read(statement)
        order = (name,) if by == "day" else (func.sum(table.c.cost).desc(), func.sum(table.c.calls).desc(), name)
        return await self._database.read(statement.group_by(name).order_by(*order).limit(1000))

    async def forget(self, rows_before: float, hours_before: float) -> int:
        """Erases the rows, the verdicts and the sums by hour that are older, a bounded number at a time; returns how many. Days
        stay.
        """
        oldest = select(calls.c.seq).where(calls.c.created_at < rows_before).order_by(calls.c.created_at).limit(_CHUNK)
        erased = await self._erase(delete(calls).where(calls.c.seq.in_(oldest)))
        judged = select(verdicts.c.job_id).where(verdicts.c.at < rows_before).order_by(verdicts.c.at).limit(_CHUNK)
        erased += await self._erase(delete(verdicts).where(verdicts.c.job_id.in_(judged)))
        start = await self._database.read(select(func.min(hourly.c.start).label("first")))
        # An hour holds a row for each key and model: few enough for one step.
        while (first := start[0]["first"]) is not None and first + _HOUR <= hours_before:
            erased += await self._erase(delete(hourly).where(hourly.c.start <= first))
            start = await self._database.read(select(func.min(hourly.c.start).label("first")))
        return erased

    async def _erase(self, statement: Any) -> int:
        erased = 0
        while step := await self._database.change(statement):
            erased += step
        return erased
