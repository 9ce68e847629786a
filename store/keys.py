"""Client keys: stored as an HMAC digest, looked up by it, never readable again."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, insert, select, update

from core.clock import Clock
from models import api_keys
from store.database import Database

_SHOWN = (api_keys.c.id, api_keys.c.hint, api_keys.c.name, api_keys.c.email, api_keys.c.created_at, api_keys.c.revoked_at)


class Keys:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def create(self, key_id: str, digest: bytes, hint: str, name: str, email: str) -> None:
        values: dict[str, Any] = {"id": key_id, "digest": digest, "hint": hint, "name": name, "email": email}
        await self._database.write(
            lambda connection: connection.execute(insert(api_keys).values(**values, created_at=self._clock.now())) and None
        )

    async def active(self) -> dict[bytes, str]:
        """digest → key id of every key that is not revoked."""
        rows = await self._database.read(select(api_keys.c.digest, api_keys.c.id).where(api_keys.c.revoked_at.is_(None)))
        return {row["digest"]: row["id"] for row in rows}

    async def listing(self) -> list[sqlite3.Row]:
        return await self._database.read(select(*_SHOWN).order_by(api_keys.c.created_at))

    async def revoke(self, key_id: str) -> bool:
        def write(connection: Connection) -> bool:
            alive = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
            return connection.execute(update(api_keys).where(alive).values(revoked_at=self._clock.now())).rowcount == 1

        return await self._database.write(write)
