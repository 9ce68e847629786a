"""Lines of running text, and tables of cells that become `cell | cell` lines."""

from dataclasses import dataclass, field

MAX_SPAN = 200  # columns or rows that one cell can claim
LONG_CELL_LINES, LONG_CELL = 12, 1000  # a cell with more is a part of the page's layout, not of a table


class Flow:
    """A text that is being written line by line; `mark` goes before the next line (of a list)."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._parts: list[str] = []
        self.mark = ""

    def add(self, text: str, *, keep: bool = False) -> None:
        """Text in the line; with `keep`, blanks and line ends stay as they are."""
        if not keep:
            self._parts.append(text)
            return
        first, *rest = text.replace("\r\n", "\n").split("\n")
        self._parts.append(first)
        for line in rest:
            self._end("".join(self._parts).rstrip())
            self._parts = [line]

    def end_line(self) -> None:
        self._end(" ".join("".join(self._parts).split()) if self._parts else "")

    def add_lines(self, lines: list[str]) -> None:
        """Whole lines, after the one that is being written."""
        self.end_line()
        if lines:
            self._end(lines[0])
            self._lines += lines[1:]

    def lines(self) -> list[str]:
        """Everything written."""
        self.end_line()
        return self._lines

    def _end(self, line: str) -> None:
        self._parts = []
        if line:
            self._lines.append(self.mark + line)
            self.mark = ""


@dataclass(slots=True)
class Cell:
    """The lines in a cell, and how many columns and rows it covers."""

    lines: list[str]
    columns: int = 1
    rows: int = 1

    @property
    def text(self) -> str:
        return " ".join(line.strip() for line in self.lines)

    @property
    def long(self) -> bool:
        return len(self.lines) > LONG_CELL_LINES or sum(map(len, self.lines)) > LONG_CELL


@dataclass(slots=True)
class Table:
    """Rows of cells. `depth` belongs to whoever fills it; `nested` says that the row in hand holds another table."""

    depth: int = 0
    nested: bool = False
    written: int = 0
    _rows: list[tuple[list[Cell], bool]] = field(default_factory=list)

    def new_row(self) -> None:
        self._rows.append(([], False))

    def add(self, cell: Cell) -> None:
        if not self._rows:
            self.new_row()
        cells, nested = self._rows[-1]
        cells.append(cell)
        self._rows[-1] = cells, nested or self.nested
        self.nested = False

    def lines(self, max_cells: int) -> list[str]:
        """`cell | cell` for each row; a cell that covers several rows is told in each. A row of layout becomes its lines.

        Cells are not told again once `max_cells` have been written.
        """
        lines: list[str] = []
        running: dict[int, tuple[str, int]] = {}
        for cells, nested in self._rows:
            if nested or any(cell.long for cell in cells) or len(cells) + len(running) < 2:
                lines += [line for cell in cells for line in cell.lines]
                continue
            texts, running = _row(cells, running if self.written < max_cells else {})
            self.written += len(texts)
            while texts and not texts[-1]:
                texts.pop()
            if texts:
                lines.append(" | ".join(texts))
        return lines


def _row(cells: list[Cell], above: dict[int, tuple[str, int]]) -> tuple[list[str], dict[int, tuple[str, int]]]:
    """The texts of a row by column, and the cells that reach into the next one: column → (text, rows left)."""
    texts: list[str] = []
    below = {column: (text, left - 1) for column, (text, left) in above.items() if left > 1}

    def fill() -> None:
        while len(texts) in above:
            texts.append(above[len(texts)][0])

    for cell in cells:
        fill()
        text = cell.text
        for place in range(max(1, min(cell.columns, MAX_SPAN))):
            column, told = len(texts), text if place == 0 else ""
            if cell.rows > 1:
                below[column] = told, min(cell.rows, MAX_SPAN) - 1
            texts.append(told)
    fill()
    return texts, below
