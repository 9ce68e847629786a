"""Values in values (of JSON, of XML) as lines that a person can read: `pedido.cliente.nome: Ana`, and lists as tables."""

from collections.abc import Iterator

WORDS = {True: "true", False: "false", None: "null"}
MAX_COLUMNS = 40
LEAST_ROWS = 2
MAX_NAME, MAX_PATH = 200, 400  # characters


class Members(tuple):
    """The members of an object as (name, value) in their order, repeated names included. A value is Members, a list, a text,
    or one of `WORDS`; a member without a name is the object's own text."""


def lines_of(value: object, name: str = "") -> Iterator[str]:
    """`name: value` lines; `name` is the path to the value, cut at its left when it is long.

    A list of objects with the same few members becomes a table. Raises RecursionError for values nested too deeply.
    """
    match value:
        case Members():
            for key, member in value:
                yield from lines_of(member, _path(name, key))
        case list() if (titles := _titles(value)) is not None:
            if name:
                yield f"{name}:"
            yield " | ".join(titles)
            for row in value:
                yield " | ".join(_cell(member) for _, member in row)
        case list() if all(not isinstance(item, Members | list) for item in value):
            yield _line(name, ", ".join(map(_cell, value)))
        case list():
            for number, item in enumerate(value, 1):
                yield from lines_of(item, f"{name}[{number}]")
        case _:
            yield _line(name, _text(value))


def _path(name: str, key: str) -> str:
    key = " ".join(key[:MAX_NAME].split())
    if not (name and key):
        return name or key
    path = f"{name}.{key}"
    return path if len(path) <= MAX_PATH else f"…{path[-MAX_PATH:]}"


def _line(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _titles(rows: list[object]) -> list[str] | None:
    """The titles of a list that is a table: objects with the same named members, none of which holds others."""
    if len(rows) < LEAST_ROWS or not isinstance(rows[0], Members) or not LEAST_ROWS <= len(rows[0]) <= MAX_COLUMNS:
        return None
    names = [key for key, _ in rows[0]]
    for row in rows:
        if not isinstance(row, Members) or [key for key, _ in row] != names:
            return None
        if any(isinstance(member, Members | list) for _, member in row):
            return None
    return [_cell(name) for name in names] if all(names) else None


def _cell(value: object) -> str:
    return " ".join(_text(value).split())


def _text(value: object) -> str:
    return value if isinstance(value, str) else WORDS[value]
