"""The outbox of webhooks: rows written with a job's final state, delivered later, each attempt logged."""

import sqlite3

from sqlalchemy import Connection, delete, insert, select, update

from core.clock import Clock
from models import deliveries, outbox
from store.database import Database


class Outbox:
    """Durable side of `operations.webhooks`: what is due, and what became of it."""

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def due(self, now: float, limit: int) -> list[sqlite3.Row]:
        statement = select(outbox).where(outbox.c.state == "pending", outbox.c.next_at <= now)
        return await self._database.read(statement.order_by(outbox.c.next_at).limit(limit))

    async def next_at(self) -> float | None:
        """When the next delivery is due (seconds since 1970); None when nothing waits."""
        statement = select(outbox.c.next_at).where(outbox.c.state == "pending").order_by(outbox.c.next_at).limit(1)
        rows = await self._database.read(statement)
        return rows[0]["next_at"] if rows else None

    async def record(
        self, message_id: str, *, attempt: int, status: int | None, ms: float, error: str | None, state: str, next_at: float | None
    ) -> None:
        """Stores one attempt and the message's state after it: pending, delivered, failed or disabled."""
        log = {"outbox_id": message_id, "attempt": attempt, "at": self._clock.now(), "status": status, "ms": ms, "error": error}

        def write(connection: Connection) -> None:
            connection.execute(insert(deliveries).values(**log))
            changes = {"attempts": attempt, "state": state, "next_at": next_at}
            connection.execute(update(outbox).where(outbox.c.id == message_id).values(**changes))

        await self._database.write(write)

    async def deliveries(self, job_id: str) -> list[sqlite3.Row]:
        statement = select(deliveries).join(outbox, outbox.c.id == deliveries.c.outbox_id).where(outbox.c.job_id == job_id)
        return await self._database.read(statement.order_by(deliveries.c.at))

    async def forget(self, before: float) -> int:
        """Removes messages that are settled and older than `before`; returns how many."""
        settled = (outbox.c.state != "pending") & (outbox.c.created_at < before)
        return await self._database.write(lambda connection: connection.execute(delete(outbox).where(settled)).rowcount)
