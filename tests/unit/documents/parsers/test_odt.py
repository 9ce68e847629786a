import contextlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError, PasswordRequired
from documents.parsers.base import Context
from tests.unit.documents.parsers.making import read

NS = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name if name not in ("fo", "svg") else name + "-compatible"}:1.0"'
    for name in ("office", "text", "table", "draw", "style", "fo", "presentation", "svg", "manifest")
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip
STYLES = """<style:style style:name="H"><style:text-properties text:display="none"/></style:style>
<style:style style:name="Kid" style:parent-style-name="H"/><style:style style:name="B"><style:paragraph-properties
fo:break-before="page"/></style:style><style:style style:name="X"><style:table-properties table:display="false"/></style:style>
<style:style style:name="S"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>"""


def odf(path: Path, kind: str, body: str, master: str = "", manifest: str = "", **parts: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("META-INF/manifest.xml", f"<manifest:manifest {NS}>{manifest}</manifest:manifest>")
        archive.writestr("content.xml", document(f"<office:{kind}>{body}</office:{kind}>"))
        archive.writestr("styles.xml", f"<office:document-styles {NS}><office:master-styles><style:master-page style:name='M'>{master}"
                                       "</style:master-page></office:master-styles></office:document-styles>")  # fmt: skip
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def document(body: str) -> str:
    return (
        f"<office:document-content {NS}><office:automatic-styles>{STYLES}</office:automatic-styles><office:body>{body}</office:body>"
        "</office:document-content>"
    )


def text_of(path: Path) -> str:
    return "\n---\n".join(page.text for page in read(path)[0])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<text:h>One <text:span>  two</text:span>\n three</text:h><text:p>a<text:tab/>b<text:line-break/>c<text:s text:c='2'/>d</text:p>",
         "One two three\na\tb\nc  d"),
        ("<text:p>12.345<text:span>.678</text:span>/0001 <text:date>05/03/2026</text:date></text:p>", "12.345.678/0001 05/03/2026"),
        ("<text:list><text:list-item><text:p>i</text:p></text:list-item></text:list><text:section><text:p>s</text:p></text:section>", "i\ns"),
        ("<text:p>one</text:p><text:p text:style-name='B'>two</text:p>", "one\n---\ntwo"),
        ("<text:p>o<text:soft-page-break/>ne</text:p>", "o\n---\nne"),
        ("<text:p>a<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>b</text:p>", "ab\nboxed"),
        ("<text:p>a<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>n</text:p></text:note-body></text:note>b"
         "<office:annotation><dc:creator>Ana</dc:creator><dc:date>2026</dc:date><text:p>check</text:p></office:annotation></text:p>",
         "a[1]b\n[1] n\nComment by Ana: check"),
    ],
)  # fmt: skip
def test_text(tmp_path: Path, body: str, text: str) -> None:
    assert text_of(odf(tmp_path / "a.odt", "text", body)) == text


def cell(text: str, **counts: int) -> str:
    attributes = " ".join(f'table:number-{name.replace("_", "-")}="{count}"' for name, count in counts.items())
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


def test_tables_with_spans_and_tables_inside(tmp_path: Path) -> None:
    covered = "<table:covered-table-cell/>"
    rows = [
        cell("A", rows_spanned=2) + cell("wide", columns_spanned=2) + covered, covered + cell("b") + cell("c"),
        cell("x", columns_repeated=3),
    ]  # fmt: skip
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    assert text_of(odf(tmp_path / "a.odt", "text", f"<table:table>{table}</table:table>")) == "A | wide\nA | b | c\nx | x | x"


def test_counts_do_not_fill_the_memory(tmp_path: Path) -> None:
    row = f"<table:table-row table:number-rows-repeated='999999999'>{cell('x', columns_repeated=999999999)}</table:table-row>"
    pages, _, _ = read(odf(tmp_path / "a.odt", "text", f"<table:table>{row * 50}</table:table>"), Context(max_cells=5_000))
    assert sum(len(page.text) for page in pages) < 50_000


def test_hidden_and_deleted_text_and_pictures_are_told(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion></text:changed-region>"
        "</text:tracked-changes><text:p>a<text:span text:style-name='Kid'>hide</text:span><draw:frame><draw:image/></draw:frame></text:p>"
        "<text:p text:style-name='H'>hide</text:p><text:section text:display='none'><text:p>hide</text:p></text:section>"
    )
    pages, notices, _ = read(odf(tmp_path / "a.odt", "text", body))
    assert [page.text for page in pages] == ["a"]
    assert [notice.code for notice in notices] == ["pictures_unread", "hidden_text", "deleted_text"]


def test_margins_and_embedded_charts_are_read(tmp_path: Path) -> None:
    chart = document("<office:chart><text:p>Sales</text:p></office:chart>")
    master = "<style:header><text:p>HEAD</text:p></style:header><style:footer><text:p>FOOT</text:p></style:footer>"
    body = "<text:p>text<draw:frame><draw:object xlink:href='./Object 1'/><draw:image/></draw:frame></text:p>"
    path = odf(tmp_path / "a.odt", "text", body, master, **{"Object 1__content.xml": chart})
    assert text_of(path) == "HEAD\ntext\nSales\nFOOT"


def test_slides_with_titles_first_notes_last(tmp_path: Path) -> None:
    frame = "<draw:frame presentation:class='{}'><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>".format
    slides = (
        f"<draw:page draw:master-page-name='M'>{frame('outline', 'body')}{frame('title', 'Título')}<presentation:notes>"
        f"{frame('notes', 'say hello')}</presentation:notes></draw:page><draw:page draw:style-name='S'>{frame('', 'two')}</draw:page>"
    )
    path = odf(tmp_path / "a.odp", "presentation", slides, frame("", "ACME") + frame("title", "Click"))
    pages, notices, _ = read(path)
    assert [(page.label, page.text) for page in pages] == [
        ("Slide 1", "Título\nbody\nACME\nNotes:\nsay hello"),
        ("Slide 2", "two"),
    ]
    assert [(notice.code, notice.page) for notice in notices] == [("hidden_slide", 2)]


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PasswordRequired):
        read(odf(tmp_path / "a.odt", "text", "", manifest="<manifest:encryption-data/>"))


@pytest.mark.parametrize("kind", ["text", "presentation", "spreadsheet"])
def test_entities_and_depth_are_refused(tmp_path: Path, kind: str) -> None:
    for part in ("content.xml", "styles.xml"):
        with pytest.raises(DocumentTooComplex), zipfile.ZipFile(odf(tmp_path / "a.odt", kind, "")) as old:
            with zipfile.ZipFile(tmp_path / "b.odt", "w") as packed:
                for name in old.namelist():
                    packed.writestr(name, old.read(name) if name != part else b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
            read(tmp_path / "b.odt")
    with pytest.raises(DamagedDocument):
        read(odf(tmp_path / "c.odt", kind, "<text:section>" * 10_000 + "</text:section>" * 10_000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.recursive(
    st.sampled_from(["x", "<text:p>y</text:p>", "<text:s text:c='99999999999'/>", "<text:soft-page-break/>", "<draw:image/>",
                     "<table:table-cell/>", "<table:covered-table-cell table:number-columns-repeated='-4'/>"]),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(["text:p", "text:span", "table:table", "table:table-row", "table:table-cell", "draw:frame", "text:note",
                         "office:annotation", "text:list", "draw:page", "draw:text-box"]), st.lists(inner, max_size=4)), max_leaves=20),
    kind=st.sampled_from(["text", "presentation", "spreadsheet"]))  # fmt: skip
def test_any_nesting_ends_as_text_or_a_typed_error(tmp_path: Path, body: str, kind: str) -> None:
    with contextlib.suppress(MyelinError):
        read(odf(tmp_path / "a.odt", kind, body))
