import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError, PasswordRequired
from tests.unit.documents.parsers.making import SENTENCES, read

CONTAINER = "<container><rootfiles><rootfile full-path='OPS/a%20b.opf'/></rootfiles></container>"
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>O livro</dc:title><dc:creator>Ana</dc:creator></metadata><manifest>
<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/><item id="one" href="text/one.xhtml#a" media-type="application/xhtml+xml"/>
<item id="pic" href="p.png" media-type="image/png"/></manifest><spine><itemref idref="one"/><itemref idref="two"/><itemref idref="pic"/></spine></package>"""
CHAPTER = (
    "<?xml version='1.0'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'><head><title/></head><body>%s</body></html>"
)
PARTS = {
    "mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "OPS/a b.opf": PACKAGE,
    "OPS/text/one.xhtml": CHAPTER % ("<h1>Um</h1><p>" + "</p><p>".join(SENTENCES) + "</p>"),
    "OPS/two.xhtml": CHAPTER % "<p>Sem título <img src='p.png'/></p>",
}  # fmt: skip


def book(path: Path, **changed: str | None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (PARTS | {name.replace("__", "/"): content for name, content in changed.items()}).items():
            if content is not None:
                archive.writestr(name, content)
    return path


def test_chapters_come_in_the_order_of_the_spine(tmp_path: Path) -> None:
    pages, notices, total = read(book(tmp_path / "a.epub"))
    assert [(page.label, page.text) for page in pages] == [
        (None, "Title: O livro\nCreator: Ana"), ("Um", "\n".join(("Um", *SENTENCES))), ("chapter 2", "Sem título"),
    ]  # fmt: skip
    assert total == 3 and [notice.code for notice in notices] == ["pictures_unread"]


def test_a_missing_chapter_costs_a_notice(tmp_path: Path) -> None:
    pages, notices, _ = read(book(tmp_path / "a.epub", **{"OPS__two.xhtml": None}))
    assert len(pages) == 2 and "Chapter 2 was not read" in notices[0].message


def test_protected_books_are_refused_but_obfuscated_fonts_are_none(tmp_path: Path) -> None:
    cipher = "<encryption xmlns:enc='http://www.w3.org/2001/04/xmlenc#'><enc:CipherReference URI='%s'/></encryption>"
    assert len(read(book(tmp_path / "a.epub", **{"META-INF__encryption.xml": cipher % "OPS/font.otf"}))[0]) == 3
    with pytest.raises(PasswordRequired):
        read(book(tmp_path / "a.epub", **{"META-INF__encryption.xml": cipher % "OPS/two.xhtml"}))


def test_without_its_table_of_parts_a_book_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedDocument):
        read(book(tmp_path / "a.epub", **{"OPS__a b.opf": None}))


@pytest.mark.parametrize("part", ["META-INF__container.xml", "OPS__a b.opf"])
def test_entities_are_refused(tmp_path: Path, part: str) -> None:
    bomb = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><a>&c;</a>"
    with pytest.raises(DocumentTooComplex):
        read(book(tmp_path / "a.epub", **{part: bomb}))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=some.integers(0, 2_000), place=some.integers(0, 2_000), byte=some.integers(0, 255))
def test_damaged_books_are_read_or_refused(tmp_path: Path, cut: int, place: int, byte: int) -> None:
    data = bytearray(book(tmp_path / "a.epub").read_bytes())
    data[place % len(data)] = byte
    (tmp_path / "a.epub").write_bytes(data[: max(1, len(data) - cut)])
    try:
        read(tmp_path / "a.epub")
    except MyelinError as error:
        assert error.detail
