import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, MyelinError, PasswordRequired, UnsupportedType
from tests.unit.documents.parsers.making import read
from tests.unit.documents.parsers.ole import compound
from tests.unit.documents.parsers.worddoc import DELETED, HIDDEN, IN_TABLE, ROW_END, word


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def text_of(tmp_path: Path, content: bytes) -> str:
    return "\n---\n".join(page.text for page in read(saved(tmp_path / "a.doc", content))[0])


@pytest.mark.parametrize(("wide", "pieces"), [(True, 1), (False, 1), (True, 7), (False, 5)])
def test_pieces_are_put_in_order_in_one_or_two_bytes(tmp_path: Path, wide: bool, pieces: int) -> None:
    text = "Ação entre amigos – nº 4711\rValor: 1.234,56 “total”\r"
    assert text_of(tmp_path, word({"body": text}, wide=wide, pieces=pieces)) == text.replace("\r", "\n").rstrip("\n")


def test_characters_beyond_the_basic_plane_keep_positions(tmp_path: Path) -> None:
    # A sign that counts twice stands before the hidden text.
    body = "𐌲 visible hidden end\r"
    first = len("𐌲".encode("utf-16-le")) // 2 + len(" visible ")
    content = word({"body": body.encode("utf-16-le").decode("utf-16-le")}, characters=[(first, first + 6, HIDDEN)])
    pages, notices, _ = read(saved(tmp_path / "a.doc", content))
    assert pages[0].text == "𐌲 visible  end"
    assert [notice.code for notice in notices] == ["hidden_text"]


def test_hidden_and_deleted_text_is_left_out_and_told(tmp_path: Path) -> None:
    body = "keep secret keep gone keep\r"
    runs = [(5, 11, HIDDEN), (17, 21, DELETED)]
    pages, notices, _ = read(saved(tmp_path / "a.doc", word({"body": body}, characters=runs)))
    assert pages[0].text == "keep  keep  keep"
    assert [notice.code for notice in notices] == ["hidden_text", "deleted_text"]


def test_tables_are_rows_of_cells(tmp_path: Path) -> None:
    body = "before\rItem\x07Qtd\x07\x07Pão\rfrancês\x07\x07\x07after\r"
    ends = [place for place, sign in enumerate(body) if sign == "\x07"]
    row_ends = [(ends[2], ends[2] + 1), (ends[5], ends[5] + 1)]
    paragraphs = sorted([(7, 11, IN_TABLE), (17, 21, IN_TABLE), *((first, last, ROW_END) for first, last in row_ends)])
    content = word({"body": body}, paragraphs=paragraphs)
    assert text_of(tmp_path, content) == "before\nItem | Qtd\nPão francês\nafter"
    assert text_of(tmp_path, word({"body": "a\x07b\x07\x07c\x07d\x07\x07end\r"})) == "a | b\nc | d\nend"


def test_only_the_results_of_fields_are_shown(tmp_path: Path) -> None:
    body = "see \x13 HYPERLINK \x13 X \x14inner\x15 \x14the page\x15.\x13 PAGE \x15\r"
    assert text_of(tmp_path, word({"body": body})) == "see the page."


def test_notes_comments_margins_and_boxes_are_read(tmp_path: Path) -> None:
    stories = {
        "body": "One\x02 two\x05.\r\x0cPage two\r", "footnotes": "\x02 a note\r", "margins": "HEAD\rFOOT\r",
        "comments": "\x05 check this\r", "boxes": "in a box\r",
    }  # fmt: skip
    owner = "Ana Lima"
    content = word(
        stories,
        footnote_places=struct.pack("<IIH", 3, 99, 1), footnote_texts=struct.pack("<II", 0, 9),
        comment_places=struct.pack("<II", 8, 99) + struct.pack("<20xH8x", 0), comment_texts=struct.pack("<II", 0, 13),
        owners=struct.pack("<H", len(owner)) + owner.encode("utf-16-le"),
        margins=struct.pack("<13I", *([0] * 7), 0, 5, 5, 10, 10, 10),
    )  # fmt: skip
    assert text_of(tmp_path, content) == (
        "HEAD\nOne[1] two.\n[1] a note\nComment by Ana Lima: check this\n---\nPage two\nin a box\nFOOT"
    )


def test_special_characters(tmp_path: Path) -> None:
    pages, notices, _ = read(saved(tmp_path / "a.doc", word({"body": "a\x0bb\tc\x1ed\x1fe\x01\r"})))
    assert pages[0].text == "a\nb\tc-de"
    assert [notice.code for notice in notices] == ["pictures_unread"]


@pytest.mark.parametrize("flags", [0x0300, 0x8200])
def test_a_password_is_asked_for(tmp_path: Path, flags: int) -> None:
    with pytest.raises(PasswordRequired):
        text_of(tmp_path, word({"body": "secret\r"}, flags=flags))


def test_early_versions_are_read_when_they_are_plain(tmp_path: Path) -> None:
    text = "Texto de 1995\rsegunda linha\r".encode("cp1252")
    head = struct.pack("<HHHHHH", 0xA5DC, 104, 0, 0, 0, 0).ljust(0x18, b"\0") + struct.pack("<II", 768, 768 + len(text))
    head = head.ljust(0x34, b"\0") + struct.pack("<8I", len(text), *([0] * 7))
    content = head.ljust(768, b"\0") + text
    assert text_of(tmp_path, compound(WordDocument=content)) == "Texto de 1995\nsegunda linha"
    with pytest.raises(UnsupportedType):
        text_of(tmp_path, compound(WordDocument=content[:10] + b"\4\0" + content[12:]))


def test_a_document_without_a_piece_table_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedDocument):
        text_of(tmp_path, compound(WordDocument=struct.pack("<HH", 0xA5EC, 193)))


SAMPLE = word(
    {"body": "One\x02 two\x05.\rcell\x07cell\x07\x07\r", "footnotes": "\x02 a note\r", "comments": "\x05 c\r"},
    characters=[(0, 2, HIDDEN)], paragraphs=[(9, 14, IN_TABLE), (19, 20, ROW_END)],
    footnote_places=struct.pack("<IIH", 3, 99, 1), footnote_texts=struct.pack("<II", 0, 9),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_document_ends_as_text_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(SAMPLE)
    for place in data.draw(st.lists(st.integers(0, len(content) - 5), max_size=12)):
        content[place : place + 4] = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\1\0\0\0", b"\xff\xff\xff\x7f"])
        )
    cut = data.draw(st.one_of(st.none(), st.integers(8, len(content))))
    with contextlib.suppress(MyelinError):
        read(saved(tmp_path / "a.doc", bytes(content[:cut])))
