import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsers.base import Context
from tests.unit.documents.parsers.making import read, repacked


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_are_plain_and_empty_ones_keep_their_place(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        Vendas=[
            ["Item", "Valor", "Data"], ["Pão | doce", 1234.56, datetime.date(2026, 3, 5)],
            [7, None, datetime.datetime(2026, 3, 5, 10, 30)],
            ["007", True, 0.1], [None, "NA", 1e20], ["linha\nquebrada", -3, datetime.time(8, 15)],
        ],
    )  # fmt: skip
    pages, notices, total = read(path)
    assert (len(pages), notices, total, pages[0].label) == (1, [], 1, "Vendas")
    assert pages[0].text.split("\n") == [
        "Item | Valor | Data", "Pão | doce | 1234.56 | 2026-03-05", "7 |  | 2026-03-05 10:30",
        "007 | TRUE | 0.1", " | NA | 1e+20", "linha quebrada | -3 | 08:15:00",
    ]  # fmt: skip


def test_each_sheet_is_labelled_and_hidden_ones_are_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["a"]], Dois=[["b"]], Tres=[["c"]])
    book = openpyxl.load_workbook(path)
    book["Dois"].sheet_state = "hidden"
    book["Tres"].sheet_state = "veryHidden"
    book.save(path)
    pages, notices, _ = read(path)
    assert [(page.number, page.label, page.text) for page in pages] == [(1, "Um", "a"), (2, "Dois", "b"), (3, "Tres", "c")]
    assert [notice.code for notice in notices] == ["hidden_sheet", "hidden_sheet"]
    assert "Dois" in notices[0].message


def test_merged_cells_are_read_once(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["Título", None, "x"], [1, 2, 3]])
    book = openpyxl.load_workbook(path)
    book["Um"].merge_cells("A1:B1")
    book.save(path)
    assert read(path)[0][0].text == "Título |  | x\n1 | 2 | 3"


def test_long_sheets_are_several_pages(tmp_path: Path) -> None:
    pages, _, total = read(workbook(tmp_path / "a.xlsx", Um=[[f"linha {number}", "x" * 60] for number in range(150)]))
    assert total == len(pages) == 3 and {page.label for page in pages} == {"Um"}
    assert "\n".join(page.text for page in pages).count("linha") == 150


def test_cells_beyond_the_limit_are_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[[number, number] for number in range(10)])
    pages, notices, _ = read(path, Context(max_cells=8))
    assert pages[0].text == "0 | 0\n1 | 1\n2 | 2\n3 | 3"
    assert [notice.code for notice in notices] == ["too_many_cells"]


def test_a_stray_cell_in_the_far_corner_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["a"]])
    book = openpyxl.load_workbook(path)
    book["Um"]["XFD1048576"] = "stray"
    book.save(path)
    with pytest.raises(DocumentTooComplex, match="far apart"):
        read(path)


def test_entities_and_bombs_are_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["a"]])
    with pytest.raises(DocumentTooComplex):
        read(repacked(path, tmp_path / "b.xlsx", **{"xl__worksheets__sheet1.xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}))
    with pytest.raises(DocumentTooComplex):
        read(repacked(path, tmp_path / "b.xlsx", **{"xl__worksheets__sheet1.xml": b" " * (9 << 20)}))


def test_damage_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["a"]], Dois=[["b"]])
    pages, notices, _ = read(repacked(path, tmp_path / "b.xlsx", **{"xl__worksheets__sheet1.xml": b"<worksheet><sheetData><row"}))
    assert [page.text for page in pages] == ["b"]
    assert [notice.code for notice in notices] == ["sheet_damaged"]
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<nothing")
    with pytest.raises(DamagedDocument):
        read(tmp_path / "c.xlsx")
