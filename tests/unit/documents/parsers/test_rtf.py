import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError
from tests.unit.documents.parsers.making import read

HEAD = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Cyr;}{\f2\fcharset128 Jap;}}"


def saved(path: Path, body: str | bytes) -> Path:
    path.write_bytes(body if isinstance(body, bytes) else (HEAD + body + "}").encode("latin-1"))
    return path


def text_of(tmp_path: Path, body: str) -> str:
    return "\n---\n".join(page.text for page in read(saved(tmp_path / "a.rtf", body))[0])


def codes(tmp_path: Path, body: str) -> list[str]:
    return [notice.code for notice in read(saved(tmp_path / "a.rtf", body))[1]]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"12.345{\b .678}/0001-95\tab fim\par segundo\line meio", "12.345.678/0001-95\tfim\nsegundo\nmeio"),
        (r"caf\'e9 \u8364? {\f1 \'cf\'f0} {\f2 \'93\'fa\'96\'7b}", "café € Пр 日本"),
        (r"{\uc2\u228\'E8a}b \u-10179?\u-8694? \uc0\u228ok", "äb 😊 äok"),
        (r"\{a\\b\}\~c\_d\-e\emdash\ldblquote x\rdblquote", "{a\\b}\u00a0c-de—“x”"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt a link}} {\listtext 1.\tab}item", "a link 1.\titem"),
        (r"{\stylesheet{\s1 Heading;}}{\info{\title no}}{\*\unknown no{deep no}}{\pict\bin3 }{}}yes", "yes"),
        (r"{\upr{ansi}{\*\ud unicode}} end", "unicode end"),
        (r"one\page two\sect three", "one\n---\ntwo\n---\nthree"),
        (r"\sbknone one\sect two", "one\ntwo"),
    ],
)  # fmt: skip
def test_text(tmp_path: Path, body: str, text: str) -> None:
    assert text_of(tmp_path, body) == text


def test_tables_are_rows_of_cells(tmp_path: Path) -> None:
    rows = r"\trowd\cellx1\cellx2\cellx3\intbl Item\cell Qtd\cell Valor\cell\row\pard after"
    assert text_of(tmp_path, "before\\par" + rows) == "before\nItem | Qtd | Valor\nafter"


def test_merged_cells_are_told_in_each_row(tmp_path: Path) -> None:
    body = (
        r"\trowd\clvmgf\cellx1\clmgf\cellx2\clmrg\cellx3\intbl Ana\cell wide\cell\cell\row"
        r"\trowd\clvmrg\cellx1\cellx2\cellx3\intbl\cell b\cell c\cell\row\pard"
    )
    assert text_of(tmp_path, body) == "Ana | wide\nAna | b | c"


def test_tables_in_cells_become_lines(tmp_path: Path) -> None:
    body = (
        r"\trowd\cellx1\cellx2\pard\intbl before\par\pard\intbl\itap2 x\nestcell y\nestcell"
        r"{\*\nesttableprops\trowd\cellx1\cellx2\nestrow}\pard\intbl\itap1 \cell right\cell\row\pard after"
    )
    assert text_of(tmp_path, body).split("\n") == ["before", "x | y", "right", "after"]


def test_margins_notes_comments_and_boxes_are_read(tmp_path: Path) -> None:
    body = (
        r"{\header HEAD\par}{\footer FOOT\par}One{\super\chftn}{\footnote\pard {\super\chftn} a note} two"
        r"{\*\atnid AL}{\*\atnauthor Ana}{\*\annotation\pard check this}\par"
        r"{\shp{\*\shpinst{\sp{\sn name}{\sv no}}{\shptxt in a box\par}}{\shprslt no}}next\par\page last"
    )
    assert text_of(tmp_path, body) == (
        "HEAD\nOne[1] two\nnext\nin a box\n[1]  a note\nComment by Ana: check this\n---\nlast\nFOOT"
    )


def test_hidden_and_deleted_text_and_pictures_are_told(tmp_path: Path) -> None:
    assert codes(tmp_path, r"a{\v hide}{\deleted gone}{\*\shppict{\pict 00}}{\nonshppict{\pict 00}}b") == [
        "pictures_unread", "hidden_text", "deleted_text",
    ]  # fmt: skip
    assert text_of(tmp_path, r"a{\v hide}{\deleted gone}\v x\plain b") == "ab"


def test_what_is_cut_off_is_told(tmp_path: Path) -> None:
    pages, notices, _ = read(saved(tmp_path / "a.rtf", rb"{\rtf1 hello {\b wor"))
    assert (pages[0].text, [notice.code for notice in notices]) == ("hello wor", ["document_cut"])
    with pytest.raises(DamagedDocument):
        read(saved(tmp_path / "a.rtf", rb"{\rtf1{\fonttbl"))


def test_groups_have_a_depth(tmp_path: Path) -> None:
    assert text_of(tmp_path, "{" * 9_000 + "deep" + "}" * 9_000) == "deep"
    with pytest.raises(DocumentTooComplex):
        text_of(tmp_path, "{" * 20_000)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(
    ["{", "}", "\\par", "\\cell", "\\row", "\\nestcell", "\\nestrow", "\\itap3", "\\intbl", "\\trowd", "\\cellx9", "\\clvmrg", "\\clmrg",
     "\\u-5?", "\\'e9", "\\bin9999999999 ", "\\footnote", "\\*", "\\fonttbl", "\\f99999999", "\\page", "\\shptxt", "\\header", "x y", "\\"]
), max_size=60))  # fmt: skip
def test_any_order_of_words_ends_as_text_or_a_typed_error(tmp_path: Path, words: list[str]) -> None:
    with contextlib.suppress(MyelinError):
        read(saved(tmp_path / "a.rtf", " ".join(words)))
