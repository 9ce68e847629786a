import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

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


def changed(path: Path, change: Callable[[openpyxl.Workbook], None]) -> Path:
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


def test_hidden_rows_and_columns_are_read_and_told(tmp_path: Path) -> None:
    def hide(book: openpyxl.Workbook) -> None:
        book["Um"].row_dimensions[2].hidden = True
        book["Um"].column_dimensions["B"].hidden = True

    path = changed(workbook(tmp_path / "a.xlsx", Um=[["a", "b"], ["c", "d"]]), hide)
    pages, notices, _ = read(path)
    assert pages[0].text == "a | b\nc | d"
    assert [notice.code for notice in notices] == ["hidden_cells"]
    assert "rows 2 and columns B" in notices[0].message


def test_percentages_comments_charts_and_margins_are_read(tmp_path: Path) -> None:
    def add(book: openpyxl.Workbook) -> None:
        sheet = book["Um"]
        sheet["B2"].number_format = "0.0%"
        sheet["A1"].comment = Comment("check this", "Ana")
        sheet.oddHeader.left.text = "Contract 12"
        sheet.oddFooter.center.text = "Page &P"
        chart = BarChart()
        chart.title = "Sales of 2026"
        chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=2), titles_from_data=True)
        sheet.add_chart(chart, "D4")

    path = changed(workbook(tmp_path / "a.xlsx", Um=[["Item", "Share"], ["Pão", 0.1525]]), add)
    lines = read(path)[0][0].text.split("\n")
    assert lines[:2] == ["Item | Share", "Pão | 15.25%"]
    assert {"Comment on A1 by Ana: check this", "Contract 12", "Sales of 2026"} <= set(lines)


def test_cells_merged_over_rows_are_told_in_each(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["Ana", 1], [None, 2], [None, 3], ["Bia", 4]])
    changed(path, lambda book: book["Um"].merge_cells("A1:A3"))
    assert read(path)[0][0].text == "Ana | 1\nAna | 2\nAna | 3\nBia | 4"


def test_numbers_show_no_binary_noise(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "a.xlsx", Um=[[20.990000000000002, 0.1 + 0.2]]))[0][0].text == "20.99 | 0.3"


def test_counts_that_no_workbook_has_are_damage(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["a"]])
    strings = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="99999999999999"><si/></sst>'
    with pytest.raises(DamagedDocument):
        read(repacked(path, tmp_path / "b.xlsx", **{"xl__sharedStrings.xml": strings}))


def test_one_text_may_be_shown_in_a_thousand_cells(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Um=[["a"]])
    strings = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="1040" uniqueCount="1"><si><t>x</t></si></sst>'
    assert read(repacked(path, tmp_path / "b.xlsx", **{"xl__sharedStrings.xml": strings}))[1] == []
