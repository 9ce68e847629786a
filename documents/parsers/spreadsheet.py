"""Excel workbooks: every sheet, hidden ones too, as rows of `cell | cell`; values plain, dates in ISO."""

import datetime
import math
import re
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsed import Notice, Page, Total
from documents.parsers.archives import Archive, refuse_entities
from documents.parsers.base import Context, Sniffed
from documents.parsers.csv import join
from documents.parsers.pagination import clean, pages, stretches

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_COLUMNS = 1_000  # of a row that are kept
GRID_FACTOR = 4  # cells of the grid around all filled ones, by the cells that may be read: calamine holds the whole grid
CELL = re.compile(rb'<(?:\w{1,20}:)?c r="([A-Z]{1,3})(\d{1,7})"[^>/]{0,200}>\s{0,20}<')  # a cell with something in it


class WorkbookParser:
    title = "Excel workbook (XLSX, XLSM)"
    content_type = CONTENT_TYPE
    extensions = (".xlsx", ".xlsm")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if "xl/workbook.xml" in sniffed.zip_members else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        _check(path, context.max_cells)
        try:
            workbook = CalamineWorkbook.from_path(str(path))
        except (CalamineError, OSError, ValueError):
            raise DamagedDocument("The workbook is damaged and cannot be opened.") from None
        texts: list[tuple[str, str | None]] = []
        notices: list[Notice] = []
        with workbook:
            room = context.max_cells
            for sheet in workbook.sheets_metadata:
                if sheet.typ != SheetTypeEnum.WorkSheet:
                    continue
                if sheet.visible != SheetVisibleEnum.Visible:
                    notices.append(Notice("hidden_sheet", f"The sheet “{sheet.name}” is hidden; it was read too."))
                lines, room = _lines(workbook, sheet.name, room, notices)
                texts += ((part, sheet.name) for part in stretches(lines))
        yield from pages(texts, context.max_pages, notices)


def _check(path: Path, max_cells: int) -> None:
    """Refuses archives made to explode, and sheets whose outermost cells span a grid that would fill the memory."""
    with Archive(path) as archive:
        for name in sorted(archive.names):
            content = archive.read(name) if not name.endswith("/") else b""
            if not name.endswith((".xml", ".rels", ".vml")):
                continue
            refuse_entities(content)
            if "/worksheets/" in name and _span(content) > GRID_FACTOR * max_cells:
                raise DocumentTooComplex("A sheet's cells lie too far apart.", hint="Delete stray cells far outside the table.")


def _span(sheet: bytes) -> int:
    """How many cells the rectangle around all filled cells has."""
    rows: list[int] = []
    columns: set[bytes] = set()
    for match in CELL.finditer(sheet):
        columns.add(match[1])
        rows.append(int(match[2]))
    if not rows:
        return 0
    letters = [sum((letter - 64) * 26**place for place, letter in enumerate(reversed(name))) for name in columns]
    return (max(rows) - min(rows) + 1) * (max(letters) - min(letters) + 1)


def _lines(workbook: CalamineWorkbook, name: str, room: int, notices: list[Notice]) -> tuple[list[str], int]:
    """The rows of a sheet as lines, and how many cells may still be read."""
    lines: list[str] = []
    try:
        for row in workbook.get_sheet_by_name(name).iter_rows():
            room -= len(row)
            if room < 0:
                notices.append(Notice("too_many_cells", f"The sheet “{name}” has too many cells; its end was not read."))
                return lines, 0
            lines.append(join([_shown(cell) for cell in row[:MAX_COLUMNS]]))
    except (CalamineError, ValueError, OSError):
        notices.append(Notice("sheet_damaged", f"The sheet “{name}” is damaged and was not read to its end."))
    return lines, room


def _shown(cell: object) -> str:
    """A value as plain text: 1234.56, 7, 2026-03-05, 2026-03-05 10:30, TRUE."""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell) if math.isfinite(cell) else ""
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds" if cell.second else "minutes")
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


PARSERS = (WorkbookParser(),)
