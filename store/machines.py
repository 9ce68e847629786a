"""Machines that the operator added, and which of those of the settings are switched off."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from models import machines
from store.database import Database

_LISTS = ("labels", "always_on")
_FLAGS = ("enabled", "draining", "fixed")


class MachineRows:
    """Values by the columns of the table: lists as lists, flags as booleans."""

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def load(self) -> list[dict[str, Any]]:
        """The oldest first."""
        rows = await self._database.read(select(machines).order_by(machines.c.created_at, machines.c.name))
        return [_values(dict(row)) for row in rows]

    async def save(self, values: Mapping[str, Any]) -> None:
        """Adds the machine of this name, or changes it."""
        kept = dict(values) | {name: orjson.dumps(values[name]).decode() for name in _LISTS}
        kept |= {name: int(values[name]) for name in _FLAGS}
        changed = {name: value for name, value in kept.items() if name != "name"}
        statement = (
            insert(machines)
            .values(**kept, created_at=self._clock.now())
            .on_conflict_do_update(index_elements=["name"], set_=changed)
        )
        await self._database.change(statement)

    async def delete(self, name: str) -> None:
        statement = delete(machines).where(machines.c.name == name)
        await self._database.change(statement)


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: orjson.loads(row[name]) for name in _LISTS} | {name: bool(row[name]) for name in _FLAGS}
