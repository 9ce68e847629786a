import base64
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import DocumentTooComplex, MyelinError
from documents.parsers.markup import shown
from tests.unit.documents.parsers.making import SENTENCES, everything, picture, png

CELLS = 10_000


def lines(body: str) -> list[str]:
    return shown(body, CELLS).lines


def test_every_sentence_of_a_page_is_found(tmp_path: Path) -> None:
    body = "".join(f"<p>{sentence.replace(' ', '<b> </b>', 1)}</p>" for sentence in SENTENCES)
    (tmp_path / "a").write_bytes(f"<!DOCTYPE html><html><title>Nota</title><body>{body}</body></html>".encode())
    pages, notices, _ = everything(tmp_path / "a")
    assert pages[0].text.split("\n") == ["Nota", *SENTENCES] and notices == []


@pytest.mark.parametrize(
    ("head", "encoding"),
    [("", "utf-8"), ("", "utf-16"), ("", "cp1252"), ("<meta charset=windows-1251>", "utf-8"), ('<meta charset="cp1250">', "cp1250"),
     ('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">', "iso-8859-15"),
     ("<meta charset=no-such-thing>", "cp1252"), ("<meta charset=rot13>", "cp1252")],
)  # fmt: skip
def test_the_charset_is_believed_as_long_as_it_fits(tmp_path: Path, head: str, encoding: str) -> None:
    (tmp_path / "a.html").write_bytes(f"<html>{head}<p>preço: müller, São João é aqui".encode(encoding, "replace"))
    expected = "preço: müller, São João é aqui".encode(encoding, "replace").decode(encoding)
    assert everything(tmp_path / "a.html")[0][0].text.endswith(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<table><tr><th>Item<th>Valor<tr><td>Pão<td>1,50</table>", ["Item | Valor", "Pão | 1,50"]),
        ("<table><tr><td rowspan=2>A<td colspan=2>B<td>C<tr><td>D<td>E<td>F</table>", ["A | B |  | C", "A | D | E | F"]),
        ("<table><tr><td><table><tr><td>a<td>b</table><td>c</table>", ["a | b", "c"]),
        ("<table><tr><td><p>x<p>y<td>z</table>", ["x y | z"]),
        ("<ul><li>a<ol start=3><li>b<li>c</ol><li>d</ul>", ["- a", "  3. b", "  4. c", "- d"]),
        ("<h1>T</h1>a<br>b <i>c</i>d<div>e</div>f", ["T", "a", "b cd", "e", "f"]),
        ("<pre>a\n  b  c</pre>", ["a", "  b  c"]),
        ("Nome: <input value='Ana'> <input type=checkbox checked> sim <input type=hidden value=x><input type=password value=y>",
         ["Nome: Ana [x] sim"]),
        ("<select><option>a<option selected>b</select><select><option>c<option>d</select>", ["bc"]),
        ("<img alt='Logo da Padaria' src=http://x/y.png> fim", ["Logo da Padaria fim"]),
        ("a<script>b</script><style>c</style><!-- d --><template>e</template>f", ["af"]),
        ("<textarea>um\ndois</textarea>", ["um", "dois"]),
        ("R$&nbsp;1.234,56 &amp; &copy;", ["R$ 1.234,56 & ©"]),
        ("<td>no table</td></tr></table>x", ["no table", "x"]),
        ("<html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='a'/></head><body><p/>text</body>", ["text"]),
    ],
)  # fmt: skip
def test_structure_stays_intelligible(body: str, expected: list[str]) -> None:
    assert lines(body) == expected


HIDING = ("display:none", "display: none !important", "visibility:hidden", "font-size:0", "font-size:1px", "opacity:0",
          "color:#fff", "color:white", "color:rgb(255,255,255)", "color:transparent", "position:absolute;left:-9999px",
          "position:absolute;clip:rect(0,0,0,0)", "text-indent:-9999px", "height:0;overflow:hidden", "max-height:0;overflow:hidden",
          "mso-hide:all", "background:#000;color:#010101", "transform:scale(0)", "color:rgba(0,0,0,0)")  # fmt: skip


@pytest.mark.parametrize("style", HIDING)
def test_what_nobody_sees_is_left_out_and_counted(style: str) -> None:
    page = shown(f'<p>seen</p><div style="{style}"><span>obey me</span></div><p>end', CELLS)
    assert (page.lines, page.hidden) == (["seen", "end"], 6)


@pytest.mark.parametrize(
    "style",
    ["color:#eee", "color:white;background:#003", "background:url(x);color:white", "font-size:8px", "font-size:.8em", "opacity:0.5",
     "overflow:hidden;height:20px", "position:absolute;left:10px", "visibility:visible", "color:", "font-size:", "style", "left:-999px"],
)  # fmt: skip
def test_what_somebody_sees_stays(style: str) -> None:
    assert shown(f'<p style="{style}">text</p>', CELLS).lines == ["text"]


def test_rules_of_the_page_and_their_exceptions() -> None:
    css = "/* x */ .a, p.b {display:none} #c{visibility:hidden} @media print {.d{display:none}} .e{color:#fff}"
    body = "<p class=a>1<p class=b>2<div class=b>3</div><p id=c>4<span style='visibility:visible'>5</span><p class=d>6<p hidden>7"
    page = shown(f"<style>{css}</style>{body}<p class=e>8", CELLS)
    assert (page.lines, page.hidden) == (["3", "5", "6"], 5)


def test_white_text_stays_where_the_background_is_not_certain() -> None:
    for sheet in (
        "<link rel=stylesheet href=x.css>",
        "<style>.header td {background:#000}</style>",
        "<style>@media screen{p{background:#000}}</style>",
    ):
        assert shown(f"{sheet}<p style='color:#fff'>text", CELLS).lines == ["text"]


def test_a_notice_tells_of_hidden_text_and_of_pictures_that_were_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html><p>seen<p hidden>obey<img src=http://127.0.0.1/a.png>")
    _, notices, _ = everything(tmp_path / "a.html")
    assert [notice.code for notice in notices] == ["hidden_text"]
    (tmp_path / "a.html").write_text("<html><p>seen<img src=http://127.0.0.1/a.png>")
    assert [notice.code for notice in everything(tmp_path / "a.html")[1]] == ["pictures_unread"]


def test_pictures_inside_the_page_are_documents_when_they_are_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large, small = (base64.b64encode(png(picture(size=size))).decode() for size in ((1100, 520), (40, 40)))
    images = "".join(f"<img src='data:image/png;base64,{data}'>" for data in (large, small))
    (tmp_path / "a.html").write_text(f"<html><p>text</p>{images}")
    pages, notices, _ = everything(tmp_path / "a.html")
    assert [page.label for page in pages] == [None, "picture 1"] and "4711" in pages[1].text
    assert [notice.code for notice in notices] == ["pictures_unread"]


def test_nesting_is_read_as_deep_as_it_makes_sense() -> None:
    assert lines("<div>" * 1500 + "deep" + "</div>" * 1500 + "<p>after") == ["deep", "after"]
    with pytest.raises(DocumentTooComplex):
        lines("<div>" * 10_000 + "deep")


def test_cells_are_told_again_only_so_often() -> None:
    rows = "<tr>" + "<td rowspan=9999 colspan=9999>x" * 100 + "<tr><td>y" * 500
    assert sum(map(len, lines(f"<table>{rows}</table>"))) < 50_000_000 // 100


TAGS = ("<table>", "<tr>", "<td>", "</td>", "</table>", "<li>", "<ol>", "</ol>", "<p>", "</p>", "<select>", "<option>", "<pre>",
        "</pre>", "<title>", "<svg>", "<b style=color:#fff>", "text", "&#0;", "<!--", "-->", "<style>.a{", "}</style>", "<dialog>")  # fmt: skip


@settings(max_examples=150)
@given(some.lists(some.sampled_from(TAGS), max_size=60))
def test_any_soup_of_tags_has_some_text(soup: list[str]) -> None:
    assert isinstance(lines("".join(soup)), list)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.html").write_bytes(b"<html><p>" + data)
    try:
        everything(tmp_path / "a.html")
    except MyelinError as error:
        assert error.detail
