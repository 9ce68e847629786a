"""XLSX: every sheet, hidden ones too, as rows of `cell | cell`; values plain, dates in ISO."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from core.errors import DamagedDocument, DocumentError, PasswordRequired
from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.archives import Archive, refuse_entities
from documents.parsers.base import Context, Sniffed
from documents.parsers.csv import join
from documents.parsers.embedded import embedded
from documents.parsers.ooxml import pictures_unread
from documents.parsers.pagination import pages, stretches
from documents.parsers.sheets import MAX_COLUMNS, Marks, check_grid, damaged_sheet, hidden_sheet, shown, spread, too_many_cells
from documents.parsers.xlsxmarks import Workbook

CELL = re.compile(rb'<(?:\w{1,20}:)?c r="([A-Z]{1,3})(\d{1,7})"[^>/]{0,200}>\s{0,20}<')  # a cell with something in it
COUNT = re.compile(rb'\b(?:c|uniqueC)ount="0{0,20}(\d{1,30})"')  # memory is taken for so many before any is seen
SKIPPED = (SheetTypeEnum.MacroSheet, SheetTypeEnum.Vba)


class WorkbookParser:
    title = "Excel workbook (XLSX, XLSM)"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    extensions = (".xlsx", ".xlsm", ".xltx")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if "xl/workbook.xml" in sniffed.zip_members else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        notices: list[Notice] = []
        with Archive(path) as archive:
            _check(archive, context.max_cells)
            workbook = Workbook(archive, notices)
            reading = Reading(context, notices)
            reading.read(path, workbook.of)
            held = embedded(archive, (name for name in archive.names if name.startswith("xl/embeddings/")), notices)
        yield from reading.pages()
        yield from held


@dataclass
class Reading:
    """The sheets of a workbook as `calamine` reads them, with the marks that it does not."""

    context: Context
    notices: list[Notice]
    pictures: int = 0
    _texts: list[tuple[str, str | None]] = field(default_factory=list)

    def read(self, path: Path, marks_of: Callable[[str], Marks]) -> None:
        """`marks_of(name)` gives the marks of a sheet. Raises PasswordRequired, DamagedDocument."""
        with _as_damage():
            workbook = CalamineWorkbook.from_path(str(path))
        room = self.context.max_cells
        with workbook:
            for sheet in workbook.sheets_metadata:
                if sheet.typ in SKIPPED:
                    continue
                if sheet.visible != SheetVisibleEnum.Visible:
                    self.notices.append(hidden_sheet(sheet.name))
                marks = marks_of(sheet.name)
                self.notices += marks.told(sheet.name)
                self.pictures += marks.pictures
                lines, room = self._lines(workbook, sheet.name, marks, room)
                self._texts += ((part, sheet.name) for part in stretches([*lines, *marks.lines]))

    def pages(self) -> Iterator[Page | Notice | Total]:
        return pages(self._texts, self.context.max_pages, [*self.notices, *pictures_unread(self.pictures)])

    def _lines(self, workbook: CalamineWorkbook, name: str, marks: Marks, room: int) -> tuple[list[str], int]:
        """The rows of a sheet as lines, and how many cells may still be read."""
        lines: list[str] = []
        try:
            with _as_damage():
                sheet = workbook.get_sheet_by_name(name)
                rows = (_row(number, row, marks) for number, row in enumerate(sheet.iter_rows()))
                for row in spread(rows, sheet.merged_cell_ranges or ()):
                    room -= len(row)
                    if room < 0:
                        self.notices.append(too_many_cells(name))
                        return lines, 0
                    lines.append(join(row))
        except DamagedDocument:
            self.notices.append(damaged_sheet(name))
        return lines, room


def _row(number: int, cells: list[object], marks: Marks) -> list[str]:
    if not marks.percents:
        return [shown(cell) for cell in cells[:MAX_COLUMNS]]
    return [shown(cell, (number, column) in marks.percents) for column, cell in enumerate(cells[:MAX_COLUMNS])]


@contextmanager
def _as_damage() -> Iterator[None]:
    """What `calamine` says of broken files, which may also be a panic of its own: that is no `Exception`."""
    try:
        yield
    except DocumentError:
        raise
    except PasswordError:
        raise PasswordRequired("The workbook is encrypted with a password.") from None
    except (CalamineError, OSError, ValueError, OverflowError):
        raise DamagedDocument("The workbook is damaged and cannot be opened.") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DamagedDocument("The workbook is damaged and cannot be opened.") from None


def _check(archive: Archive, max_cells: int) -> None:
    """Refuses archives made to explode, and sheets whose outermost cells span a grid that would fill the memory."""
    for name in sorted(archive.names):
        content = archive.read(name) if not name.endswith("/") else b""
        if not name.endswith((".xml", ".rels", ".vml")):
            continue
        refuse_entities(content)
        if any(int(match[1]) > max(len(content), max_cells) for match in COUNT.finditer(content)):
            raise DamagedDocument("The workbook is damaged: it counts more than it holds.")
        if "/worksheets/" in name:
            check_grid(*_span(content), max_cells)


def _span(sheet: bytes) -> tuple[int, int]:
    """How many rows and columns the rectangle around all filled cells has."""
    rows: list[int] = []
    columns: set[bytes] = set()
    for match in CELL.finditer(sheet):
        columns.add(match[1])
        rows.append(int(match[2]))
    if not rows:
        return 0, 0
    letters = [sum((letter - 64) * 26**place for place, letter in enumerate(reversed(name))) for name in columns]
    return max(rows) - min(rows) + 1, max(letters) - min(letters) + 1


PARSERS = (WorkbookParser(),)
