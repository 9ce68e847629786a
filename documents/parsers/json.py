"""JSON, and JSON line by line: each value behind the names that lead to it, as it was written.

Numbers keep their digits (`1.10` stays `1.10`, and no identifier loses its zeros). A list of objects with the same few
members becomes a table, as people would draw it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from core.errors import DocumentTooComplex
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.charsets import decode
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.text import looks_like_text

EXTENSIONS = (".json", ".jsonl", ".ndjson", ".geojson")
BEGINS = re.compile(rb"[\xef\xbb\xbf\xff\xfe\s]{0,200}(?:\{\s{0,200}[\"}]|\[\s{0,200}(?:[{\[\]\"]|-?\d{1,30}\s{0,9}[,\]]))")
WORDS = {True: "true", False: "false", None: "null"}
MAX_COLUMNS = 40
TABLE_ROWS = 2

Pairs = list[tuple[str, object]]


class Members(tuple):
    """The members of an object in their order, repeated names included."""


class JsonParser:
    title = "JSON"
    content_type = "application/json"
    extensions = EXTENSIONS

    def accepts(self, sniffed: Sniffed) -> int | None:
        if not looks_like_text(sniffed.head) or not BEGINS.match(sniffed.head.replace(b"\0", b"")):
            return None
        return 20 if sniffed.filename.lower().endswith(EXTENSIONS) else 15

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        text, notices = decode(path.read_bytes())
        text = text.removeprefix("\ufeff")
        try:
            values = _values(text)
            lines = [clean(line) for value in values for line in _lines("", value)]
        except RecursionError:
            raise DocumentTooComplex("The JSON is nested too deeply.") from None
        except ValueError:
            notices.append(Notice("part_damaged", "The file is no proper JSON; it was read as plain text."))
            lines = clean(text).split("\n")
        yield from pages([(part, None) for part in stretches(lines)], context.max_pages, notices)


def _values(text: str) -> list[object]:
    """The one value of the text, or one of each line. Raises ValueError, RecursionError."""
    try:
        return [_value(text)]
    except ValueError:
        values = [_value(line) for line in text.splitlines() if line.strip()]
        if len(values) < TABLE_ROWS:
            raise
        return [values]


def _value(text: str) -> object:
    return json.loads(text, object_pairs_hook=Members, parse_float=str, parse_int=str, parse_constant=str)


def _lines(name: str, value: object) -> Iterator[str]:
    """`name: value` lines below `name`, which is the path to the value: `pedido.itens[2].preço`."""
    match value:
        case Members():
            for key, member in value:
                yield from _lines(f"{name}.{key}" if name else key, member)
        case list() if (titles := _titles(value)) is not None:
            if name:
                yield f"{name}:"
            yield " | ".join(titles)
            for row in value:
                yield " | ".join(_cell(member) for _, member in row)
        case list() if all(not isinstance(item, Members | list) for item in value):
            yield f"{name}: {', '.join(map(_cell, value))}" if name else ", ".join(map(_cell, value))
        case list():
            for number, item in enumerate(value, 1):
                yield from _lines(f"{name}[{number}]", item)
        case _:
            yield f"{name}: {_scalar(value)}" if name else _scalar(value)


def _titles(rows: list[object]) -> list[str] | None:
    """The titles of a list that is a table: objects with the same members, none of which holds others."""
    if len(rows) < TABLE_ROWS or not isinstance(rows[0], Members) or not 2 <= len(rows[0]) <= MAX_COLUMNS:
        return None
    titles = [key for key, _ in rows[0]]
    for row in rows:
        if not isinstance(row, Members) or [key for key, _ in row] != titles:
            return None
        if any(isinstance(member, Members | list) for _, member in row):
            return None
    return titles


def _cell(value: object) -> str:
    return " ".join(_scalar(value).split())


def _scalar(value: object) -> str:
    return value if isinstance(value, str) else WORDS[value]


PARSERS = (JsonParser(),)
