"""XLS: workbooks of Excel 5 to 2003, read record by record."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import DamagedDocument
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.biff import CHART, CONTINUE, WORKSHEET, Globals, SheetEntry, records
from documents.parsers.compound import Compound
from documents.parsers.csv import join
from documents.parsers.numberformats import displayed
from documents.parsers.ooxml import pictures_unread
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.sheets import (
    ERRORS,
    Marks,
    Range,
    damaged_sheet,
    hidden_sheet,
    letters,
    margin,
    shown,
    spread,
    too_many_cells,
)
from documents.parsers.xlsbrecords import compact, real

STREAMS = ("Workbook", "Book")
ROW_HIDDEN, COLUMN_HIDDEN = 0x0020, 0x0001
MAX_ROWS, MAX_COLUMNS = 65_536, 256


class XlsParser:
    title = "Excel workbook (XLS)"
    content_type = "application/vnd.ms-excel"
    extensions = (".xls", ".xlt")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 90 if {name.lower() for name in sniffed.streams} & {name.lower() for name in STREAMS} else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Compound(path) as file:
            stream = next((name for name in STREAMS if file.holds(name)), None)
            if stream is None:
                raise DamagedDocument("The workbook is damaged: its sheets are missing.")
            data = file.read(stream)
        workbook = Globals(data)
        texts: list[tuple[str, str | None]] = []
        notices: list[Notice] = []
        room = context.max_cells
        for entry in workbook.sheets:
            if entry.kind not in (WORKSHEET, CHART):
                continue
            sheet = _Sheet(workbook, entry, room)
            texts += ((part, entry.name) for part in stretches(sheet.read()))
            room = sheet.room
            notices += sheet.notices
        yield from pages(texts, context.max_pages, [*notices, *pictures_unread(workbook.pictures)])


@dataclass
class _Sheet:
    """One pass over the records of a sheet; `room` is how many cells may still be read."""

    workbook: Globals
    entry: SheetEntry
    room: int
    notices: list[Notice] = field(default_factory=list)
    _marks: Marks = field(default_factory=Marks)
    _cells: dict[int, dict[int, str]] = field(default_factory=dict)
    _merged: list[Range] = field(default_factory=list)
    _objects: dict[int, str] = field(default_factory=dict)
    _object: int = 0
    _pending: int = 0
    _formula: tuple[int, int] | None = None
    _notes: list[tuple[str, str, int]] = field(default_factory=list)
    _margins: dict[str, None] = field(default_factory=dict)

    def read(self) -> list[str]:
        """The rows, then boxes, comments and the words of header and footer."""
        empty = True
        for number, content in records(self.workbook.data, self.entry.offset):
            empty = False
            if reader := READERS.get(number):
                try:
                    reader(self, content)
                except struct.error:
                    self._tell(damaged_sheet(self.entry.name))
            if number not in (CONTINUE, TEXT_OBJECT):
                self._pending = 0
        if empty:
            self._tell(damaged_sheet(self.entry.name))
        if self.entry.hidden:
            self._tell(hidden_sheet(self.entry.name))
        self.notices += self._marks.told(self.entry.name)
        noted = {identity for _, _, identity in self._notes}
        boxes = [line for identity, text in self._objects.items() if identity not in noted for line in text.split("\n")]
        for cell, author, identity in self._notes:
            self._marks.comment(cell, author, self._objects.get(identity, ""))
        lines = [join(row) for row in spread(self._rows(), self._merged)]
        return [*lines, *(line for line in boxes if line.strip()), *self._marks.lines, *self._margins]

    def _rows(self) -> Iterator[list[str]]:
        for number in range(max(self._cells, default=-1) + 1):
            cells = self._cells.get(number, {})
            yield [cells.get(column, "") for column in range(max(cells, default=-1) + 1)]

    def _put(self, row: int, column: int, text: str) -> None:
        self.room -= 1
        if self.room < 0:
            self._tell(too_many_cells(self.entry.name))
        elif row < MAX_ROWS and column < MAX_COLUMNS:
            self._cells.setdefault(row, {})[column] = text

    def _tell(self, notice: Notice) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    def _number(self, style: int, value: float | None) -> str:
        formats = self.workbook.formats
        return displayed(value, formats[style] if style < len(formats) else "number", self.workbook.since_1904)

    def _real(self, content: bytes) -> None:
        row, column, style = struct.unpack_from("<3H", content)
        self._put(row, column, self._number(style, real(content, 6)))

    def _compact(self, content: bytes) -> None:
        row, column, style = struct.unpack_from("<3H", content)
        self._put(row, column, self._number(style, compact(content, 6)))

    def _many(self, content: bytes) -> None:
        row, column = struct.unpack_from("<HH", content)
        for place in range(4, len(content) - 7, 6):
            (style,) = struct.unpack_from("<H", content, place)
            self._put(row, column + (place - 4) // 6, self._number(style, compact(content, place + 2)))

    def _shared(self, content: bytes) -> None:
        row, column, _, place = struct.unpack_from("<3HI", content)
        self._put(row, column, self.workbook.strings[place] if place < len(self.workbook.strings) else "")

    def _label(self, content: bytes) -> None:
        row, column = struct.unpack_from("<HH", content)
        self._put(row, column, self.workbook.string(content[6:], 2))

    def _switch(self, content: bytes) -> None:
        row, column, _, value, is_error = struct.unpack_from("<3HBB", content)
        self._put(row, column, ERRORS.get(value, "#ERROR") if is_error else shown(bool(value)))

    def _calculated(self, content: bytes) -> None:
        """A formula shows the value that was kept with it: a number, or what the sixth byte says (2.5.133)."""
        row, column, style, form, value, special = struct.unpack_from("<3HBxB3xH", content)
        self._formula = (row, column) if special == 0xFFFF and form == 0 else None
        if special != 0xFFFF:
            self._put(row, column, self._number(style, real(content, 6)))
        elif form in (1, 2):
            self._put(row, column, shown(bool(value)) if form == 1 else ERRORS.get(value, "#ERROR"))

    def _string(self, content: bytes) -> None:
        """The text that a formula gave comes in the record behind it."""
        if self._formula is not None:
            self._put(*self._formula, self.workbook.string(content, 2))
            self._formula = None

    def _row(self, content: bytes) -> None:
        row, flags = struct.unpack_from("<H10xH", content)
        if flags & ROW_HIDDEN:
            self._marks.hidden_rows.add(row)

    def _columns(self, content: bytes) -> None:
        first, last, flags = struct.unpack_from("<HH4xH", content)
        if flags & COLUMN_HIDDEN:
            self._marks.hidden_columns |= set(range(first, min(last, MAX_COLUMNS - 1) + 1))

    def _merge(self, content: bytes) -> None:
        for first, last, left, right in struct.iter_unpack("<4H", content[2 : 2 + (len(content) - 2) // 8 * 8]):
            self._merged.append(((first, left), (last, right)))

    def _note(self, content: bytes) -> None:
        if self.workbook.modern:
            row, column, _, identity = struct.unpack_from("<4H", content)
            self._notes.append((f"{letters(column)}{row + 1}", self.workbook.string(content[8:], 2), identity))

    def _begin_object(self, content: bytes) -> None:
        (self._object,) = struct.unpack_from("<6xH", content)

    def _begin_text(self, content: bytes) -> None:
        if self.workbook.modern:
            (self._pending,) = struct.unpack_from("<10xH", content)

    def _go_on(self, content: bytes) -> None:
        """The text of an object comes in the records behind it."""
        if self._pending > 0 and content:
            text = content[1:].decode("utf-16-le", "replace") if content[0] & 1 else content[1:].decode("latin-1")
            text = text[: self._pending]
            self._pending -= len(text)
            self._objects[self._object] = self._objects.get(self._object, "") + clean(text)

    def _margin(self, content: bytes) -> None:
        if content:
            self._margins |= dict.fromkeys(margin(self.workbook.string(content, 2 if self.workbook.modern else 1)))


TEXT_OBJECT = 0x01B6
READERS: dict[int, Callable[[_Sheet, bytes], None]] = {
    0x0203: _Sheet._real, 0x027E: _Sheet._compact, 0x00BD: _Sheet._many, 0x00FD: _Sheet._shared, 0x0204: _Sheet._label,
    0x00D6: _Sheet._label, 0x0205: _Sheet._switch, 0x0006: _Sheet._calculated, 0x0207: _Sheet._string, 0x0208: _Sheet._row,
    0x007D: _Sheet._columns, 0x00E5: _Sheet._merge, 0x001C: _Sheet._note, 0x005D: _Sheet._begin_object,
    TEXT_OBJECT: _Sheet._begin_text, CONTINUE: _Sheet._go_on, 0x0014: _Sheet._margin, 0x0015: _Sheet._margin,
}  # fmt: skip
PARSERS = (XlsParser(),)
