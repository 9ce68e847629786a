"""XLSB: binary workbooks, read record by record: nothing is held but the rows in hand."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from documents.parsed import Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.csv import join
from documents.parsers.numberformats import Kind, displayed, kind
from documents.parsers.ooxml import guarded, main_part, pictures_unread, relations
from documents.parsers.pagination import pages, stretches
from documents.parsers.sheets import (
    ERRORS,
    MAX_COLUMNS,
    Marks,
    Range,
    damaged_sheet,
    hidden_sheet,
    letters,
    margin,
    spread,
    too_many_cells,
)
from documents.parsers.xlsbrecords import compact, integer, real, records, string
from documents.parsers.xlsxmarks import drawn

ROW, SHARED_STRING, FORMAT, FORMATS_BEGIN, CELL_FORMAT, COLUMN, SHEET, PROPERTIES = 0, 19, 44, 617, 47, 60, 156, 153
FORMATS_END, DATA_END, MERGED, HEADERS_FOOTERS = 618, 146, 176, 479
COMMENT_AUTHOR, COMMENT, COMMENT_TEXT = 632, 635, 637
FIRST_CELL, LAST_CELL = 2, 11  # BrtCellRk to BrtFmlaError
MAX_ROW = 1_048_576


class XlsbParser:
    title = "Excel workbook (XLSB)"
    content_type = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
    extensions = (".xlsb",)

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if "xl/workbook.bin" in sniffed.zip_members else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Archive(path) as archive:
            workbook = _Workbook(archive, context.max_cells)
            texts = [(part, name) for name, lines in workbook.sheets() for part in stretches(lines)]
        yield from pages(texts, context.max_pages, [*workbook.notices, *pictures_unread(workbook.pictures)])


@dataclass
class _Workbook:
    """Strings and formats that all sheets share, and how many cells may still be read."""

    archive: Archive
    room: int
    notices: list[Notice] = field(default_factory=list)
    pictures: int = 0
    _strings: list[str] = field(default_factory=list)
    _formats: list[Kind] = field(default_factory=list)
    _since_1904: bool = False

    def sheets(self) -> Iterator[tuple[str, list[str]]]:
        """Name and lines of each sheet."""
        main = main_part(self.archive, "xl/workbook.bin")
        related = relations(self.archive, main)
        for relation in related:
            if relation.kind == "sharedStrings":
                content = guarded(lambda part=relation.target: self.archive.read(part), b"", "texts", self.notices)
                self._strings = [string(data, 1) for number, data in records(content) if number == SHARED_STRING]
            elif relation.kind == "styles":
                content = guarded(lambda part=relation.target: self.archive.read(part), b"", "styles", self.notices)
                self._formats = _formats(content)
        targets = {relation.id: relation.target for relation in related}
        for number, data in records(self.archive.read(main)):
            if number == PROPERTIES:
                self._since_1904 = bool(integer(data, 0) & 1)
            elif number == SHEET:
                # The first programs wrote one number more before the name.
                place = next((place for place in (8, 12) if string(data, place) in targets), 8)
                name = string(data, place + 4 + 2 * integer(data, place))
                if integer(data, 0):
                    self.notices.append(hidden_sheet(name))
                if part := targets.get(string(data, place)):
                    yield name, self._sheet(name, part)
                else:
                    self.notices.append(damaged_sheet(name))

    def _sheet(self, name: str, part: str) -> list[str]:
        content = guarded(lambda: self.archive.read(part), b"", f"the sheet “{name}”", self.notices)
        marks = Marks()
        merged, margins = _mark(content, marks)
        lines = [join(row) for row in spread(self._rows(name, content), merged)]
        for relation in relations(self.archive, part):
            if relation.kind == "comments":
                _comments(guarded(lambda part=relation.target: self.archive.read(part), b"", "comments", self.notices), marks)
        drawn(self.archive, part, marks, self.notices)
        self.notices += marks.told(name)
        self.pictures += marks.pictures
        return [*lines, *marks.lines, *margins]

    def _rows(self, name: str, content: bytes) -> Iterator[list[str]]:
        """All rows from the first, so that merged cells find their place; an empty one costs as much as a cell."""
        row: list[str] = []
        given, current, ended = 0, -1, False
        for number, data in records(content):
            if number == ROW:
                if current >= 0:
                    yield row
                    given = current + 1
                current, row = min(integer(data, 0), MAX_ROW), []
                if current < given:
                    self.notices.append(damaged_sheet(name))
                    return
                self.room -= current - given
                yield from ([] for _ in range(current - given if self.room >= 0 else 0))
            elif FIRST_CELL <= number <= LAST_CELL and current >= 0:
                column = integer(data, 0)
                if column < MAX_COLUMNS:
                    self.room -= 1 + max(0, column - len(row))
                    row += [""] * (column - len(row))
                    row[column:] = [self._value(number, data)]
                if self.room < 0:
                    self.notices.append(too_many_cells(name))
                    return
            ended = ended or number == DATA_END
        if current >= 0:
            yield row
        if not ended:
            self.notices.append(damaged_sheet(name))

    def _value(self, number: int, data: bytes) -> str:
        match number:
            case 2:  # BrtCellRk
                return self._number(compact(data, 8), data)
            case 5 | 9:  # BrtCellReal, BrtFmlaNum
                return self._number(real(data, 8), data)
            case 4 | 10:  # BrtCellBool, BrtFmlaBool
                return "TRUE" if data[8:9] == b"\1" else "FALSE"
            case 3 | 11:  # BrtCellError, BrtFmlaError
                return ERRORS.get(data[8] if len(data) > 8 else -1, "#ERROR")
            case 6 | 8:  # BrtCellSt, BrtFmlaString
                return string(data, 8)
        place = integer(data, 8)  # BrtCellIsst
        return self._strings[place] if place < len(self._strings) else ""

    def _number(self, value: float | None, data: bytes) -> str:
        style = integer(data, 4) & 0xFFFFFF
        shows = self._formats[style] if style < len(self._formats) else "number"
        return displayed(value, shows, self._since_1904)


def _formats(styles: bytes) -> list[Kind]:
    """What each cell style shows of a number."""
    codes: dict[int, str] = {}
    found: list[Kind] = []
    inside = False
    for number, data in records(styles):
        if number == FORMAT and len(data) >= 6:
            codes[struct.unpack_from("<H", data)[0]] = string(data, 2)
        elif number in (FORMATS_BEGIN, FORMATS_END):
            inside = number == FORMATS_BEGIN
        elif number == CELL_FORMAT and inside and len(data) >= 4:
            code = struct.unpack_from("<H", data, 2)[0]
            found.append(kind(code, codes.get(code)))
    return found


def _mark(content: bytes, marks: Marks) -> tuple[list[Range], list[str]]:
    """Hidden rows and columns; merged cells; the words of headers and footers."""
    merged: list[Range] = []
    margins: dict[str, None] = {}
    for number, data in records(content):
        if number == ROW and len(data) >= 12 and data[11] & 0x10:
            marks.hidden_rows.add(integer(data, 0))
        elif number == COLUMN and len(data) >= 18 and data[16] & 1:
            marks.hidden_columns |= set(range(integer(data, 0), min(integer(data, 4), 16_383) + 1))
        elif number == MERGED and len(data) >= 16:
            first, last, left, right = struct.unpack_from("<4I", data)
            merged.append(((first, left), (last, right)))
        elif number == HEADERS_FOOTERS:
            place = 2
            while place + 4 <= len(data):
                length = integer(data, place)
                length = 0 if length == 0xFFFFFFFF else length
                margins |= dict.fromkeys(margin(string(data, place)))
                place += 4 + 2 * length
    return merged, list(margins)


def _comments(content: bytes, marks: Marks) -> None:
    authors: list[str] = []
    cell, author = "", ""
    for number, data in records(content):
        if number == COMMENT_AUTHOR:
            authors.append(string(data, 0))
        elif number == COMMENT:
            place = integer(data, 0)
            author = authors[place] if place < len(authors) else ""
            cell = f"{letters(min(integer(data, 12), 16_383))}{integer(data, 4) + 1}"
        elif number == COMMENT_TEXT:
            marks.comment(cell, author, string(data, 1))


PARSERS = (XlsbParser(),)
