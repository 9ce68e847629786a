"""How much memory models were seen to take, by the digest of their weights and the way they were loaded."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from models import model_sizes
from store.database import Database


class Sizes:
    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    async def all(self) -> list[sqlite3.Row]:
        """The oldest first."""
        return await self._database.read(select(model_sizes).order_by(model_sizes.c.seen_at))

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        """Each replaces what was known of the same blob, num_ctx, parallel, kv_type and device."""
        seen_at = self._clock.now()

        def write(connection: Connection) -> None:
            for row in rows:
                found = {"bytes": row["bytes"], "seen_at": seen_at}
                connection.execute(insert(model_sizes).values(**row | found).on_conflict_do_update(set_=found))

        await self._database.write(write)
