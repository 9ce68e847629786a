"""The audit: rows and their sums say the same, and old ones go."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from models import calls, daily, hourly
from store.calls import Calls, Record, Sums

START = 1_700_000_000.0
COUNTS = ("input_uncached", "cache_read", "cache_write", "output_text", "output_reasoning")
PLAIN = Record(
    START,
    "r",
    "k",
    "openai",
    "chat",
    "openai",
    "gpt",
    "gpt-5",
    200,
    "ok",
    None,
    "stop",
    False,
    1,
    10,
    0,
    0,
    5,
    0,
    False,
    7,
    2.0,
    9.0,
)
RECORDS = st.builds(
    PLAIN._replace,
    created_at=st.floats(START, START + 5 * 86400),
    key_id=st.sampled_from("ab"),
    provider=st.sampled_from(["openai", "ollama"]),
    served=st.sampled_from(["x", "y"]),
    outcome=st.sampled_from(["ok", "error", "client_closed"]),
    estimated=st.booleans(),
    cost=st.none() | st.integers(0, 10**12),
    ttft_ms=st.none() | st.integers(0, 1000).map(float),
    ms=st.integers(0, 10_000).map(float),
    **{name: st.integers(0, 10**9) for name in COUNTS},
)


async def rows_of(database, table, *columns):
    return [tuple(row) for row in await database.read(select(*columns).select_from(table))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(RECORDS, max_size=12), min_size=1, max_size=4), unlisted=st.lists(RECORDS, max_size=6))
async def test_the_sums_are_the_sums_of_the_rows_and_of_those_that_were_not_kept(database, batches, unlisted):
    for table in (calls, hourly, daily):
        await database.write(lambda connection, table=table: connection.execute(delete(table)) and None)
    book, dropped = Calls(database), Sums()
    for record in unlisted:
        dropped.add([record], listed=False)
    for batch in batches:
        await book.add(batch, dropped)
        dropped = Sums()
    every = [record for batch in batches for record in batch]
    (kept,) = await rows_of(database, calls, func.count(), *(func.total(calls.c[name]) for name in ("cost", "ms", *COUNTS)))
    assert kept == (
        len(every),
        sum(r.cost or 0 for r in every),
        sum(r.ms for r in every),
        *(sum(getattr(r, n) for r in every) for n in COUNTS),
    )
    for table, stretch in ((hourly, 3600), (daily, 86400)):
        found = await rows_of(
            database, table, table.c.start, table.c.key_id, table.c.provider, table.c.model, table.c.calls, table.c.unlisted,
            table.c.ok + table.c.error + table.c.client_closed, table.c.cost, table.c.unpriced, table.c.first_calls, table.c.estimated,
            *(table.c[name] for name in COUNTS),
        )  # fmt: skip
        wanted: dict[tuple, list] = {}
        for record in [*every, *unlisted]:
            place = (int(record.created_at // stretch) * stretch, record.key_id, record.provider, record.served)
            used = sum(getattr(record, name) for name in COUNTS)
            values = (
                1, 0, 1, record.cost or 0, record.cost is None and used > 0, record.ttft_ms is not None, record.estimated,
                *(getattr(record, name) for name in COUNTS),
            )  # fmt: skip
            wanted[place] = [left + right for left, right in zip(wanted.get(place, [0] * len(values)), values, strict=True)]
        for record in unlisted:
            wanted[(int(record.created_at // stretch) * stretch, record.key_id, record.provider, record.served)][1] += 1
        assert {row[:4]: list(row[4:]) for row in found} == wanted


@pytest.mark.parametrize("count", [49, 50, 51, 137])
async def test_rows_are_kept_in_their_order_however_many_come_at_once(database, count):
    records = [PLAIN._replace(request_id=f"r{number}", ms=float(number)) for number in range(count)]
    await Calls(database).add(records, Sums())
    columns = [calls.c[name] for name in Record._fields]
    assert await rows_of(database, calls, *columns) == [tuple(record) for record in records]


async def test_what_was_spent_is_summed_from_each_start_on(database):
    book = Calls(database)
    day = 86400.0
    await book.add([PLAIN._replace(created_at=START + n * day, cost=10**n) for n in range(3)], Sums())
    await book.add([PLAIN._replace(key_id="free", cost=None)], Sums())
    midnight = START // day * day
    found = await book.spent({"day": midnight + 2 * day, "week": midnight + day, "total": 0.0})
    assert found == {"k": {"day": 100, "week": 110, "total": 111}, "free": {"day": 0, "week": 0, "total": 0}}


async def test_sums_by_what_is_asked_and_of_one_key_alone(database):
    book, hour = Calls(database), 3600
    first = START // hour * hour
    await book.add(
        [
            PLAIN._replace(created_at=first - 1, cost=10**6),
            PLAIN._replace(created_at=first, provider="a", cost=1),
            PLAIN._replace(created_at=first + hour, provider="b", cost=2, key_id="other", served="m"),
        ],
        Sums(),
    )
    assert [(row["name"], row["cost"]) for row in await book.sums("provider", first, None)] == [("b", 2), ("a", 1)]
    assert [(row["name"], row["calls"]) for row in await book.sums("key", first, "k")] == [("k", 1)]
    assert [row["name"] for row in await book.sums("model", first, None)] == ["m", "gpt-5"]
    (whole,) = await book.sums(None, first, None)
    assert (whole["calls"], whole["cost"]) == (2, 3)
    midnight = first // 86400 * 86400
    (day,) = await book.sums("day", midnight, None)
    assert (day["name"], day["cost"]) == (midnight, 10**6 + 3)
    (part,) = await book.sums("day", first, None)  # a day that the range only begins in
    assert (part["name"], part["cost"]) == (midnight, 3)
    assert (await book.sums(None, first + 10 * hour, None))[0]["calls"] == 0


async def test_old_rows_and_old_hours_go_and_days_stay(database, monkeypatch):
    monkeypatch.setattr("store.calls._CHUNK", 2)
    book, day = Calls(database), 86400
    await book.add([PLAIN._replace(created_at=START + n * day) for n in range(10)], Sums())
    assert await book.forget(START + 5 * day, START + 3 * day + 3600) == 5 + 4
    assert min(await rows_of(database, calls, calls.c.created_at)) == (START + 5 * day,)
    assert len(await rows_of(database, hourly, hourly.c.start)) == 6
    assert len(await rows_of(database, daily, daily.c.start)) == 10
