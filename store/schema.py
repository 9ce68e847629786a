"""Creates the tables and brings an older file up to date; the file's version is SQLite's `user_version`."""

from collections.abc import Callable

from sqlalchemy import Connection

from models import metadata

MIGRATIONS: tuple[Callable[[Connection], None], ...] = (metadata.create_all,)


def migrate(connection: Connection) -> int:
    """Runs the missing steps, each in its own transaction, and returns the version reached.

    Raises RuntimeError when the file was written by a newer Myelin.
    """
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > len(MIGRATIONS):
        raise RuntimeError(f"the database has version {version}, this Myelin knows {len(MIGRATIONS)}: install the newer one")
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        step(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")
        connection.exec_driver_sql("COMMIT")
    return len(MIGRATIONS)
