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
from documents.parsers.structures import Members, lines_of
from documents.parsers.text import looks_like_text

EXTENSIONS = (".json", ".jsonl", ".ndjson", ".geojson")
BEGINS = re.compile(rb"[\xef\xbb\xbf\xff\xfe\s]{0,200}(?:\{\s{0,200}[\"}]|\[\s{0,200}(?:[{\[\]\"]|-?\d{1,30}\s{0,9}[,\]]))")
LEAST_LINES = 2


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
            lines = [clean(line) for value in values for line in lines_of(value)]
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
        if len(values) < LEAST_LINES:
            raise
        return [values]


def _value(text: str) -> object:
    return json.loads(text, object_pairs_hook=Members, parse_float=str, parse_int=str, parse_constant=str)


PARSERS = (JsonParser(),)
