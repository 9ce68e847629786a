"""Machines that the operator added, and which of those of the settings are switched off."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.clock import Clock
from core.logs import get_logger
from core.secrets import Keyring, SecretUnreadable, associated_data
from models import machines
from store.database import Database

_LISTS = ("labels", "always_on")
_FLAGS = ("enabled", "draining", "fixed", "flash_attention")

log = get_logger(__name__)


class MachineRows:
    """Values by the columns of the table: lists as lists, flags as booleans, the key open; in the database it is sealed."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring):
        self._database = database
        self._clock = clock
        self._keyring = keyring

    async def load(self) -> list[dict[str, Any]]:
        """The oldest first. A key that was sealed with another SECRET_KEY is gone: the machine will say that it wants one."""
        rows = await self._database.read(select(machines).order_by(machines.c.created_at, machines.c.name))
        return [_values(dict(row)) | {"key": _opened(self._keyring, row["name"], row["key"])} for row in rows]

    @classmethod
    def glance(cls, path: Path, keyring: Keyring) -> list[dict[str, Any]]:
        """What `load` gives, of a file that may belong to a server at work or not be there: nothing is written or locked. A
        file of another version tells nothing."""
        if not path.is_file():
            return []
        # Without its log nobody works on it, and a plain reader would leave one behind.
        alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{alone}", uri=True, timeout=2.0)) as connection:
                connection.row_factory = sqlite3.Row
                rows = [dict(row) for row in connection.execute("SELECT * FROM machines ORDER BY created_at, name")]
        except sqlite3.Error:
            return []
        known = {column.name for column in machines.columns}
        return [_values(row) | {"key": _opened(keyring, row["name"], row["key"])} for row in rows if known <= row.keys()]

    async def save(self, values: Mapping[str, Any]) -> None:
        """Adds the machine of this name, or changes it."""
        kept = dict(values) | {name: orjson.dumps(values[name]).decode() for name in _LISTS}
        kept |= {name: None if values[name] is None else int(values[name]) for name in _FLAGS}
        kept["key"] = self._keyring.encrypt(kept["key"].encode(), _place(kept["name"])) if kept["key"] else None
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


def _opened(keyring: Keyring, name: str, sealed: bytes | None) -> str:
    try:
        return keyring.decrypt(sealed, _place(name)).decode() if sealed else ""
    except SecretUnreadable:
        log.warning("machine.key_unreadable", machine=name)
        return ""


def _place(name: str) -> bytes:
    return associated_data("machines", name, "key")


def _values(row: dict[str, Any]) -> dict[str, Any]:
    flags = {name: None if row[name] is None else bool(row[name]) for name in _FLAGS}
    return row | {name: orjson.loads(row[name]) for name in _LISTS} | flags
