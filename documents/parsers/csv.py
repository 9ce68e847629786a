"""CSV: cells kept as the text they are, one row a line, `cell | cell`."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.text import decode, looks_like_text

DELIMITERS = ";\t|,"  # at equal evidence the Brazilian one wins: a comma is a decimal sign there
SAMPLE_LINES = 50
FIELD_LIMIT = 1 << 20  # characters in one cell
EXTENSIONS = (".csv", ".tsv", ".tab")


class CsvParser:
    title = "CSV"
    content_type = "text/csv"
    extensions = EXTENSIONS

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 20 if sniffed.filename.lower().endswith(EXTENSIONS) and looks_like_text(sniffed.head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        text, notices = decode(path.read_bytes())
        text = clean(text)
        lines, cut = _rows(text, delimiter(text), context.max_cells)
        if cut:
            notices.append(Notice("too_many_cells", f"Only the first {context.max_cells} cells were read."))
        yield from pages([(part, None) for part in stretches(lines)], context.max_pages, notices)


def delimiter(text: str) -> str:
    """The separator that cuts the first lines most evenly into the most cells; a comma when there is none."""
    sample = [line for line in text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES] if line.strip()]
    best, best_score = ",", 0.0
    for candidate in DELIMITERS:
        try:
            counts = Counter(len(row) for row in _reader(sample, candidate) if row)
        except csv.Error:
            continue
        if not counts:
            continue
        cells, lines = max(counts.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
        score = (lines / sum(counts.values())) * min(cells - 1, 8)
        if score > best_score:
            best, best_score = candidate, score
    return best


def _rows(text: str, separator: str, max_cells: int) -> tuple[list[str], bool]:
    """Rows as lines, and whether there were too many cells. What the csv module cannot cut stays as it is."""
    lines: list[str] = []
    cells = 0
    try:
        for row in _reader(io.StringIO(text, newline=""), separator):
            cells += len(row)
            if cells > max_cells:
                return lines, True
            lines.append(join(row))
    except csv.Error:
        return text.split("\n"), False
    return lines, False


def _reader(source: list[str] | io.StringIO, separator: str) -> Iterator[list[str]]:
    csv.field_size_limit(FIELD_LIMIT)
    return csv.reader(source, delimiter=separator, skipinitialspace=True)


def join(cells: list[str]) -> str:
    """A row as a line: empty cells at the end dropped, newlines inside a cell as blanks."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return " | ".join(" ".join(cell.split()) for cell in cells)


PARSERS = (CsvParser(),)
