"""The outbox of webhooks: rows written with a job's final state, delivered later, each attempt logged."""

import sqlite3

from sqlalchemy import Connection, delete, insert, select, update

from core.clock import Clock
from models import deliveries, outbox
from store.database import Database


class Outbox:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def due(self, now: float, limit: int) -> list[sqlite3.Row]:
        """Pending messages whose time has come, the longest due first."""
        waiting = select(outbox).where(outbox.c.state == "pending", outbox.c.next_at <= now)
        return await self._database.read(waiting.order_by(outbox.c.next_at).limit(limit))

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

        `disabled` (the receiver answered 410) also ends every other pending message of the same owner to the same URL.
        """
        log = {"outbox_id": message_id, "attempt": attempt, "at": self._clock.now(), "status": status, "ms": ms, "error": error}

        def write(connection: Connection) -> None:
            connection.execute(insert(deliveries).values(**log))
            changes = update(outbox).where(outbox.c.id == message_id).values(attempts=attempt, state=state, next_at=next_at)
            row = connection.execute(changes.returning(outbox.c.owner, outbox.c.url)).one()
            if state == "disabled":
                same = (outbox.c.owner == row.owner) & (outbox.c.url == row.url) & (outbox.c.state == "pending")
                connection.execute(update(outbox).where(same).values(state="disabled", next_at=None))

        await self._database.write(write)

    async def deliveries(self, job_id: str) -> list[sqlite3.Row]:
        """The log of a job's messages, in order of time."""
        statement = select(deliveries).join(outbox, outbox.c.id == deliveries.c.outbox_id).where(outbox.c.job_id == job_id)
        return await self._database.read(statement.order_by(deliveries.c.at))

    async def forget(self, before: float) -> int:
        """Removes messages that are settled and older than `before`; returns how many."""
        settled = (outbox.c.state != "pending") & (outbox.c.created_at < before)
        return await self._database.write(lambda connection: connection.execute(delete(outbox).where(settled)).rowcount)
