"""How the models that a name was led to have done: from the rows of calls, and from the verdicts on documents."""

import sqlite3
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, or_, select

from models import calls, verdicts
from store.database import Database

#: Calls that are looked at, the newest: sorting them takes about a fifth of a second of a reader.
MOST_CALLS = 20_000
_BUCKETS = ("input_uncached", "cache_read", "cache_write", "output_text", "output_reasoning")
_ARM = ("model", "provider", "served")
_OF_NAMES = and_(
    or_(calls.c.model == bindparam("name"), calls.c.model == bindparam("other")),
    calls.c.created_at >= bindparam("since"),
    calls.c.served != "",  # refused before it was led anywhere
    or_(bindparam("key").is_(None), calls.c.key_id == bindparam("key")),
)


def _figures() -> Select[Any]:
    newest = (
        select(*(calls.c[one] for one in (*_ARM, "outcome", "cost", "ttft_ms", "ms", *_BUCKETS)))
        .where(_OF_NAMES, calls.c.operation != "count_tokens")
        .order_by(calls.c.created_at.desc())
        .limit(MOST_CALLS)
        .subquery()
    )
    arm = [newest.c[one] for one in _ARM]
    # Times are those of good answers: a refusal is quick.
    good = case((newest.c.outcome == "ok", newest.c.ms))
    first = case((newest.c.outcome == "ok", newest.c.ttft_ms))
    ranked = select(
        *newest.c,
        *(
            func.row_number().over(partition_by=arm, order_by=(time.is_(None), time)).label(f"{name}_rank")
            for name, time in (("ms", good), ("first", first))
        ),
        *(func.count(time).over(partition_by=arm).label(f"{name}_times") for name, time in (("ms", good), ("first", first))),
    ).subquery()

    def percentile(share: float, name: str, column: str) -> Any:
        """By the nearest rank."""
        rank, times = ranked.c[f"{name}_rank"], ranked.c[f"{name}_times"]
        within = and_(rank >= times * share, rank <= times)
        return func.min(case((within, ranked.c[column]))).label(f"{name}_p{round(share * 100)}")

    return select(
        *(ranked.c[one] for one in _ARM),
        func.count().label("calls"),
        *(func.sum(ranked.c.outcome == one).label(one) for one in ("ok", "error", "client_closed")),
        *(func.sum(ranked.c[one]).label(one) for one in (*_BUCKETS, "cost")),
        *(percentile(share, name, column) for name, column in (("ms", "ms"), ("first", "ttft_ms")) for share in (0.5, 0.95)),
    ).group_by(*(ranked.c[one] for one in _ARM))


def _judged() -> Select[Any]:
    # A job that was tried again counts for the model that was asked last.
    last = select(func.max(calls.c.seq)).where(_OF_NAMES, calls.c.front == "documents").group_by(calls.c.request_id)
    return (
        select(
            *(calls.c[one] for one in _ARM),
            func.count().label("documents"),
            *(func.sum(verdicts.c[one]).label(one) for one in ("valid", "sought", "grounded")),
        )
        .join(verdicts, verdicts.c.job_id == calls.c.request_id)
        .where(calls.c.seq.in_(last))
        .group_by(*(calls.c[one] for one in _ARM))
    )


_FIGURES, _JUDGED = _figures(), _judged()


class Outcomes:
    def __init__(self, database: Database):
        self._database = database

    async def calls(self, name: str, other: str, since: float, key_id: str | None) -> list[sqlite3.Row]:
        """By the name asked for (`model`, one of both), `provider` and model `served`: counts, tokens, `cost` in billionths of a
        US dollar, and percentiles of good answers in milliseconds, null without one. `key_id` alone when it is given."""
        return await self._database.read(_FIGURES, name=name, other=other, since=since, key=key_id)

    async def documents(self, name: str, other: str, since: float, key_id: str | None) -> list[sqlite3.Row]:
        """By the same: `documents` that ended with an answer or for want of one, `valid` those with an answer, and of their
        values those `sought` in the document and those that are `grounded` in it."""
        return await self._database.read(_JUDGED, name=name, other=other, since=since, key=key_id)
