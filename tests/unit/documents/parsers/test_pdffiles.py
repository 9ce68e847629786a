from pathlib import Path

import pypdfium2
import pytest

from documents.parsed import Attachment, Notice, Page
from documents.parsers import pdffiles
from documents.parsers.base import Context
from documents.parsers.pdf import PdfParser
from tests.unit.documents.parsers.making import written
from tests.unit.documents.parsers.pdfmaking import one_page, stream


def parts(path: Path, kind: type, context: Context | None = None) -> list:
    return [item for item in PdfParser().parse(path, context or Context()) if isinstance(item, kind)]


def with_files(path: Path, *names: str) -> Path:
    document = pypdfium2.PdfDocument(written(path, ("Fatura",)))
    for name in names:
        document.new_attachment(name).set_data(b"content of " + name.encode())
    document.save(path.with_suffix(".filed"))
    return path.with_suffix(".filed")


@pytest.mark.parametrize("most", [500, 0])
def test_embedded_files_are_handed_on_also_when_no_page_is_wanted(tmp_path: Path, most: int) -> None:
    path = with_files(tmp_path / "a.pdf", "nota.xml", "ação.txt")
    found = {item.name: item.content for item in parts(path, Attachment, Context(max_pages=most))}
    assert found == {"nota.xml": b"content of nota.xml", "ação.txt": "content of ação.txt".encode()}


def test_a_file_that_hangs_on_a_page_is_handed_on(tmp_path: Path) -> None:
    path = one_page(
        tmp_path / "a.pdf", b"BT /F1 12 Tf 20 170 Td (Total) Tj ET", b"null", stream(b"a;b\n1;2\n", b"/Type/EmbeddedFile"),
        b"<</Type/Filespec/F(t.csv)/UF(t.csv)/EF<</F 7 0 R>>>>",
        b"<</Type/Annot/Subtype/FileAttachment/Rect[20 20 40 40]/FS 8 0 R/Contents(tabela)>>", page=b"/Annots[9 0 R]",
    )  # fmt: skip
    assert parts(path, Attachment) == [Attachment("t.csv", b"a;b\n1;2\n")]
    assert parts(path, Page)[0].text == "Total\ntabela"


def test_too_many_and_too_large_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_files(tmp_path / "a.pdf", "a", "b", "c")
    monkeypatch.setattr(pdffiles, "MAX_FILES", 2)
    assert [item.name for item in parts(path, Attachment)] == ["a", "b"]
    assert ["3 files" in item.message for item in parts(path, Notice)] == [True]
    monkeypatch.setattr(pdffiles, "MAX_BYTES", 3)
    assert parts(path, Attachment) == []
    assert {item.code for item in parts(path, Notice)} == {"attachment_unread"}


def test_the_data_of_a_form_that_only_xfa_describes_is_a_document(tmp_path: Path) -> None:
    data = (
        b'<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><nome>Ana</nome></xfa:data></xfa:datasets>'
    )
    path = one_page(
        tmp_path / "a.pdf", b"BT /F1 12 Tf 20 170 Td (Please wait) Tj ET", b"null", stream(b"<template/>"), stream(data),
        catalogue=b"/NeedsRendering true/AcroForm<</Fields[]/XFA[(template) 7 0 R (datasets) 8 0 R]>>",
    )  # fmt: skip
    assert parts(path, Attachment) == [Attachment("form data.xml", data)]
    assert [item.code for item in parts(path, Notice)] == ["xfa_form"]
