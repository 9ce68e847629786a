"""Operations on models across machines, and which models are deactivated."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from models import deactivated, operations
from store.database import Database

_KEPT_SECONDS = 30 * 86400.0


class OperationRows:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def load(self) -> list[dict[str, Any]]:
        rows = await self._database.read(select(operations.c.record).order_by(operations.c.updated_at))
        return [orjson.loads(row["record"]) for row in rows]

    async def save(self, record: dict[str, Any]) -> None:
        """Forgets what nobody has touched for a month."""
        values = {"record": orjson.dumps(record).decode(), "updated_at": self._clock.now()}
        statement = insert(operations).values(id=record["id"], **values).on_conflict_do_update(index_elements=["id"], set_=values)
        old = delete(operations).where(operations.c.updated_at < self._clock.now() - _KEPT_SECONDS)
        await self._database.write(lambda connection: connection.execute(old) and connection.execute(statement) and None)

    async def load_deactivated(self) -> list[tuple[str, str | None]]:
        """(model, machine), None for every machine."""
        rows = await self._database.read(select(deactivated.c.model, deactivated.c.machine))
        return [(row["model"], row["machine"] or None) for row in rows]

    async def save_deactivated(self, marks: Iterable[tuple[str, str | None]]) -> None:
        """These and no others."""
        rows = [{"model": model, "machine": machine or ""} for model, machine in marks]

        def write(connection: Connection) -> None:
            connection.execute(delete(deactivated))
            if rows:
                connection.execute(plain_insert(deactivated), rows)

        await self._database.write(write)
