"""The outbox of webhooks: rows written with a job's final state, delivered later, each attempt logged.

A message that is settled keeps no address and no body: only its log stays, until `forget`.
"""

import sqlite3

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from core.clock import Clock
from models import deliveries, outbox
from store.database import Database

_PENDING = outbox.c.state == "pending"
_NO_CONTENT = {"url": "", "body": "", "next_at": None}


class Outbox:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def due(self, now: float, limit: int, per_host: int) -> list[sqlite3.Row]:
        """Pending messages whose time has come: in turn over the receivers, the longest due of each first.

        At most `per_host` of one receiver: thousands for one that hangs do not fill the `limit` of all.
        """
        return await self._database.read(_DUE, now=now, limit=limit, per_host=per_host)

    async def record(
        self,
        message_id: str,
        *,
        attempt: int,
        status: int | None,
        ms: float,
        error: str | None,
        state: str,
        next_at: float | None,
    ) -> None:
        """One transaction: the attempt into the log, state and next time (seconds since 1970) into the message.

        `disabled` (the receiver answered 410) also ends every other pending message of the same owner to the same URL. A
        message that was settled meanwhile stays as it is; of one that is gone nothing is kept.
        """
        log = {"outbox_id": message_id, "attempt": attempt, "at": self._clock.now(), "status": status, "ms": ms, "error": error}
        changes = {"attempts": attempt, "state": state, "next_at": next_at} | ({} if state == "pending" else _NO_CONTENT)

        def write(connection: Connection) -> None:
            message = select(outbox.c.owner, outbox.c.url, outbox.c.state).where(outbox.c.id == message_id)
            row = connection.execute(message).one_or_none()
            if row is None:
                return
            connection.execute(insert(deliveries).values(**log))
            if row.state != "pending":
                return
            connection.execute(update(outbox).where(outbox.c.id == message_id).values(**changes))
            if state == "disabled":
                same = (outbox.c.owner == row.owner) & (outbox.c.url == row.url) & _PENDING
                connection.execute(update(outbox).where(same).values(state="disabled", **_NO_CONTENT))

        await self._database.write(write)

    async def deliveries(self, job_id: str) -> list[sqlite3.Row]:
        """The log of a job's messages, in order of time."""
        statement = select(deliveries).join(outbox, outbox.c.id == deliveries.c.outbox_id).where(outbox.c.job_id == job_id)
        return await self._database.read(statement.order_by(deliveries.c.at))

    async def forget(self, before: float) -> int:
        """Removes messages that are settled and older than `before`; returns how many."""
        settled = ~_PENDING & (outbox.c.created_at < before)
        return await self._database.change(delete(outbox).where(settled))


def _host():
    """The `host[:port]` of a URL that `core.addresses.read_url` took: what stands between `://` and the first `/` or `?`."""
    rest = func.substr(outbox.c.url, func.instr(outbox.c.url, "://") + 3)
    rest = func.replace(rest, "?", "/").op("||")("/")
    return func.lower(func.substr(rest, 1, func.instr(rest, "/") - 1))


def _due() -> Select:
    rank = func.row_number().over(partition_by=_host(), order_by=(outbox.c.next_at, outbox.c.id)).label("rank")
    waiting = select(outbox, rank).where(_PENDING, outbox.c.next_at <= bindparam("now")).subquery()
    fair = select(waiting).where(waiting.c.rank <= bindparam("per_host")).order_by(waiting.c.rank, waiting.c.next_at)
    return fair.limit(bindparam("limit"))


_DUE = _due()
