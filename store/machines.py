"""Machines that the operator added, and which of those of the settings are switched off."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from core.secrets import Keyring, SecretUnreadable, associated_data
from models import machines
from store.database import Database

_LISTS = ("labels", "always_on")
_FLAGS = ("enabled", "draining", "fixed")

log = structlog.get_logger(__name__)


class MachineRows:
    """Values by the columns of the table: lists as lists, flags as booleans, the key open; in the database it is sealed."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring):
        self._database = database
        self._clock = clock
        self._keyring = keyring

    async def load(self) -> list[dict[str, Any]]:
        """The oldest first. A key that was sealed with another SECRET_KEY is gone: the machine will say that it wants one."""
        rows = await self._database.read(select(machines).order_by(machines.c.created_at, machines.c.name))
        return [_values(dict(row)) | {"key": self._opened(row["name"], row["key"])} for row in rows]

    async def save(self, values: Mapping[str, Any]) -> None:
        """Adds the machine of this name, or changes it."""
        kept = dict(values) | {name: orjson.dumps(values[name]).decode() for name in _LISTS}
        kept |= {name: int(values[name]) for name in _FLAGS}
        kept["key"] = self._keyring.encrypt(kept["key"].encode(), _place(kept["name"])) if kept["key"] else None
        changed = {name: value for name, value in kept.items() if name != "name"}
        statement = (
            insert(machines)
            .values(**kept, created_at=self._clock.now())
            .on_conflict_do_update(index_elements=["name"], set_=changed)
        )
        await self._database.write(lambda connection: connection.execute(statement) and None)

    async def delete(self, name: str) -> None:
        statement = delete(machines).where(machines.c.name == name)
        await self._database.write(lambda connection: connection.execute(statement) and None)

    def _opened(self, name: str, sealed: bytes | None) -> str:
        try:
            return self._keyring.decrypt(sealed, _place(name)).decode() if sealed else ""
        except SecretUnreadable:
            log.warning("machine.key_unreadable", machine=name)
            return ""


def _place(name: str) -> bytes:
    return associated_data("machines", name, "key")


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: orjson.loads(row[name]) for name in _LISTS} | {name: bool(row[name]) for name in _FLAGS}
