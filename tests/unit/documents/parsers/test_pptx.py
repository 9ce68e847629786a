import contextlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError
from tests.unit.documents.parsers.making import read, repacked

NS = ('xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
      'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
      'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
      'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"')  # fmt: skip
TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def shape(text: str, placeholder: str = "", place: tuple[int, int] = (10, 10), hidden: bool = False) -> str:
    runs = "</a:p><a:p>".join(f"<a:r><a:t>{line}</a:t></a:r>" for line in text.split("\n"))
    role = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="x" hidden="{int(hidden)}"/><p:nvPr>{role}</p:nvPr></p:nvSpPr><p:spPr><a:xfrm>'
        f'<a:off x="{place[0]}" y="{place[1]}"/><a:ext cx="5" cy="5"/></a:xfrm></p:spPr><p:txBody><a:p>{runs}</a:p></p:txBody></p:sp>'
    )


def cell(text: str, **merged: int) -> str:
    attributes = " ".join(f'{name}="{value}"' for name, value in merged.items())
    return f"<a:tc {attributes}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"


def tree(*shapes: str, kind: str = "sld", show: int = 1) -> str:
    return f'<p:{kind} {NS} show="{show}"><p:cSld><p:spTree>{"".join(shapes)}</p:spTree></p:cSld></p:{kind}>'


def links(*targets: tuple[str, str]) -> str:
    found = "".join(f'<Relationship Id="r{n}" Type="{TYPE}/{kind}" Target="{to}"/>' for n, (kind, to) in enumerate(targets, 1))
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{found}</Relationships>'


TABLE = (
    '<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr>' + cell("Item", rowSpan=2) + cell("wide", gridSpan=2)
    + cell("", hMerge=1) + "</a:tr><a:tr>" + cell("", vMerge=1) + cell("1,50") + cell("2") + "</a:tr></a:tbl></a:graphicData></a:graphic>"
    "</p:graphicFrame>"
)  # fmt: skip
CHART = (
    f"<c:chartSpace {NS}><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title><c:ser>"
    "<c:tx><c:v>North</c:v></c:tx><c:cat><c:pt idx='0'><c:v>May</c:v></c:pt></c:cat><c:val><c:pt idx='0'>"
    "<c:v>4.4000000000000004</c:v></c:pt></c:val></c:ser></c:chart></c:chartSpace>"
)
FRAME = '<p:graphicFrame><a:graphic><a:graphicData><c:chart r:id="r1"/></a:graphicData></a:graphic></p:graphicFrame>'
PARTS = {
    "_rels/.rels": links(("officeDocument", "ppt/presentation.xml")),
    "ppt/presentation.xml": f'<p:presentation {NS}><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/></p:sldIdLst>'
                            '<p:sldSz cx="100" cy="100"/></p:presentation>',
    "ppt/_rels/presentation.xml.rels": links(("slide", "slides/a.xml"), ("slide", "/ppt/slides/b.xml"), ("commentAuthors", "people.xml")),
    "ppt/people.xml": f'<p:cmAuthorLst {NS}><p:cmAuthor id="7" name="Ana"/></p:cmAuthorLst>',
    "ppt/slides/a.xml": tree(shape("second\nlast"), shape("off", place=(200, 0)), shape("gone", hidden=True), FRAME, show=0),
    "ppt/slides/_rels/a.xml.rels": links(("chart", "../charts/c.xml"), ("image", "../media/i.png"), ("oleObject", "../media/o.bin")),
    "ppt/charts/c.xml": CHART,
    "ppt/media/i.png": "i", "ppt/media/o.bin": "o",
    "ppt/slides/b.xml": tree(shape("body", "body"), "<p:grpSp>" + shape("in a group") + "</p:grpSp>", TABLE, shape("Título", "title")),
    "ppt/slides/_rels/b.xml.rels": links(("notesSlide", "../notes.xml"), ("comments", "../comments.xml"), ("slideLayout", "../layout.xml")),
    "ppt/notes.xml": tree(shape("say hello", "body"), shape("12", "sldNum"), kind="notes"),
    "ppt/comments.xml": f'<p:cmLst {NS}><p:cm authorId="7"><p:text>check this</p:text></p:cm></p:cmLst>',
    "ppt/layout.xml": tree(shape("Click to edit", "title"), shape("ACME Ltda"), kind="sldLayout"),
}  # fmt: skip


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "a.pptx", "w") as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
    return tmp_path / "a.pptx"


def test_slides_in_their_order_with_everything_on_them(deck: Path) -> None:
    pages, notices, total = read(deck)
    assert [(page.label, page.text) for page in pages] == [
        (
            "Slide 1",
            "Título\nbody\nin a group\nItem | wide\nItem | 1,50 | 2\nACME Ltda\nNotes:\nsay hello\nComments:\nAna: check this",
        ),
        ("Slide 2", "second\nlast\nSales\n | North\nMay | 4.4"),
    ]
    assert total == 2
    assert sorted(notice.code for notice in notices) == ["hidden_slide", "hidden_text", "pictures_unread"]


def test_a_damaged_slide_costs_a_notice(deck: Path, tmp_path: Path) -> None:
    pages, notices, _ = read(repacked(deck, tmp_path / "b.pptx", **{"ppt__slides__b.xml": b"<broken"}))
    assert [page.text.split("\n")[0] for page in pages] == ["", "second"]
    assert "part_damaged" in [notice.code for notice in notices]


def test_a_presentation_without_its_list_of_slides_is_damaged(deck: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedDocument):
        read(repacked(deck, tmp_path / "b.pptx", **{"ppt__presentation.xml": b"<broken"}))


@pytest.mark.parametrize("part", [name for name in PARTS if name.endswith((".xml", ".rels"))])
def test_entities_are_refused_in_each_part(deck: Path, tmp_path: Path, part: str) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(DocumentTooComplex):
        read(repacked(deck, tmp_path / "b.pptx", **{part.replace("/", "__"): bomb}))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_broken_part_ends_as_text_or_a_typed_error(deck: Path, tmp_path: Path, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(PARTS)))
    content = PARTS[part].encode()
    cut = data.draw(st.integers(0, len(content)))
    broken = content[:cut] + data.draw(st.sampled_from([b"", b'"99999999999999"', b"\xff", b"<a:tc>"])) + content[cut + 1 :]
    with contextlib.suppress(MyelinError):
        read(repacked(deck, tmp_path / "b.pptx", **{part.replace("/", "__"): broken or b" "}))
