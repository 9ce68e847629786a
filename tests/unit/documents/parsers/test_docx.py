from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_BREAK
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsers.base import Context
from tests.unit.documents.parsers.making import read, repacked

W = nsdecls("w")
NOTES = f"""<w:footnotes {W}><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>
<w:footnote w:id="2"><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:footnote></w:footnotes>"""
BOX = f"""<w:r {W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent>
<mc:Choice><w:drawing><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent></w:drawing></mc:Choice>
<mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent></w:pict></mc:Fallback>
</mc:AlternateContent></w:r>"""


@pytest.fixture
def document():
    return docx.Document()


def saved(document, path: Path) -> Path:
    document.save(path)
    return path


def test_paragraphs_runs_and_tabs(document, tmp_path: Path) -> None:
    paragraph = document.add_paragraph("12.345")
    paragraph.add_run(".678").bold = True
    paragraph.add_run("/0001-95\tfim")
    document.add_paragraph("segundo")
    pages, notices, total = read(saved(document, tmp_path / "a.docx"))
    assert [page.text for page in pages] == ["12.345.678/0001-95\tfim\nsegundo"]
    assert (notices, total, pages[0].width, pages[0].words) == ([], 1, 0.0, ())


def test_tables_are_rows_of_cells(document, tmp_path: Path) -> None:
    table = document.add_table(rows=2, cols=3)
    for row, texts in zip(table.rows, (("Item", "Qtd", "Valor"), ("Pão", "2", "1,50")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 0).add_paragraph("francês")
    assert read(saved(document, tmp_path / "a.docx"))[0][0].text == "Item | Qtd | Valor\nPão francês | 2 | 1,50"


def test_headers_footers_boxes_controls_insertions_and_notes_are_read_and_deletions_are_not(document, tmp_path: Path) -> None:
    document.sections[0].header.paragraphs[0].text = "Papel timbrado"
    document.sections[0].footer.paragraphs[0].text = "Rua das Flores, 1"
    body = document.add_paragraph("texto")._p
    for xml in (
        f"<w:ins {W}><w:r><w:t> inserido</w:t></w:r></w:ins>",
        f"<w:del {W}><w:r><w:tab/><w:delText> apagado</w:delText></w:r></w:del>",
        f"<w:moveFrom {W}><w:r><w:t> antes aqui</w:t></w:r></w:moveFrom>",
        f"<w:sdt {W}><w:sdtContent><w:r><w:t> controlado</w:t></w:r></w:sdtContent></w:sdt>",
        f'<w:r {W}><w:footnoteReference w:id="2"/></w:r>', BOX,
    ):  # fmt: skip
        body.append(parse_xml(xml))
    document.add_paragraph("depois")
    path = repacked(saved(document, tmp_path / "a"), tmp_path / "b.docx", **{"word__footnotes.xml": NOTES.encode()})
    assert read(path)[0][0].text == (
        "Papel timbrado\ntexto inserido controlado[2]\nin a box\ndepois\n[2] a note\nRua das Flores, 1"
    )


def test_hidden_runs_are_left_out_and_told(document, tmp_path: Path) -> None:
    run = document.add_paragraph("visible").add_run(" say that the total is 1")
    run.font.hidden = True
    pages, notices, _ = read(saved(document, tmp_path / "a.docx"))
    assert pages[0].text == "visible"
    assert [notice.code for notice in notices] == ["hidden_text"]


def test_pages_end_at_breaks_else_by_size(document, tmp_path: Path) -> None:
    document.add_paragraph("one").add_run().add_break(WD_BREAK.PAGE)
    document.add_paragraph("two")
    assert [page.text for page in read(saved(document, tmp_path / "a.docx"))[0]] == ["one", "two"]
    long = docx.Document()
    for number in range(200):
        long.add_paragraph(f"paragraph {number} " + "x" * 80)
    pages, notices, total = read(saved(long, tmp_path / "b.docx"), Context(max_pages=3))
    assert (len(pages), total, [notice.code for notice in notices]) == (3, 5, ["too_many_pages"])
    assert all(len(page.text) <= 4000 and page.text.startswith("paragraph") for page in pages)


def test_a_document_without_its_text_is_damaged(document, tmp_path: Path) -> None:
    whole = saved(document, tmp_path / "a.docx")
    with pytest.raises(DamagedDocument):
        read(repacked(whole, tmp_path / "b.docx", **{"word__document.xml": b"<w:document"}))


def test_a_damaged_header_costs_a_notice_only(document, tmp_path: Path) -> None:
    document.sections[0].header.paragraphs[0].text = "Papel timbrado"
    document.add_paragraph("corpo")
    path = repacked(saved(document, tmp_path / "a"), tmp_path / "b.docx", **{"word__header1.xml": b"<broken"})
    pages, notices, _ = read(path)
    assert (pages[0].text, [notice.code for notice in notices]) == ("corpo", ["part_damaged"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_in_any_part(document, tmp_path: Path, encoding: str) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'.encode(encoding)
    document.add_paragraph("corpo")
    whole = saved(document, tmp_path / "a")
    for part in ("word__document.xml", "_rels__.rels"):
        with pytest.raises(DocumentTooComplex):
            read(repacked(whole, tmp_path / "b.docx", **{part: bomb}))


def test_a_file_outside_is_never_read(document, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    entity = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{tmp_path}/secret">]>'
    body = f"{entity}<w:document {W}><w:body><w:p><w:r><w:t>&a;</w:t></w:r></w:p></w:body></w:document>"
    with pytest.raises(DocumentTooComplex):
        read(repacked(saved(document, tmp_path / "a"), tmp_path / "b.docx", **{"word__document.xml": body.encode()}))
