import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, MyelinError, PasswordRequired, UnsupportedType
from documents.parsers.base import Context
from tests.unit.documents.parsers.making import read
from tests.unit.documents.parsers.ole import biff, compound

BEGIN, END = biff(0x0809, struct.pack("<HHHH", 0x0600, 5, 0, 0)), biff(0x000A)
PLAIN, PERCENT, DATE = 0, 1, 2  # the formats of `workbook`


def string(text: str, size: int = 2) -> bytes:
    raw, wide = (text.encode("latin-1"), 0) if text.isascii() else (text.encode("utf-16-le"), 1)
    return len(text).to_bytes(size, "little") + bytes((wide,)) + raw


def shared(*texts: str, cut: int = 0) -> bytes:
    """The strings of the workbook; with `cut` a string goes on in the next record after so many bytes."""
    content = struct.pack("<II", len(texts), len(texts)) + b"".join(map(string, texts))
    return biff(0x00FC, content[:cut]) + biff(0x003C, b"\0" + content[cut:]) if cut else biff(0x00FC, content)


def workbook(*sheets: tuple[str, int, bytes], before: bytes = b"") -> bytes:
    """Sheets as (name, hidden, records), with three cell formats."""
    head = BEGIN + before + biff(0x041E, struct.pack("<H", 164) + string("0.00%"))
    head += b"".join(biff(0x00E0, struct.pack("<HH", 0, code).ljust(20, b"\0")) for code in (0, 164, 14))
    size = len(head) + sum(4 + 6 + len(string(name, 1)) for name, _, _ in sheets) + len(END)
    body = b""
    for name, hidden, content in sheets:
        head += biff(0x0085, struct.pack("<IBB", size + len(body), hidden, 0) + string(name, 1))
        body += BEGIN + content + END
    return compound(Workbook=head + END + body)


def number(row: int, column: int, value: float, style: int = PLAIN) -> bytes:
    return biff(0x0203, struct.pack("<HHHd", row, column, style, value))


def text(row: int, column: int, place: int) -> bytes:
    return biff(0x00FD, struct.pack("<HHHI", row, column, 0, place))


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


CELLS = b"".join([
    text(0, 0, 0), text(0, 1, 1), number(1, 0, 1234.56), number(1, 1, 0.1525, PERCENT), number(1, 2, 46086, DATE),
    biff(0x027E, struct.pack("<HHHi", 2, 0, 0, 150 << 2 | 3)), biff(0x00BD, struct.pack("<HHHiHiH", 2, 1, 0, 7 << 2 | 2, 1, 50 << 2 | 3, 2)),
    biff(0x0205, struct.pack("<HHHBB", 3, 0, 0, 1, 0)), biff(0x0205, struct.pack("<HHHBB", 3, 1, 0, 7, 1)),
    biff(0x0006, struct.pack("<HHHdHIH", 4, 0, 0, 42.5, 0, 0, 0)), biff(0x0006, struct.pack("<HHHB5xHHIH", 4, 1, 0, 0, 0xFFFF, 0, 0, 0)),
    biff(0x0207, string("calculated")), biff(0x0204, struct.pack("<HHH", 4, 2, 0) + string("ação")),
])  # fmt: skip


def test_all_kinds_of_cells(tmp_path: Path) -> None:
    content = workbook(("Vendas", 0, CELLS), before=shared("Item", "Preço"))
    pages, notices, _ = read(saved(tmp_path / "a.xls", content))
    assert pages[0].label == "Vendas"
    assert pages[0].text.split("\n") == [
        "Item | Preço", "1234.56 | 15.25% | 2026-03-05", "1.5 | 7 | 50%", "TRUE | #DIV/0!", "42.5 | calculated | ação",
    ]  # fmt: skip
    assert notices == []


@pytest.mark.parametrize("cut", [12, 14, 18])
def test_a_string_may_go_on_in_the_next_record(tmp_path: Path, cut: int) -> None:
    content = workbook(("S", 0, text(0, 0, 0) + text(0, 1, 1)), before=shared("abcdefghij", "next", cut=cut))
    assert read(saved(tmp_path / "a.xls", content))[0][0].text == "abcdefghij | next"


def test_hidden_parts_are_read_and_told(tmp_path: Path) -> None:
    row = biff(0x0208, struct.pack("<HHHHHHHH", 1, 0, 9, 0, 0, 0, 0x20, 0))
    columns = biff(0x007D, struct.pack("<HHHHHH", 2, 3, 0, 0, 1, 0))
    content = workbook(("Um", 0, row + columns + number(0, 0, 1) + number(1, 0, 2)), ("Dois", 1, number(0, 0, 3)))
    pages, notices, _ = read(saved(tmp_path / "a.xls", content))
    assert [page.text for page in pages] == ["1\n2", "3"]
    assert [notice.code for notice in notices] == ["hidden_cells", "hidden_sheet"]
    assert "rows 2 and columns C-D" in notices[0].message


def test_merged_cells_comments_boxes_and_margins(tmp_path: Path) -> None:
    def drawn(identity: int, words: str) -> bytes:
        return (
            biff(0x005D, struct.pack("<HHHH", 0x15, 0x12, 0x19, identity))
            + biff(0x01B6, struct.pack("<HH6xH6x", 0, 0, len(words)))
            + biff(0x003C, b"\0" + words[:3].encode())
            + biff(0x003C, b"\0" + words[3:].encode())
        )

    content = (
        number(0, 0, 7) + number(0, 1, 1) + number(1, 1, 2) + biff(0x00E5, struct.pack("<5H", 1, 0, 1, 0, 0))
        + drawn(1, "check this") + drawn(2, "in a box") + biff(0x001C, struct.pack("<4H", 1, 1, 0, 1) + string("Ana"))
        + biff(0x0014, string("&LContract 12&RPage &P"))
    )  # fmt: skip
    assert read(saved(tmp_path / "a.xls", workbook(("S", 0, content))))[0][0].text == (
        "7 | 1\n7 | 2\nin a box\nComment on B2 by Ana: check this\nContract 12"
    )


def test_cells_beyond_the_limit_are_told(tmp_path: Path) -> None:
    content = workbook(("S", 0, b"".join(number(row, 0, row) for row in range(9))))
    pages, notices, _ = read(saved(tmp_path / "a.xls", content), Context(max_cells=3))
    assert (pages[0].text, [notice.code for notice in notices]) == ("0\n1\n2", ["too_many_cells"])


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PasswordRequired):
        read(saved(tmp_path / "a.xls", workbook(before=biff(0x002F, b"\0" * 6))))


def test_a_sheet_that_is_not_there_costs_a_notice(tmp_path: Path) -> None:
    head = BEGIN + biff(0x0085, struct.pack("<IBB", 0xFFFFFF, 0, 0) + string("S", 1)) + END
    _, notices, _ = read(saved(tmp_path / "a.xls", compound(Workbook=head)))
    assert [notice.code for notice in notices] == ["sheet_damaged"]


def test_a_workbook_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    with pytest.raises((DamagedDocument, UnsupportedType)):
        read(saved(tmp_path / "a.xls", workbook(("S", 0, CELLS))[:600]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_workbook_ends_as_text_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(workbook(("S", 0, CELLS), before=shared("Item", "Preço")))
    for place in data.draw(st.lists(st.integers(0, len(content) - 5), max_size=12)):
        content[place : place + 4] = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\1\0\0\0", b"\xff\xff\xff\x7f"])
        )
    cut = data.draw(st.one_of(st.none(), st.integers(8, len(content))))
    with contextlib.suppress(MyelinError):
        read(saved(tmp_path / "a.xls", bytes(content[:cut])))
