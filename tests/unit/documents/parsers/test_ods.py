from pathlib import Path

from documents.parsers.base import Context
from tests.unit.documents.parsers.making import read
from tests.unit.documents.parsers.test_odt import odf


def cell(text: str = "", kind: str = "string", value: str = "", more: str = "", inside: str = "") -> str:
    name = {"date": "date-value", "boolean": "boolean-value"}.get(kind, "value")
    content = f"<text:p>{text}</text:p>" if text else ""
    return f'<table:table-cell office:value-type="{kind}" office:{name}="{value}" {more}>{content}{inside}</table:table-cell>'


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def sheet(*rows: str, name: str = "Um", more: str = "") -> str:
    return f'<table:table table:name="{name}" {more}>{"".join(rows)}</table:table>'


def test_numbers_are_exact_and_dates_plain(tmp_path: Path) -> None:
    cells = [
        cell("1.234,57", "float", "1234.5678"), cell("R$ 7,00", "currency", "7"), cell("15%", "percentage", "0.1525"),
        cell("05/03/26", "date", "2026-03-05"), cell("05/03/26 10:30", "date", "2026-03-05T10:30:00"), cell("VERDADEIRO", "boolean", "true"),
        cell("8:15", "time", ""), cell("007"),
    ]  # fmt: skip
    pages, notices, _ = read(odf(tmp_path / "a.ods", "spreadsheet", sheet(row(*cells))))
    assert [(page.label, page.text) for page in pages] == [
        ("Um", "1234.5678 | 7 | 15.25% | 2026-03-05 | 2026-03-05 10:30 | TRUE | 8:15 | 007"),
    ]
    assert notices == []


def test_hidden_parts_are_read_and_told(tmp_path: Path) -> None:
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/>'
    hidden = 'table:visibility="collapse" table:number-rows-repeated="2"'
    body = sheet(columns, row(cell("a"), cell("b")), row(cell("c"), more=hidden)) + sheet(
        row(cell("d")), name="Dois", more='table:style-name="X"'
    )
    pages, notices, _ = read(odf(tmp_path / "a.ods", "spreadsheet", body))
    assert [page.text for page in pages] == ["a | b\nc\nc", "d"]
    assert [notice.code for notice in notices] == ["hidden_cells", "hidden_sheet"]
    assert "rows 2-3 and columns B" in notices[0].message


def test_merged_cells_comments_boxes_and_margins(tmp_path: Path) -> None:
    note = "<office:annotation><dc:creator>Ana</dc:creator><text:p>check</text:p></office:annotation>"
    box = "<table:shapes><draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></table:shapes>"
    spans = 'table:number-rows-spanned="2"'
    covered = "<table:covered-table-cell/>"
    body = sheet(row(cell("A", more=spans), cell("b", inside=note)), row(covered, cell("c")), box)
    master = (
        "<style:footer><text:p>Contract 12</text:p><text:p>Page <text:page-number>1</text:page-number></text:p></style:footer>"
    )
    pages, _, _ = read(odf(tmp_path / "a.ods", "spreadsheet", body, master))
    assert pages[0].text == "A | b\nA | c\nComment on B1 by Ana: check\nboxed\nContract 12"


def test_repeated_cells_do_not_fill_the_memory(tmp_path: Path) -> None:
    many = 'table:number-columns-repeated="999999999"'
    rows = 'table:number-rows-repeated="999999999"'
    body = sheet(row(cell("x", more=many), more=rows), row(more=rows))
    pages, notices, _ = read(odf(tmp_path / "a.ods", "spreadsheet", body), Context(max_cells=5_000))
    assert sum(page.text.count("x") for page in pages) <= 7_000
    assert [notice.code for notice in notices] == ["too_many_cells"]


def test_empty_rows_keep_their_place_before_filled_ones(tmp_path: Path) -> None:
    body = sheet(
        row(cell("a")),
        row(more='table:number-rows-repeated="2"'),
        row(cell("b")),
        row(more='table:number-rows-repeated="1048000"'),
    )
    assert read(odf(tmp_path / "a.ods", "spreadsheet", body))[0][0].text == "a\n\n\nb"
