"""Files inside office files are read after them, whatever they are wrapped in."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook

from documents.parsers.archives import Archive
from documents.parsers.embedded import embedded
from tests.unit.documents.parsers.making import everything, written
from tests.unit.documents.parsers.ole import compound

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LINK = '<Relationship Id="rIdX{number}" Type="' + RELATIONS + '/{kind}" Target="embeddings/{name}"/>'


def workbook() -> bytes:
    book, packed = Workbook(), io.BytesIO()
    book.active.append(["Parcela", 1234.56])
    book.save(packed)
    return packed.getvalue()


def packed(label: str, content: bytes) -> bytes:
    """As Windows packs a file that no program of the machine embeds."""
    path = b"C:\\" + label.encode("cp1252") + b"\0"
    body = b"\x02\0" + label.encode("cp1252") + b"\0" + path + b"\0\0\x03\0" + struct.pack("<I", len(path)) + path
    body += struct.pack("<I", len(content)) + content
    return compound(**{"\x01Ole10Native": struct.pack("<I", len(body)) + body})


@pytest.fixture
def note(tmp_path: Path) -> bytes:
    return written(tmp_path / "nota.pdf").read_bytes()


def document(path: Path, **parts: tuple[str, bytes]) -> Path:
    """A DOCX that says `Contrato` and holds `parts`, by their names: (kind of relation, content)."""
    plain = io.BytesIO()
    made = Document()
    made.add_paragraph("Contrato")
    made.save(plain)
    links = "".join(
        LINK.format(number=number, kind=kind, name=name.replace("__", "."))
        for number, (name, (kind, _)) in enumerate(parts.items())
    )
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/_rels/document.xml.rels":
                content = content.replace(b"</Relationships>", links.encode() + b"</Relationships>")
            target.writestr(name, content)
        for name, (_, content) in parts.items():
            target.writestr("word/embeddings/" + name.replace("__", "."), content)
    return path


def test_a_workbook_and_a_packed_file_inside_a_document(tmp_path: Path, note: bytes) -> None:
    path = document(
        tmp_path / "a.docx", book__xlsx=("package", workbook()), object1__bin=("oleObject", packed("nota é.pdf", note))
    )
    pages, notices, _ = everything(path)
    assert pages[0].text == "Contrato" and "Parcela | 1234.56" in pages[1].text and "Prestador: Padaria" in pages[2].text
    assert [page.label for page in pages][1].startswith("book.xlsx") and pages[2].label.startswith("nota é.pdf")
    assert not notices


def test_a_document_inside_a_workbook(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/embeddings/oleObject1.bin", packed("nota.pdf", note))
    pages, _, _ = everything(path)
    assert "Parcela" in pages[0].text and "Prestador: Padaria" in pages[1].text


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = document(
        tmp_path / "a.docx", drawing__bin=("oleObject", compound(Contents=b"CAD")), broken__bin=("oleObject", packed("a", b""))
    )
    pages, notices, _ = everything(path)
    assert [page.text for page in pages] == ["Contrato"]
    assert {notice.code for notice in notices} <= {"attachment_unread"} and "drawing.bin" in " ".join(
        notice.message for notice in notices
    )


@pytest.mark.parametrize(
    "native",
    [
        b"",
        b"\0" * 7,
        b"\x02\0" + b"x" * 50,
        b"\0\0\0\0\x02\0a\0b\0\0\0\x03\0\xff\xff\xff\xff",
        b"\0\0\0\0\x02\0a\0b\0\0\0\3\0\0\0\0\0\xff\xff\xff\x7f",
    ],
)
def test_a_lie_about_sizes_is_the_file_as_it_came(tmp_path: Path, native: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("o.bin", compound(**{"\x01Ole10Native": native}))
    with Archive(tmp_path / "a.zip") as archive:
        (found,) = embedded(archive, ["o.bin"], [])
    assert found.name == "o.bin" or len(found.content) <= 4096
