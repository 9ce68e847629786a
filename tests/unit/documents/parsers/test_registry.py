import zipfile
from pathlib import Path

import pytest

from core.errors import EmptyDocument, PasswordRequired, UnsupportedType
from documents.parsers.registry import choose, parsers
from tests.unit.documents.parsers.making import picture, png, written

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 200


@pytest.fixture
def file(tmp_path: Path):
    def made(content: bytes) -> Path:
        (tmp_path / "upload").write_bytes(content)
        return tmp_path / "upload"

    return made


def packed(path: Path, *members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "<a/>")
    return path


def test_every_format_of_the_folder_is_collected() -> None:
    assert {parser.content_type.rsplit(".")[-1].rsplit("/")[-1] for parser in parsers()} >= {
        "pdf", "png", "jpeg", "document", "sheet", "csv", "plain", "html", "rfc822", "ms-outlook", "epub+zip", "markdown", "json",
        "xml", "msword", "rtf", "text", "presentation", "ms-powerpoint", "ms-excel",
        "tiff", "webp", "bmp", "gif", "jp2", "heic",
    }  # fmt: skip


def test_the_content_decides_and_not_the_name(file, tmp_path: Path) -> None:
    assert choose(written(tmp_path / "a.pdf"), "a.docx").title == "PDF"
    assert choose(file(png(picture(size=(20, 20)))), "scan.jpg").title == "PNG picture"
    assert choose(file(b"\xff\xd8\xff\xe0\x00\x10JFIF"), "a.png").title == "JPEG picture"
    assert choose(packed(tmp_path / "z", "[Content_Types].xml", "word/document.xml"), "a.zip").title == "DOCX"
    assert choose(packed(tmp_path / "z", "[Content_Types].xml", "xl/workbook.xml"), "a.pdf").title.startswith("Excel")
    assert choose(file(b"junk before\n%PDF-1.4"), "a.txt").title == "PDF"
    assert choose(file(b"nome;valor\nAna;1"), "a.CSV").title == "CSV"
    assert choose(file("ação".encode("utf-16")), "a").title == "TXT"
    assert choose(file(b"<!DOCTYPE html><p>hi"), "a.pdf").title == "HTML"
    assert choose(file("\ufeff<?xml version='1.0'?><a/>".encode("utf-16-le")), "a.txt").title == "XML"
    assert choose(packed(tmp_path / "z", "META-INF/container.xml"), "a.zip").title == "EPUB"
    assert choose(file(b"BMW e MZ: textos comuns"), "a.txt").title == "TXT"


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (EXE, "a Windows program"), (b"\x7fELF\x02\x01\x01\0", "a Linux program"), (b"Rar!\x1a\x07\x00", "a RAR archive"),
        (OLE + b"\0" * 600, "before 2007"), (b"%!PS-Adobe-3.0", "a PostScript file"),
        (b"\x00\x01\x02\x03", "not text"), (b"text with \x01\x02 controls", "no format that is known"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name_with_the_list_of_what_can(file, content: bytes, seen: str) -> None:
    with pytest.raises(UnsupportedType) as raised:
        choose(file(content), "invoice.pdf")
    assert seen in raised.value.detail
    for title in ("PDF", "DOCX", "Excel", "CSV", "TXT", "PNG", "JPEG"):
        assert title in raised.value.hint


def test_other_zips_are_refused_by_name(tmp_path: Path) -> None:
    for member, seen in (("a.txt", "a zip archive"), ("META-INF/MANIFEST.MF", "Java")):
        with pytest.raises(UnsupportedType, match=seen):
            choose(packed(tmp_path / "z", member), "a.docx")


def test_a_zip_that_cannot_be_listed_is_refused(file) -> None:
    with pytest.raises(UnsupportedType, match="a zip archive"):
        choose(file(b"PK\x03\x04" + b"\xff" * 100), "a.docx")


def test_encrypted_office_files_ask_for_the_password(file) -> None:
    with pytest.raises(PasswordRequired):
        choose(file(OLE + b"\0" * 3000 + "EncryptedPackage".encode("utf-16-le")), "a.xlsx")


def test_a_file_of_no_bytes_is_empty(file) -> None:
    with pytest.raises(EmptyDocument):
        choose(file(b""), "a.pdf")
