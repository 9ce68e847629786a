"""What XLS (MS-XLS, BIFF8) knows of a sheet beside its values: hidden rows and columns, percentages, comments, boxes, margins."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.errors import DamagedDocument, DocumentTooComplex, PasswordRequired
from documents.parsers.compound import Compound
from documents.parsers.numberformats import kind
from documents.parsers.officeart import pictures_kept
from documents.parsers.pagination import clean
from documents.parsers.sheets import Marks, check_grid, letters, margin

BOF, EOF, BOUNDSHEET, FILE_PASS, CONTINUE = 0x0809, 0x000A, 0x0085, 0x002F, 0x003C
FORMAT, XF, ROW, COLUMNS, NOTE, OBJECT, TEXT_OBJECT, HEADER, FOOTER = (
    0x041E,
    0x00E0,
    0x0208,
    0x007D,
    0x001C,
    0x005D,
    0x01B6,
    0x14,
    0x15,
)
DRAWING_GROUP, SHARED_STRINGS, DIMENSIONS = 0x00EB, 0x00FC, 0x0200
CELLS = frozenset({0x0203, 0x00FD, 0x027E, 0x0006, 0x0204, 0x0205, 0x00D6})  # one cell: row, column, format
MANY_CELLS = frozenset({0x00BD})  # MULRK: row, first column, then (format, value) of six bytes each
BIFF8 = 0x0600
ROW_HIDDEN, COLUMN_HIDDEN = 0x0020, 0x0001
MAX_RECORDS = 20_000_000


@dataclass
class Binary:
    """The workbook stream, walked once. `marks` by name of sheet. Raises PasswordRequired, DocumentTooComplex."""

    data: bytes
    max_cells: int
    marks: dict[str, Marks] = field(default_factory=dict)
    pictures: int = 0
    _codes: dict[int, str] = field(default_factory=dict)
    _formats: list[int] = field(default_factory=list)
    _percents: set[int] = field(default_factory=set)
    _version: int = 0

    @classmethod
    def of(cls, file: Compound, max_cells: int) -> "Binary":
        name = "Workbook" if file.holds("Workbook") else "Book"
        if not file.holds(name):
            raise DamagedDocument("The workbook is damaged: its sheets are missing.")
        workbook = cls(file.read(name), max_cells)
        for sheet, offset in workbook._sheets():
            workbook.marks[sheet] = _Sheet(workbook, offset).read()
        return workbook

    def percent(self, style: int) -> bool:
        return style in self._percents

    @property
    def modern(self) -> bool:
        return self._version >= BIFF8

    def records(self, offset: int) -> Iterator[tuple[int, bytes]]:
        """(type, content) of the records of a substream; substreams inside it, such as charts, are passed over."""
        depth = 0
        while offset + 4 <= len(self.data):
            number, length = struct.unpack_from("<HH", self.data, offset)
            content = self.data[offset + 4 : offset + 4 + length]
            offset += 4 + length
            depth += (number == BOF) - (number == EOF)
            if depth <= 0:
                return
            if depth == 1:
                yield number, content

    def _sheets(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        drawings = b""
        before = 0
        for number, content in self.records(0):
            if number == BOF and len(content) >= 2:
                (self._version,) = struct.unpack_from("<H", content)
            elif number == FILE_PASS:
                raise PasswordRequired("The workbook is encrypted with a password.")
            elif number == BOUNDSHEET and len(content) >= 8:
                found.append((self.string(content[6:], 1), struct.unpack_from("<I", content)[0]))
            elif number == SHARED_STRINGS and len(content) >= 8 and struct.unpack_from("<I", content, 4)[0] > len(self.data):
                raise DamagedDocument("The workbook is damaged: its texts cannot be found.")
            elif number == FORMAT and len(content) >= 5:
                self._codes[struct.unpack_from("<H", content)[0]] = self.string(content[2:], 2)
            elif number == XF and len(content) >= 4:
                self._formats.append(struct.unpack_from("<H", content, 2)[0])
            elif number == DRAWING_GROUP or (number == CONTINUE and before == DRAWING_GROUP):
                drawings, number = drawings + content if len(drawings) < 4096 else drawings, DRAWING_GROUP
            before = number
        self.pictures = pictures_kept(drawings)
        self._percents = {place for place, code in enumerate(self._formats) if kind(code, self._codes.get(code)) == "percent"}
        return found

    def string(self, data: bytes, size: int) -> str:
        """A string after its length of `size` bytes; BIFF8 says in a byte whether it is UTF-16."""
        length = int.from_bytes(data[:size], "little")
        data = data[size:]
        if not self.modern:
            return clean(data[:length].decode("cp1252", "replace"))
        wide, data = data[:1] != b"" and data[0] & 1, data[1:]
        return clean(data[: 2 * length].decode("utf-16-le", "replace") if wide else data[:length].decode("latin-1"))


@dataclass
class _Sheet:
    """One pass over the records of a sheet."""

    workbook: Binary
    offset: int
    marks: Marks = field(default_factory=Marks)
    _objects: dict[int, str] = field(default_factory=dict)
    _object: int = 0
    _notes: list[tuple[str, str, int]] = field(default_factory=list)
    _margins: dict[str, None] = field(default_factory=dict)
    _bounds: list[int] = field(default_factory=list)
    _pending: int = 0
    _records: int = 0

    def read(self) -> Marks:
        for number, content in self.workbook.records(self.offset):
            self._records += 1
            if self._records > MAX_RECORDS:
                raise DocumentTooComplex("A sheet has too many parts.")
            if number in CELLS or number in MANY_CELLS:
                self._cell(number, content)
            elif number == CONTINUE:
                self._continue(content)
            elif number == DIMENSIONS and len(content) >= 12:
                top, bottom, left, right = struct.unpack_from("<IIHH", content)
                check_grid(max(0, bottom - top), max(0, right - left), self.workbook.max_cells)
            elif self.workbook.modern or number in (ROW, COLUMNS):
                self._other(number, content)
        if self._bounds:
            top, bottom, left, right = self._bounds
            check_grid(bottom - top + 1, right - left + 1, self.workbook.max_cells)
        noted = {identity for _, _, identity in self._notes}
        self.marks.lines += [
            line for identity, text in self._objects.items() if identity not in noted for line in text.split("\n")
        ]
        for cell, author, identity in self._notes:
            self.marks.comment(cell, author, self._objects.get(identity, ""))
        self.marks.lines += self._margins
        self.marks.lines = [line for line in self.marks.lines if line.strip()]
        return self.marks

    def _cell(self, number: int, content: bytes) -> None:
        if len(content) < 6:
            return
        row, column, style = struct.unpack_from("<HHH", content)
        last = column
        if number in MANY_CELLS:
            styles = struct.iter_unpack("<H4x", content[4 : 4 + (len(content) - 6) // 6 * 6])
            for last, (style,) in enumerate(styles, column):
                self._percent(row, last, style)
        else:
            self._percent(row, column, style)
        if self._bounds:
            top, bottom, left, right = self._bounds
            self._bounds = [min(top, row), max(bottom, row), min(left, column), max(right, last)]
        else:
            self._bounds = [row, row, column, last]

    def _percent(self, row: int, column: int, style: int) -> None:
        if self.workbook.percent(style):
            self.marks.percents.add((row, column))

    def _continue(self, content: bytes) -> None:
        """The text of an object comes in the record behind it, in one or more pieces."""
        if self._pending > 0 and content:
            wide = content[0] & 1
            text = content[1:].decode("utf-16-le", "replace") if wide else content[1:].decode("latin-1")
            text = text[: self._pending]
            self._pending -= len(text)
            self._objects[self._object] = self._objects.get(self._object, "") + clean(text)

    def _other(self, number: int, content: bytes) -> None:
        self._pending = 0
        if number == ROW and len(content) >= 16:
            row, flags = struct.unpack_from("<H10xH", content)
            if flags & ROW_HIDDEN:
                self.marks.hidden_rows.add(row)
        elif number == COLUMNS and len(content) >= 10:
            first, last, flags = struct.unpack_from("<HH4xH", content)
            if flags & COLUMN_HIDDEN:
                self.marks.hidden_columns |= set(range(first, min(last, 255) + 1))
        elif number == NOTE and len(content) >= 11:
            row, column, _, identity = struct.unpack_from("<4H", content)
            self._notes.append((f"{letters(column)}{row + 1}", self.workbook.string(content[8:], 2), identity))
        elif number == OBJECT and len(content) >= 8:
            self._object = struct.unpack_from("<H", content, 6)[0]
        elif number == TEXT_OBJECT and len(content) >= 12:
            self._pending = struct.unpack_from("<H", content, 10)[0]
        elif number in (HEADER, FOOTER) and content:
            self._margins |= dict.fromkeys(margin(self.workbook.string(content, 2)))
