"""What the workbooks of all programs have in common: values as plain text, hidden parts that are told, notes below the cells."""

import datetime
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from core.errors import DocumentTooComplex
from documents.parsed import Notice
from documents.parsers.pagination import clean

MAX_COLUMNS = 1_000  # of a row that are kept
GRID_FACTOR = 4  # cells of the grid around all filled ones, by the cells that may be read: calamine holds the whole grid
LONGEST_LIST = 10
ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A", 43: "#GETTING_DATA"}
TITLE_CODES = re.compile(r'&(?:"[^"]{0,200}"|K[0-9A-Fa-f+-]{5,6}|\d{1,3}|[A-Za-z+-])')
PLACE_CODES = re.compile(r"&[PNDTFAZ]")  # page, pages, date, time, file, sheet, path: not the sheet's own words
Range = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class Marks:
    """What is known of a sheet beside its values; rows and columns count from 0.

    `percents` are cells whose number is shown as a percentage; `lines` stand below the cells: comments, boxes, charts.
    """

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    percents: set[tuple[int, int]] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    pictures: int = 0

    def told(self, name: str) -> Iterator[Notice]:
        """A notice for hidden rows and columns; for whole hidden sheets see `hidden_sheet`."""
        parts = []
        if self.hidden_rows:
            parts.append(f"rows {_spans([(row, str(row + 1)) for row in sorted(self.hidden_rows)])}")
        if self.hidden_columns:
            parts.append(f"columns {_spans([(column, letters(column)) for column in sorted(self.hidden_columns)])}")
        if parts:
            yield Notice("hidden_cells", f"In the sheet “{clean(name)}” {' and '.join(parts)} are hidden; they were read too.")

    def comment(self, cell: str, author: str, text: str) -> None:
        """`Comment on B2 by author: text`."""
        if text := " ".join(text.split()):
            self.lines.append(f"Comment on {cell} by {author}: {text}" if author else f"Comment on {cell}: {text}")


def hidden_sheet(name: str) -> Notice:
    return Notice("hidden_sheet", f"The sheet “{clean(name)}” is hidden; it was read too.")


def too_many_cells(name: str) -> Notice:
    return Notice("too_many_cells", f"The sheet “{clean(name)}” has too many cells; its end was not read.")


def damaged_sheet(name: str) -> Notice:
    return Notice("sheet_damaged", f"The sheet “{clean(name)}” is damaged and was not read to its end.")


def check_grid(rows: int, columns: int, max_cells: int) -> None:
    """Raises DocumentTooComplex for a rectangle of cells that would fill the memory."""
    if rows * columns > GRID_FACTOR * max_cells:
        raise DocumentTooComplex("A sheet's cells lie too far apart.", hint="Delete stray cells far outside the table.")


def shown(cell: object, percent: bool = False) -> str:
    """A value as plain text: 1234.56, 7, 15%, 2026-03-05, 2026-03-05 10:30, TRUE."""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return ""
        if percent and abs(cell) < 1e15:
            return f"{plain(Decimal(f'{cell:.15g}') * 100)}%"
        # Fifteen digits, as every program shows: the rest is the noise of binary fractions.
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15g}"
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds" if cell.second else "minutes")
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def plain(number: Decimal) -> str:
    """A decimal without exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spread(rows: Iterable[list[str]], merged: Iterable[Range]) -> Iterator[list[str]]:
    """Rows in which a cell that covers several rows is told in each of them."""
    starting: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in merged:
        if last > first and column < MAX_COLUMNS:
            starting.setdefault(first, []).append((column, last))
    running: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(rows):
        for column, (last, text) in list(running.items()):
            if number > last:
                del running[column]
            elif column < len(row) and not row[column]:
                row[column] = text
        for column, last in starting.get(number, ()):
            if column < len(row):
                running[column] = (last, row[column])
        yield row


def letters(column: int) -> str:
    """The name of a column that counts from 0: A, B … Z, AA.

    >>> letters(27)
    'AB'
    """
    name = ""
    column += 1
    while column > 0:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def margin(code: str) -> list[str]:
    """The own words of a header or footer (ECMA-376 part 1, 18.3.1.46): left, middle and right of it as lines.

    >>> margin("&LContract 12&C&P of &N&R&BDraft")
    ['Contract 12', 'Draft']
    """
    found = []
    for part in re.split("&[LCR]", clean(code).replace("&&", "\0")):
        words = " ".join(TITLE_CODES.sub("", part).replace("\0", "&").split())
        if words and not (PLACE_CODES.search(part) and len(words) < 12):
            found.append(words)
    return found


def _spans(numbered: list[tuple[int, str]]) -> str:
    """Rising numbers with their names as people write them: `3-5, 7`."""
    spans: list[list[tuple[int, str]]] = []
    for number, name in numbered:
        if spans and number == spans[-1][-1][0] + 1:
            spans[-1][1:] = [(number, name)]
        else:
            spans.append([(number, name)])
    texts = ["-".join(name for _, name in span) for span in spans]
    return ", ".join(texts[:LONGEST_LIST]) + (" …" if len(texts) > LONGEST_LIST else "")
