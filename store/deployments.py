"""Deployments as they stand, and every move that led there."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects import sqlite

from models import deployment_moves, deployments
from store.database import Database

_MOVED = insert(deployment_moves)


@dataclass(frozen=True, slots=True)
class Move:
    """`by` is the id of the key that made it, `at` in seconds since 1970; `version` and its `record` are of what stands in
    `stage` afterwards."""

    alias: str
    at: float
    by: str
    move: str
    stage: str
    version: int | None = None
    record: Mapping[str, Any] | None = None

    def columns(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("alias", "at", "by", "move", "stage", "version")}
        return plain | {"record": self.record and orjson.dumps(self.record).decode()}


class Deployments:
    def __init__(self, database: Database):
        self._database = database

    async def load(self) -> list[dict[str, Any]]:
        """The records, by their aliases."""
        rows = await self._database.read(select(deployments.c.record).order_by(deployments.c.alias))
        return [orjson.loads(row["record"]) for row in rows]

    async def save(self, record: Mapping[str, Any], move: Move) -> None:
        """Both or neither."""
        text = orjson.dumps(record).decode()
        stand = sqlite.insert(deployments).values(alias=move.alias, record=text)
        stand = stand.on_conflict_do_update(index_elements=["alias"], set_={"record": text})

        def write(connection: Connection) -> None:
            connection.execute(stand)
            connection.execute(_MOVED, move.columns())

        await self._database.write(write)

    async def remove(self, move: Move) -> None:
        """The moves stay."""

        def write(connection: Connection) -> None:
            connection.execute(delete(deployments).where(deployments.c.alias == move.alias))
            connection.execute(_MOVED, move.columns())

        await self._database.write(write)

    async def moves(self, alias: str, limit: int) -> list[sqlite3.Row]:
        """The newest first."""
        statement = select(deployment_moves).where(deployment_moves.c.alias == alias)
        return await self._database.read(statement.order_by(deployment_moves.c.seq.desc()).limit(limit))

    async def last_version(self, alias: str) -> int:
        """The highest number that was ever given; 0 for a name that never was one."""
        highest = func.coalesce(func.max(deployment_moves.c.version), 0).label("highest")
        rows = await self._database.read(select(highest).where(deployment_moves.c.alias == alias))
        return rows[0]["highest"]
