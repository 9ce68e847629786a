import contextlib
import struct
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import MyelinError
from documents.parsers.base import Context
from tests.unit.documents.parsers.making import read

TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def brt(number: int, content: bytes = b"") -> bytes:
    head = bytes((number,)) if number < 128 else bytes((number & 0x7F | 0x80, number >> 7))
    length, size = len(content), b""
    while True:
        size += bytes((length & 0x7F | (0x80 if length > 127 else 0),))
        length >>= 7
        if not length:
            return head + size + content


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def cell(number: int, column: int, content: bytes, style: int = 0) -> bytes:
    return brt(number, struct.pack("<II", column, style) + content)


def row(number: int, *cells: bytes, hidden: bool = False) -> bytes:
    return brt(0, struct.pack("<IIHBBB", number, 0, 300, 0, 0x10 * hidden, 0)) + b"".join(cells)


def links(*targets: tuple[str, str]) -> str:
    found = "".join(f'<Relationship Id="rId{n}" Type="{TYPE}/{kind}" Target="{to}"/>' for n, (kind, to) in enumerate(targets, 1))
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{found}</Relationships>'


COMMENTS = brt(632, wide("Ana")) + brt(635, struct.pack("<IIIII16x", 0, 1, 1, 1, 1)) + brt(637, b"\0" + wide("check this"))
STYLES = (
    brt(44, struct.pack("<H", 164) + wide("0.0%")) + brt(47, struct.pack("<HH12x", 0, 14)) + brt(617, struct.pack("<I", 3))
    + b"".join(brt(47, struct.pack("<HH12x", 0, code)) for code in (0, 164, 14)) + brt(618)
)  # fmt: skip
SHEET = (
    brt(60, struct.pack("<IIIIH", 2, 3, 0, 0, 1))
    + row(0, cell(7, 0, struct.pack("<I", 0)), cell(6, 1, wide("Preço")), cell(2, 3, struct.pack("<i", 150 << 2 | 3)))
    + row(1, cell(5, 0, struct.pack("<d", 1234.56)), cell(5, 1, struct.pack("<d", 0.1525), 1), cell(5, 2, struct.pack("<d", 46086), 2))
    + row(3, cell(4, 0, b"\1"), cell(11, 1, b"\7" + bytes(6)), cell(8, 2, wide("text")), hidden=True)
    + brt(146) + brt(176, struct.pack("<4I", 1, 3, 2, 2)) + brt(479, b"\0\0" + wide("&LContract 12"))
)  # fmt: skip


def workbook(path: Path, sheet: bytes = SHEET, *, hidden: int = 0, early: bool = False, comments: bytes = COMMENTS) -> Path:
    more = struct.pack("<I", 1) if early else b""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_rels/.rels", links(("officeDocument", "xl/workbook.bin")))
        archive.writestr("xl/workbook.bin", brt(156, struct.pack("<II", hidden, 1) + more + wide("rId1") + wide("Vendas")))
        archive.writestr("xl/_rels/workbook.bin.rels",
                         links(("worksheet", "worksheets/s.bin"), ("sharedStrings", "sst.bin"), ("styles", "styles.bin")))  # fmt: skip
        archive.writestr("xl/worksheets/s.bin", sheet)
        archive.writestr("xl/worksheets/_rels/s.bin.rels", links(("comments", "../comments1.bin")))
        archive.writestr("xl/comments1.bin", comments)
        archive.writestr("xl/sst.bin", brt(19, b"\0" + wide("Item")))
        archive.writestr("xl/styles.bin", STYLES)
    return path


def test_all_kinds_of_cells_with_comments_and_margins(tmp_path: Path) -> None:
    pages, notices, _ = read(workbook(tmp_path / "a.xlsb", hidden=1))
    assert pages[0].label == "Vendas"
    assert pages[0].text.split("\n") == [
        "Item | Preço |  | 1.5", "1234.56 | 15.25% | 2026-03-05", "", "TRUE | #DIV/0! | text",
        "Comment on B2 by Ana: check this", "Contract 12",
    ]  # fmt: skip
    assert [notice.code for notice in notices] == ["hidden_sheet", "hidden_cells"]
    assert "rows 4 and columns C-D" in notices[1].message


def test_workbooks_of_the_first_programs_are_read(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "a.xlsb", early=True))[0][0].label == "Vendas"


def test_a_sheet_that_is_cut_off_is_told(tmp_path: Path) -> None:
    pages, notices, _ = read(workbook(tmp_path / "a.xlsb", SHEET[:60]))
    assert pages[0].text.startswith("Item") and [notice.code for notice in notices] == ["sheet_damaged", "hidden_cells"]


def test_a_stray_cell_far_below_does_not_fill_the_memory(tmp_path: Path) -> None:
    sheet = row(0, cell(6, 0, wide("a"))) + row(1_048_000, cell(6, 0, wide("stray"))) + brt(146)
    pages, notices, _ = read(workbook(tmp_path / "a.xlsb", sheet), Context(max_cells=1_000))
    assert [page.text for page in pages] == ["a\nComment on B2 by Ana: check this"]
    assert [notice.code for notice in notices] == ["too_many_cells"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_sheet_ends_as_text_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(SHEET)
    for place in data.draw(st.lists(st.integers(0, len(content) - 5), max_size=8)):
        content[place : place + 4] = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\1\0\0\0", b"\xff\xff\xff\x7f"])
        )
    with contextlib.suppress(MyelinError):
        read(workbook(tmp_path / "a.xlsb", bytes(content[: data.draw(st.integers(0, len(content)))])), Context(max_cells=10_000))
