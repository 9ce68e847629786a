"""Long work under way and ended, such as downloads: whole records as JSON, each by its `id`."""

from typing import Any

import orjson
from sqlalchemy import Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from store.database import Database

_KEPT_SECONDS = 30 * 86400.0


class Records:
    """`table` is one of `models.records_table`."""

    def __init__(self, database: Database, clock: Clock, table: Table):
        self._database, self._clock, self._table = database, clock, table

    async def load(self) -> list[dict[str, Any]]:
        """The one that was saved last comes last."""
        rows = await self._database.read(select(self._table.c.record).order_by(self._table.c.updated_at))
        return [orjson.loads(row["record"]) for row in rows]

    async def save(self, record: dict[str, Any]) -> None:
        """In the place of what it was. Forgets the records that nobody has saved for a month."""
        now = self._clock.now()
        values = {"record": orjson.dumps(record).decode(), "updated_at": now}
        saved = insert(self._table).values(id=record["id"], **values).on_conflict_do_update(index_elements=["id"], set_=values)
        await self._database.change(delete(self._table).where(self._table.c.updated_at < now - _KEPT_SECONDS), saved)
