"""Which models are installed and not served."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from models import deactivated
from store.database import Database


class Deactivated:
    def __init__(self, database: Database):
        self._database = database

    async def load(self) -> list[tuple[str, str | None]]:
        """(model, machine), None for every machine."""
        rows = await self._database.read(select(deactivated.c.model, deactivated.c.machine))
        return [(row["model"], row["machine"] or None) for row in rows]

    async def save(self, marks: Iterable[tuple[str, str | None]]) -> None:
        """These and no others."""
        rows = [{"model": model, "machine": machine or ""} for model, machine in marks]

        def write(connection: Connection) -> None:
            connection.execute(delete(deactivated))
            if rows:
                connection.execute(insert(deactivated), rows)

        await self._database.write(write)
