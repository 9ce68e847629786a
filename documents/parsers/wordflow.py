"""Paragraphs and cells in the order in which they end, as RTF and the binary Word format write them."""

from codecs import CodecInfo
from dataclasses import dataclass, field

from documents.parsers.breaks import BREAK, texts
from documents.parsers.grids import Grid
from documents.parsers.pagination import clean

Merged = tuple[bool, bool]  # with the cell to the left, with the cell above


@dataclass(slots=True)
class _Level:
    """A table that is being written: lines of its cell in hand, cells of its row in hand, rows."""

    lines: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    grid: Grid = field(default_factory=Grid)
    nested: bool = False


@dataclass(slots=True)
class Flow:
    """`boxes` are lines of text boxes that follow the paragraph in hand."""

    max_cells: int
    boxes: list[str] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _bytes: bytearray = field(default_factory=bytearray)
    _codec: CodecInfo | None = None
    _units: list[int] = field(default_factory=list)
    _levels: list[_Level] = field(default_factory=list)
    _columns: list[Merged] = field(default_factory=list)
    _merged: Merged = (False, False)

    def add(self, text: str) -> None:
        self._settle()
        self._parts.append(text)

    def add_bytes(self, data: bytes, codec: CodecInfo) -> None:
        """Bytes of a code page; a character may come in several calls."""
        if self._units or codec is not self._codec:
            self._settle()
            self._codec = codec
        self._bytes += data

    def add_unit(self, unit: int) -> None:
        """A unit of UTF-16: two make a character beyond U+FFFF; symbol fonts stand in the private area, above what is typed."""
        if self._bytes:
            self._settle()
        self._units.append(unit - 0xF000 if 0xF020 <= unit <= 0xF0FF else unit)

    def break_before(self) -> None:
        """The paragraph in hand begins a page."""
        self._settle()
        self._parts.insert(0, BREAK)

    def end_paragraph(self, level: int) -> None:
        """`level` is how many tables the paragraph stands in."""
        lines = self._paragraph()
        if level:
            self._level(level).lines += lines
        else:
            self._end_tables()
            self._lines += lines

    def new_columns(self) -> None:
        self._columns = []
        self._merged = (False, False)

    def merge(self, above: bool) -> None:
        """The column that is being described belongs to the cell above, or to the left."""
        left, up = self._merged
        self._merged = (left, True) if above else (True, up)

    def end_column(self) -> None:
        if len(self._columns) < 1_000:
            self._columns.append(self._merged)
        self._merged = (False, False)

    def end_cell(self, level: int) -> None:
        table = self._level(level)
        table.lines += self._paragraph()
        table.cells.append(texts(table.lines))
        table.lines = []

    def end_row(self, level: int) -> None:
        """The row in hand is complete; tables inside it too."""
        table = self._level(level)
        del self._levels[level:]
        merged = self._columns if len(self._columns) >= len(table.cells) else [(False, False)] * len(table.cells)
        cells: list[tuple[list[str], int, bool]] = []
        for lines, (left, above) in zip(table.cells, merged, strict=False):
            if left and cells:
                before, columns, continues = cells[-1]
                cells[-1] = (before + lines, columns + 1, continues)
            else:
                cells.append((lines, 1, above))
        table.grid.add(cells, nested=table.nested)
        table.cells, table.nested = [], False
        if level > 1:
            self._end_inner(level)

    def lines(self) -> list[str]:
        """Everything, after the paragraph in hand."""
        if rest := self._paragraph():
            (self._levels[0].lines if self._levels else self._lines).extend(rest if any(rest) else [])
        self._end_tables()
        return self._lines

    def _level(self, level: int) -> _Level:
        while len(self._levels) < level:
            self._levels.append(_Level())
        return self._levels[level - 1]

    def _end_inner(self, level: int) -> None:
        """The rows of a table in a cell become lines of the cell."""
        outer, inner = self._levels[level - 2], self._levels.pop(level - 1)
        outer.lines += inner.grid.lines(self.max_cells)
        outer.nested = True

    def _end_tables(self) -> None:
        while self._levels:
            table = self._levels[-1]
            if table.lines:
                table.cells.append(table.lines)
                table.lines = []
            if table.cells:
                self.end_row(len(self._levels))
            elif len(self._levels) > 1:
                self._end_inner(len(self._levels))
            if len(self._levels) == 1:
                self._lines += self._levels.pop().grid.lines(self.max_cells)

    def _paragraph(self) -> list[str]:
        self._settle()
        text = "".join(self._parts)
        self._parts = []
        lines = [*text.split("\n"), *self.boxes]
        self.boxes = []
        return lines

    def _settle(self) -> None:
        """What came in pieces becomes text."""
        if self._units:
            units, self._units = self._units, []
            raw = b"".join(unit.to_bytes(2, "little") for unit in units)
            self._parts.append(clean(raw.decode("utf-16-le", "replace")))
        if self._bytes and self._codec is not None:
            self._parts.append(clean(self._codec.decode(bytes(self._bytes), "replace")[0]))
            self._bytes.clear()
