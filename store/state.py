"""Small facts that outlive a restart: the compute mode, and downloads that were under way."""

from typing import Any

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from models import downloads, state
from store.database import Database


class State:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def get(self, name: str, default: Any = None) -> Any:
        rows = await self._database.read(select(state.c.value).where(state.c.name == name))
        return orjson.loads(rows[0]["value"]) if rows else default

    async def put(self, name: str, value: Any) -> None:
        text = orjson.dumps(value).decode()
        statement = (
            insert(state).values(name=name, value=text).on_conflict_do_update(index_elements=["name"], set_={"value": text})
        )
        await self._database.write(lambda connection: connection.execute(statement) and None)

    async def load_downloads(self) -> list[dict[str, Any]]:
        rows = await self._database.read(select(downloads.c.record).order_by(downloads.c.updated_at))
        return [orjson.loads(row["record"]) for row in rows]

    async def save_download(self, record: dict[str, Any]) -> None:
        values = {"record": orjson.dumps(record).decode(), "updated_at": self._clock.now()}
        statement = insert(downloads).values(id=record["id"], **values).on_conflict_do_update(index_elements=["id"], set_=values)
        await self._database.write(lambda connection: connection.execute(statement) and None)

    async def forget_downloads(self, before: float) -> None:
        """Removes records that nobody has touched since `before` (seconds since 1970)."""
        statement = delete(downloads).where(downloads.c.updated_at < before)
        await self._database.write(lambda connection: connection.execute(statement) and None)
