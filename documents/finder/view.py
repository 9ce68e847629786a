"""A page as a reader sees it: cells of words, what stands to the right of a cell and what stands under it.

A page without geometry (text, sheets, messages) is laid out on a grid: one column a character, one row a line.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from documents.finder.misreadings import respelled
from documents.finder.printed import FILLERS
from documents.parsed import Page
from documents.values import fold

_GRID_WIDTH, _GRID_HEIGHT, _GRID_PITCH = 6.0, 10.0, 12.0
#: A cell of so many characters is running text, not a label or a title.
SENTENCE = 80
#: So many cells of a row are looked at: a page that holds more on one line is no form.
MAX_ROW = 200
_WORD = re.compile(r"[^\s|]\S*|\|")
_BREAK = re.compile(r"[\n\r\t\f|]")
_BLANK = re.compile(r"\s*")
_FOLDED_WORD = re.compile(r"[a-z]+|\d+|#")


class Cell:
    """Words that stand together: `text[start:end]`, its box, and the height of its tallest word."""

    __slots__ = ("end", "index", "start", "x0", "x1", "y0", "y1")

    def __init__(self, index: int, start: int, end: int, x0: float, y0: float, x1: float, y1: float) -> None:
        self.index, self.start, self.end = index, start, end
        self.x0, self.y0, self.x1, self.y1 = x0, y0, x1, y1

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


def _grid(text: str) -> Iterator[tuple[int, int, float, float, float, float, None]]:
    """The words of a text without geometry, placed by line and column."""
    start = 0
    for row, line in enumerate(text.splitlines(keepends=True)):
        top = row * _GRID_PITCH
        for match in _WORD.finditer(line):
            if match[0] != "|":
                first, last = match.span()
                yield start + first, start + last, first * _GRID_WIDTH, top, last * _GRID_WIDTH, top + _GRID_HEIGHT, None
        start += len(line)


def _cells(page: Page) -> list[Cell]:
    """Words joined while they follow each other closely on one line of the text."""
    text = page.text
    words = page.words or _grid(text)
    cells: list[Cell] = []
    cell: Cell | None = None
    for start, end, x0, y0, x1, y1, _ in words:
        if end - start == 1 and text[start] == "|":  # a line of the form that OCR took for a letter
            cell = None
            continue
        if cell is not None and start >= cell.end and y0 < cell.y1 and y1 > cell.y0:
            gap, size = x0 - cell.x1, max(cell.y1 - cell.y0, y1 - y0)
            between = text[cell.end : start]
            if -size < gap <= 1.2 * size and (between == " " or _BREAK.search(between) is None):
                cell.end, cell.x1 = end, max(cell.x1, x1)
                cell.y0, cell.y1 = min(cell.y0, y0), max(cell.y1, y1)
                continue
        cell = Cell(len(cells), start, end, x0, y0, x1, y1)
        cells.append(cell)
    return cells


def find_tables(view: "View") -> list[list[list[Cell | None]]]:
    """See `View.tables`; a table needs three columns or more than two lines, and a header without numbers."""
    tables: list[list[list[Cell | None]]] = []
    run: list[list[Cell | None]] = []
    for row in [*_piped_lines(view), []]:
        if run and len(row) != len(run[0]):
            if len(run) > 1 and (len(run[0]) > 2 or len(run) > 2) and _heads(view, run[0]):
                tables.append(run)
            run = []
        if len(row) > 1:
            run.append(row)
    return tables


def _heads(view: "View", row: list[Cell | None]) -> bool:
    texts = [view.folded_of(cell) for cell in row if cell is not None]
    return len(texts) * 2 > len(row) and all(len(text) <= 60 and not text[0].isdigit() and "@" not in text for text in texts)


def _piped_lines(view: "View") -> Iterator[list[Cell | None]]:
    if "|" not in view.text:
        return
    by_start = {cell.start: cell for cell in view.cells}
    offset = 0
    for line in view.text.splitlines(keepends=True):
        row: list[Cell | None] = []
        if "|" in line:
            for part in line.split("|"):
                start = offset + len(part) - len(part.lstrip())
                row.append(by_start.get(start) if part.strip() else None)
                offset += len(part) + 1
            offset -= 1
        else:
            offset += len(line)
        yield row


class View:
    """One page with its cells; everything that costs is worked out once and only when asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = page.text
        self.folded = fold(page.text)
        self.gridded = not page.words
        self.cache: dict[str, Any] = {}

    @cached_property
    def cells(self) -> list[Cell]:
        return _cells(self.page)

    @cached_property
    def _starts(self) -> list[int]:
        return [cell.start for cell in self.cells]

    @cached_property
    def _by_top(self) -> tuple[list[float], list[Cell]]:
        ordered = sorted(self.cells, key=lambda cell: (cell.y0, cell.x0))
        return [cell.y0 for cell in ordered], ordered

    @cached_property
    def _by_middle(self) -> tuple[list[float], list[Cell]]:
        ordered = sorted(self.cells, key=lambda cell: cell.middle)
        return [cell.middle for cell in ordered], ordered

    @property
    def downwards(self) -> list[Cell]:
        """The cells by their top, then from left to right."""
        return self._by_top[1]

    def cell_at(self, offset: int) -> Cell | None:
        """The cell that holds `text[offset]`, or the last one that begins before it."""
        index = bisect_left(self._starts, offset + 1) - 1
        return self.cells[index] if index >= 0 else None

    def folded_of(self, cell: Cell) -> str:
        return self.folded[cell.start : cell.end]

    def row(self, cell: Cell) -> list[Cell]:
        """The other cells on the same visual row, from left to right."""
        middles, ordered = self._by_middle
        reach = max(cell.height, 4.0) * 0.6
        first = bisect_left(middles, cell.middle - reach)
        found = ordered[first : min(bisect_left(middles, cell.middle + reach), first + MAX_ROW)]
        return sorted((other for other in found if other is not cell), key=lambda other: other.x0)

    def right(self, cell: Cell) -> Cell | None:
        """The next cell on the same row."""
        return next((other for other in self.row(cell) if other.x0 >= cell.x1 - 1.0), None)

    def below(self, cell: Cell, rows: float = 2.2) -> list[Cell]:
        """The cells of the nearest row under `cell` and in its column, nearest in x first.

        The column reaches to the next cell on the right; `rows` is how many times the cell's height may lie between.
        """
        if self.is_header(cell):
            return self._under_header(cell)
        size = max(cell.height, 4.0)
        right = self.right(cell)
        limit = right.x0 if right is not None else cell.x1 + 90 * size
        tops, ordered = self._by_top
        first = bisect_left(tops, cell.y0 + 0.5 * size)
        last = min(bisect_left(tops, cell.y1 + rows * size), first + MAX_ROW)
        column = [
            other
            for other in ordered[first:last]
            if other is not cell
            and other.middle > cell.y1 - 0.2 * size
            and other.x1 > cell.x0
            and (cell.x0 - size <= other.x0 < limit or (other.x0 < cell.x1 and other.x1 <= limit))
        ]
        if not column:
            return []
        floor = column[0].y0 + 0.6 * max(column[0].height, size)
        return sorted((other for other in column if other.y0 < floor), key=lambda other: abs(other.x0 - cell.x0))

    @cached_property
    def tables(self) -> list[list[list[Cell | None]]]:
        """Tables written as lines of ` | `: runs of lines with equally many cells, the header first."""
        return find_tables(self)

    @cached_property
    def _headers(self) -> dict[int, list[Cell]]:
        columns: dict[int, list[Cell]] = {}
        for header, *rows in self.tables:
            for place, cell in enumerate(header):
                if cell is not None:
                    columns[cell.index] = [below for row in rows if (below := row[place]) is not None]
        return columns

    def is_header(self, cell: Cell) -> bool:
        """Whether `cell` heads a column of a table written with ` | `."""
        return cell.index in self._headers

    def _under_header(self, cell: Cell) -> list[Cell]:
        # Which row would be meant is a guess as soon as there are two.
        column = self._headers[cell.index]
        return column if len(column) == 1 else []

    def continues(self, cell: Cell) -> bool:
        """Whether `cell` goes on with a sentence that fills the line above it."""
        if cell.index == 0 or self.gridded:
            return False
        above = self.cells[cell.index - 1]
        return (
            above.end - above.start >= SENTENCE
            and abs(above.x0 - cell.x0) <= 2 * cell.height
            and 0 < cell.y0 - above.y0 < 2.5 * cell.height
        )

    def stands_centred(self, cell: Cell) -> bool:
        """Whether nothing right under `cell` begins where it begins: a title over the middle of its block."""
        size = max(cell.height, 4.0)
        tops, ordered = self._by_top
        first = bisect_left(tops, cell.y0 + 0.5 * size)
        under = ordered[first : min(bisect_left(tops, cell.y1 + 2.5 * size), first + MAX_ROW)]
        return bool(under) and not any(abs(other.x0 - cell.x0) <= size for other in under)

    def skip_blanks(self, offset: int) -> int:
        match = _BLANK.match(self.text, offset)
        return match.end() if match else offset

    @cached_property
    def words(self) -> tuple[list[tuple[str, int, int]], dict[str, list[int]]]:
        """The folded words without fillers, `(word, start, end)`, and where each word occurs in that list."""
        printed = respelled if self.page.source == "ocr" else str
        words = [(printed(match[0]), *match.span()) for match in _FOLDED_WORD.finditer(self.folded) if match[0] not in FILLERS]
        places: dict[str, list[int]] = {}
        for place, (word, _, _) in enumerate(words):
            places.setdefault(word, []).append(place)
        return words, places
