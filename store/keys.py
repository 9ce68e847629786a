"""Client keys: stored as an HMAC digest, looked up by it, never readable again; and what each may do."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, or_, select, update

from core.clock import Clock
from models import api_keys
from store.database import Database

#: Columns that say what a key may do, in the units of `gateway.grants.Grant`; lists are JSON.
LIMITS = ("models", "providers", "rpm", "tpm", "max_parallel", "budget_usd", "budget_period", "expires_at")
_SHOWN = [api_keys.c[name] for name in ("id", "hint", "name", "email", "created_at", "revoked_at", "former_until", *LIMITS)]
_ALIVE = api_keys.c.revoked_at.is_(None)


class Keys:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def create(self, key_id: str, digest: bytes, hint: str, name: str, email: str, limits: Mapping[str, Any]) -> None:
        """`limits` by the names of LIMITS."""
        values: dict[str, Any] = {"id": key_id, "digest": digest, "hint": hint, "name": name, "email": email, **limits}
        await self._database.change(insert(api_keys).values(**values, created_at=self._clock.now()))

    async def active(self) -> list[sqlite3.Row]:
        """Every key that is not revoked: `digest`, `former_digest`, and what is shown."""
        return await self._database.read(select(api_keys.c.digest, api_keys.c.former_digest, *_SHOWN).where(_ALIVE))

    async def listing(self, limit: int, after: str | None) -> list[sqlite3.Row]:
        """The oldest first; `after` is the id of the last one already seen."""
        statement = select(*_SHOWN).order_by(api_keys.c.created_at, api_keys.c.id).limit(limit)
        if after is not None:
            seen = select(api_keys.c.created_at).where(api_keys.c.id == after).scalar_subquery()
            same = (api_keys.c.created_at == seen) & (api_keys.c.id > after)
            statement = statement.where(or_(api_keys.c.created_at > seen, same))
        return await self._database.read(statement)

    async def get(self, key_id: str) -> sqlite3.Row | None:
        rows = await self._database.read(select(*_SHOWN).where(api_keys.c.id == key_id))
        return rows[0] if rows else None

    async def rotate(self, key_id: str, digest: bytes, hint: str, former_until: float) -> bool:
        """The key of `digest` takes the place of the present one, which stays good until `former_until`; one before it ends."""
        return await self.change(
            key_id, {"former_digest": api_keys.c.digest, "former_until": former_until, "digest": digest, "hint": hint}
        )

    async def revoke(self, key_id: str) -> bool:
        return await self.change(key_id, {"revoked_at": self._clock.now()})

    async def change(self, key_id: str, values: Mapping[str, Any]) -> bool:
        """False when there is no such key that is not revoked."""
        return await self._database.change(update(api_keys).where(api_keys.c.id == key_id, _ALIVE).values(values)) == 1

    async def names(self, key_ids: list[str]) -> dict[str, str]:
        """The names of keys, also of revoked ones."""
        statement = select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_(key_ids))
        return {row["id"]: row["name"] for row in await self._database.read(statement)} if key_ids else {}
