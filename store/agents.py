"""Keys of agents, one for each machine: stored as an HMAC digest, looked up by it, never readable again."""

import sqlite3

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from models import agent_keys
from store.database import Database


class AgentKeys:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def put(self, machine: str, digest: bytes, hint: str) -> None:
        """In the place of the one that the machine had."""
        values = {"digest": digest, "hint": hint, "created_at": self._clock.now()}
        statement = (
            insert(agent_keys)
            .values(machine=machine, **values)
            .on_conflict_do_update(index_elements=["machine"], set_=values)
        )  # fmt: skip
        await self._database.change(statement)

    async def all(self) -> list[sqlite3.Row]:
        """`machine`, `digest`, `hint`, `created_at`."""
        return await self._database.read(select(agent_keys))

    async def get(self, machine: str) -> sqlite3.Row | None:
        rows = await self._database.read(select(agent_keys).where(agent_keys.c.machine == machine))
        return rows[0] if rows else None

    async def revoke(self, machine: str) -> bool:
        """False when there was none."""
        statement = delete(agent_keys).where(agent_keys.c.machine == machine)
        return await self._database.change(statement) == 1
