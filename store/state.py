"""Small facts that outlive a restart, such as the compute mode."""

from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from models import state
from store.database import Database


class State:
    def __init__(self, database: Database):
        self._database = database

    async def get(self, name: str, default: Any = None) -> Any:
        rows = await self._database.read(select(state.c.value).where(state.c.name == name))
        return orjson.loads(rows[0]["value"]) if rows else default

    async def put(self, name: str, value: Any) -> None:
        text = orjson.dumps(value).decode()
        statement = (
            insert(state).values(name=name, value=text).on_conflict_do_update(index_elements=["name"], set_={"value": text})
        )
        await self._database.change(statement)
