"""Creates the tables and brings an older file up to date; the file's version is SQLite's `user_version`."""

from collections.abc import Callable

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateColumn

from models import metadata


def _complete(connection: Connection) -> None:
    """Adds the tables, columns and indexes that the file does not have, and drops the indexes that nobody asks any more; all
    else stays as it is."""
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        known = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)
        wanted = {index.name for index in table.indexes}
        for old in inspect(connection).get_indexes(table.name):
            if old["name"] not in wanted:
                connection.exec_driver_sql(f"DROP INDEX {old['name']}")


# One step for each change of models.metadata; one that rewrites nothing is `_complete`.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_complete,) * 10


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
