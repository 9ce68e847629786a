import contextlib
import io
import zipfile
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_BREAK
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError
from documents.parsers.base import Context
from tests.unit.documents.parsers.making import picture, png, read, repacked

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


def run(text: str, properties: str = "") -> str:
    return f"<w:r {W}><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def test_deletions_are_told(document, tmp_path: Path) -> None:
    document.add_paragraph("kept")._p.append(parse_xml(f"<w:del {W}><w:r><w:delText>gone</w:delText></w:r></w:del>"))
    pages, notices, _ = read(saved(document, tmp_path / "a.docx"))
    assert (pages[0].text, [notice.code for notice in notices]) == ("kept", ["deleted_text"])


@pytest.mark.parametrize("properties", ['<w:sz w:val="2"/>', '<w:color w:val="FFFFFF"/>', '<w:rStyle w:val="Secret"/>'])
def test_text_that_nobody_sees_is_left_out(document, tmp_path: Path, properties: str) -> None:
    document.styles.add_style("Secret", WD_STYLE_TYPE.CHARACTER).font.hidden = True
    paragraph = document.add_paragraph("seen")._p
    paragraph.append(parse_xml(run(" unseen", properties)))
    pages, notices, _ = read(saved(document, tmp_path / "a.docx"))
    assert (pages[0].text, [notice.code for notice in notices]) == ("seen", ["hidden_text"])


def test_white_text_on_a_shade_or_in_a_table_is_seen(document, tmp_path: Path) -> None:
    white = '<w:color w:val="FFFFFF"/>'
    document.add_paragraph()._p.append(parse_xml(run("on black", white + '<w:shd w:val="clear" w:fill="000000"/>')))
    table = document.add_table(rows=1, cols=1)
    table.cell(0, 0).paragraphs[0]._p.append(parse_xml(run("head", white)))
    assert read(saved(document, tmp_path / "a.docx"))[0][0].text == "on black\nhead"


def test_comments_stand_at_the_end_of_their_page(document, tmp_path: Path) -> None:
    paragraph = document.add_paragraph("total 7")
    document.add_comment(paragraph.runs, text="check this", author="Ana Lima")
    assert read(saved(document, tmp_path / "a.docx"))[0][0].text == "total 7\nComment by Ana Lima: check this"


def test_merged_cells_keep_their_columns(document, tmp_path: Path) -> None:
    table = document.add_table(rows=3, cols=3)
    for row, texts in zip(table.rows, (("Ana", "wide", ""), ("", "b", "c"), ("Bia", "d", "e")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(0, 0).merge(table.cell(1, 0))
    table.cell(0, 1).merge(table.cell(0, 2))
    assert read(saved(document, tmp_path / "a.docx"))[0][0].text == "Ana | wide\nAna | b | c\nBia | d | e"


def test_numbers_of_lists_are_read(document, tmp_path: Path) -> None:
    def level(place: int, form: str, text: str) -> str:
        return f'<w:lvl w:ilvl="{place}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'

    levels = level(0, "decimal", "%1.") + level(1, "lowerLetter", "%1.%2)") + level(2, "bullet", "•")
    numbering = (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="5">{levels}</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="5"/>'
        '</w:num><w:num w:numId="8"><w:abstractNumId w:val="5"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="4"/></w:lvlOverride>'
        "</w:num></w:numbering>"
    )
    for text, place, number in (
        ("one", 0, 7),
        ("sub", 1, 7),
        ("sub", 1, 7),
        ("dot", 2, 7),
        ("two", 0, 7),
        ("four", 0, 8),
        ("sub", 1, 8),
    ):
        properties = f'<w:pPr {W}><w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{number}"/></w:numPr></w:pPr>'
        document.add_paragraph(text)._p.insert(0, parse_xml(properties))
    path = repacked(saved(document, tmp_path / "a"), tmp_path / "b.docx", **{"word__numbering.xml": numbering.encode()})
    assert read(path)[0][0].text.split("\n") == ["1. one", "1.a) sub", "1.b) sub", "dot", "2. two", "4. four", "4.a) sub"]


def test_pictures_and_embedded_files_are_told(document, tmp_path: Path) -> None:
    document.add_paragraph("text")
    image = io.BytesIO(png(picture(size=(20, 20))))
    document.add_picture(image)
    notices = read(saved(document, tmp_path / "a.docx"))[1]
    assert [(notice.code, notice.message.split()[0]) for notice in notices] == [("pictures_unread", "One")]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_broken_part_ends_as_text_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = tmp_path / "whole.docx"
    if not whole.exists():
        made = docx.Document()
        made.sections[0].header.paragraphs[0].text = "head"
        made.add_comment(made.add_paragraph("text").runs, text="check", author="Ana")
        made.add_table(rows=2, cols=2).cell(0, 0).merge(made.tables[0].cell(1, 0))
        made.save(whole)
    with zipfile.ZipFile(whole) as archive:
        part = data.draw(st.sampled_from([name for name in archive.namelist() if name.endswith((".xml", ".rels"))]))
        content = archive.read(part)
    cut = data.draw(st.integers(0, len(content)))
    broken = content[:cut] + data.draw(st.sampled_from([b"", b'"99999999999999"', b"\xff", b"<w:tc>"])) + content[cut + 1 :]
    with contextlib.suppress(MyelinError):
        read(repacked(whole, tmp_path / "b.docx", **{part.replace("/", "__"): broken or b" "}))
