"""ODS: workbooks of OpenDocument; numbers exact, dates in ISO, texts as they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lxml import etree

from documents.parsed import Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.breaks import texts
from documents.parsers.csv import join
from documents.parsers.odt import EXTENSIONS, MIMETYPE, OdfFile, kind
from documents.parsers.ooxml import attribute, local
from documents.parsers.opendocument import Walk
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.sheets import MAX_COLUMNS, Marks, Range, hidden_sheet, letters, plain, shown, spread, too_many_cells

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384
HIDDEN = ("collapse", "filter")
MAX_DIGITS = 400  # of a number that is written out


class OdsParser:
    title = "OpenDocument workbook (ODS)"
    content_type = f"{MIMETYPE}spreadsheet"
    extensions = EXTENSIONS["spreadsheet"]

    def accepts(self, sniffed: Sniffed) -> int | None:
        return kind(sniffed, "spreadsheet")

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        shown_pages: list[tuple[str, str | None]] = []
        with Archive(path) as archive:
            file = OdfFile(archive, context.max_cells)
            walk = file.walk()
            workbook = _Workbook(file, walk, context.max_cells)
            for body in file.body("spreadsheet"):
                for table in (node for node in body if local(node) == "table"):
                    name = clean(attribute(table, "name"))
                    shown_pages += ((part, name) for part in stretches(workbook.sheet(table, name)))
            margins = [*file.margins("header", fields=False), *file.margins("footer", fields=False)]
            if margins and shown_pages:
                text, label = shown_pages[-1]
                shown_pages[-1] = "\n".join([text, *margins]), label
        yield from pages(shown_pages, context.max_pages, [*workbook.notices, *file.told(walk)])


@dataclass
class _Workbook:
    """`room` is how many cells may still be read."""

    file: OdfFile
    walk: Walk
    room: int
    notices: list[Notice] = field(default_factory=list)

    def sheet(self, table: etree._Element, name: str) -> list[str]:
        """The lines of a sheet: its rows, then what lies on it."""
        if attribute(table, "style-name") in self.file.styles.invisible:
            self.notices.append(hidden_sheet(name))
        marks = Marks()
        merged: list[Range] = []
        rows = list(self._rows(table, name, marks, merged))
        lines = [join(row) for row in spread(rows, merged)]
        for shapes in table.iterfind("{*}shapes"):
            marks.lines += texts(self.walk.blocks(shapes))
        self.notices += marks.told(name)
        return lines + marks.lines

    def _rows(self, table: etree._Element, name: str, marks: Marks, merged: list[Range]) -> Iterator[list[str]]:
        """Filled rows as often as they count; empty ones only before filled ones."""
        number = gap = column = 0
        for node in _within(table):
            count = _count(node, "number-columns-repeated" if local(node) == "table-column" else "number-rows-repeated")
            hidden = attribute(node, "visibility") in HIDDEN
            if local(node) == "table-column":
                if hidden and column < MAX_COLUMN:
                    marks.hidden_columns |= set(range(column, min(column + count, MAX_COLUMN)))
                column += count
                continue
            row = self._row(node, number + gap, marks, merged)
            if not any(row):
                gap += count
                continue
            yield from ([] for _ in range(gap if gap < MAX_ROW else 0))
            number, gap = number + gap, 0
            if hidden:
                marks.hidden_rows |= set(range(number, min(number + count, MAX_ROW)))
            copies = min(count, max(0, self.room) // len(row) + 1)
            self.room -= copies * len(row)
            yield from (list(row) for _ in range(copies))
            number += count
            if self.room < 0:
                self.notices.append(too_many_cells(name))
                return

    def _row(self, node: etree._Element, number: int, marks: Marks, merged: list[Range]) -> list[str]:
        row: list[str] = []
        for cell in node:
            if local(cell) not in ("table-cell", "covered-table-cell") or len(row) >= MAX_COLUMNS:
                continue
            text = self._value(cell, number, len(row), marks) if len(cell) or attribute(cell, "value-type") else ""
            rows, columns = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
            if rows > 1:
                merged.append(((number, len(row)), (number + rows - 1, len(row) + columns - 1)))
            row += [text] * min(_count(cell, "number-columns-repeated"), MAX_COLUMNS - len(row))
        while row and not row[-1]:
            row.pop()
        return row

    def _value(self, cell: etree._Element, row: int, column: int, marks: Marks) -> str:
        lines = texts(self._content(cell, row, column, marks))
        value = attribute(cell, "value")
        match attribute(cell, "value-type"):
            case "float" | "currency":
                return _number(value) or " ".join(lines)
            case "percentage":
                return f"{number}%" if (number := _number(value, 100)) else " ".join(lines)
            case "boolean":
                return attribute(cell, "boolean-value").upper()
            case "date":
                day, _, time = clean(attribute(cell, "date-value")).partition("T")
                return f"{day} {time.removesuffix(':00')}" if time.strip("0:.") else day
        return " ".join(lines)

    def _content(self, cell: etree._Element, row: int, column: int, marks: Marks) -> list[str]:
        """The lines of a cell; its comments and the shapes that hang on it go below the sheet."""
        lines: list[str] = []
        for child in cell:
            if local(child) == "annotation":
                author = "".join(text for node in child.iterfind("{*}creator") for text in node.itertext())
                marks.comment(f"{letters(column)}{row + 1}", clean(author), " ".join(texts(self.walk.blocks(child))))
            elif local(child) in ("p", "h"):
                lines += self.walk.paragraph(child)
            else:
                marks.lines += texts(self.walk.blocks([child]))
        return lines


def _within(table: etree._Element) -> Iterator[etree._Element]:
    """Columns and rows, also those in groups and headers."""
    for child in table:
        tag = local(child)
        if tag in ("table-row", "table-column"):
            yield child
        elif tag.startswith(("table-header-", "table-row", "table-column", "table-rows")):
            yield from _within(child)


def _count(node: etree._Element, name: str) -> int:
    value = attribute(node, name)
    return max(1, min(int(value), MAX_ROW)) if value.isdecimal() and len(value) < 10 else 1


def _number(value: str, factor: int = 1) -> str:
    """A decimal as plain text, "" for what is none."""
    try:
        number = Decimal(value) * factor
    except InvalidOperation:
        return ""
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        return ""
    return shown(float(number)) if len(number.as_tuple().digits) > 15 else plain(number)


PARSERS = (OdsParser(),)
