"""OpenDocument (ISO/IEC 26300): the text of a content part, as paragraphs, lists, tables, notes, comments and frames.

A part mixes text and elements, so text also stands behind each element; white space collapses as in HTML.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from core.errors import DamagedDocument, PasswordRequired
from documents.parsers.archives import Archive
from documents.parsers.breaks import BREAK, Foot, split, texts
from documents.parsers.odfstyles import Styles
from documents.parsers.ooxml import attribute, local
from documents.parsers.pagination import clean
from documents.parsers.tables import Cell, Table

BLANKS = re.compile("[ \t\r\n]+")
SKIPPED = frozenset({
    "forms", "event-listeners", "sequence-decls", "variable-decls", "user-field-decls", "dde-connection-decls", "settings",
    "tracked-changes", "change-info", "script", "scripts", "glue-point", "bookmark", "annotation-end", "notes",
    "page-thumbnail", "enhanced-geometry", "table-source", "alphabetical-index-auto-mark-file",
})  # fmt: skip
ABOUT = ("{http://purl.org/dc/", "{urn:oasis:names:tc:opendocument:xmlns:svg", "{urn:oasis:names:tc:opendocument:xmlns:meta")
SHAPES = frozenset({"frame", "custom-shape", "rect", "ellipse", "circle", "line", "connector", "caption", "g", "polygon",
                    "polyline", "path", "regular-polygon", "measure", "control"})  # fmt: skip
GROUPS = frozenset({"table-header-rows", "table-rows", "table-row-group"})
MAX_REPEAT = 1_000  # copies of one cell or row that a count may ask for


@dataclass
class Walk:
    """One pass over a part. `embedded` gives the lines of an object in the file by its reference."""

    styles: Styles
    embedded: Callable[[str], list[str]] = lambda _: []
    max_cells: int = 100_000
    foot: Foot = field(default_factory=Foot)
    hidden: bool = False
    deleted: bool = False
    pictures: int = 0
    _boxes: list[etree._Element] = field(default_factory=list)

    def blocks(self, node: Iterable[etree._Element]) -> list[str]:
        """Lines of a body, a cell, a note or a frame, with BREAK as a line of its own where a page ends."""
        lines: list[str] = []
        for child in node:
            tag = local(child)
            if tag in ("p", "h"):
                lines += self.paragraph(child)
            elif tag == "table":
                lines += self.table(child)
            elif tag in SHAPES:
                lines += self.shape(child)
            elif tag == "annotation":
                self._comment(child)
            elif tag == "soft-page-break":
                lines += [*self.foot.flush(), BREAK]
            elif tag == "tracked-changes":
                self.deleted = self.deleted or any(texts(region.itertext()) for region in child.iter("{*}deletion"))
            elif tag == "section" and attribute(child, "display") == "none":
                self.hidden = True
            elif tag not in SKIPPED and not tag.endswith("-source") and not child.tag.startswith(ABOUT):
                lines += self.blocks(child)
        return lines

    def paragraph(self, node: etree._Element) -> list[str]:
        style = attribute(node, "style-name")
        if style in self.styles.hidden:
            self.hidden = True
            return []
        self._boxes, outer = [], self._boxes
        parts: list[str] = []
        self._inline(node, parts)
        boxes, self._boxes = self._boxes, outer
        lines = [*self.foot.flush(), BREAK] if style in self.styles.breaking else []
        lines += split(_tidy("".join(parts)), self.foot)
        for box in boxes:
            lines += self.shape(box)
        return lines

    def shape(self, node: etree._Element) -> list[str]:
        """A frame with text, a picture, an object; or a drawn shape with text in it."""
        kinds = {local(child): child for child in node}
        if "object" in kinds or "object-ole" in kinds:
            target = kinds.get("object")
            return [] if target is None else self.embedded(attribute(target, "href"))
        if "image" in kinds and "text-box" not in kinds:
            self.pictures += 1
        return self.blocks(node)

    def table(self, node: etree._Element) -> list[str]:
        table = Table()
        room = self.max_cells
        for row in rows_of(node):
            for _ in range(repeats(row, "number-rows-repeated") if room > 0 else 0):
                table.new_row()
                for cell in self._cells(row, table):
                    table.add(cell)
                    room -= 1
                if room <= 0:
                    break
        return table.lines(self.max_cells)

    def _cells(self, row: etree._Element, table: Table) -> Iterator[Cell]:
        for node in row:
            if local(node) == "table-cell":
                copies = repeats(node, "number-columns-repeated") if len(node) else 1
                columns, rows = repeats(node, "number-columns-spanned"), repeats(node, "number-rows-spanned")
                for _ in range(copies):
                    table.nested = table.nested or node.find(".//{*}table-row") is not None
                    yield Cell(texts(self.blocks(node)), columns, rows)

    def _inline(self, node: etree._Element, parts: list[str]) -> None:
        parts.append(_collapsed(node.text))
        for child in node:
            self._element(child, local(child), parts)
            parts.append(_collapsed(child.tail))

    def _element(self, child: etree._Element, tag: str, parts: list[str]) -> None:
        match tag:
            case "s":
                count = attribute(child, "c")
                parts.append("\0" * min(int(count) if count.isdecimal() and len(count) < 5 else 1, 200))
            case "tab":
                parts.append("\t")
            case "line-break":
                parts.append("\n")
            case "soft-page-break":
                parts.append(BREAK)
            case "number":
                parts.append(f"{''.join(child.itertext())} ")
            case "note":
                self._note(child, parts)
            case "annotation":
                self._comment(child)
            case "span" if attribute(child, "style-name") in self.styles.hidden:
                self.hidden = True
            case "hidden-text" | "hidden-paragraph":
                self.hidden = self.hidden or bool(child.text or attribute(child, "string-value"))
            case _ if tag in SHAPES:
                self._boxes.append(child)
            case _ if tag not in SKIPPED and not child.tag.startswith(ABOUT):
                self._inline(child, parts)

    def _note(self, node: etree._Element, parts: list[str]) -> None:
        mark = "".join(text for child in node.iterfind("{*}note-citation") for text in child.itertext()).strip()
        body = next(node.iterfind("{*}note-body"), None)
        parts.append(f"[{clean(mark)}]")
        if body is not None:
            inner = Walk(self.styles, self.embedded, self.max_cells)
            self.foot.note(clean(mark), inner.blocks(body))
            self.hidden = self.hidden or inner.hidden

    def _comment(self, node: etree._Element) -> None:
        author = "".join(text for child in node.iterfind("{*}creator") for text in child.itertext())
        self.foot.comment(clean(author), Walk(self.styles, max_cells=self.max_cells).blocks(node))


def rows_of(node: etree._Element) -> Iterator[etree._Element]:
    """The rows of a table, also those in groups and headers; not those of tables inside."""
    for child in node:
        tag = local(child)
        if tag == "table-row":
            yield child
        elif tag in GROUPS:
            yield from rows_of(child)


def repeats(node: etree._Element, name: str) -> int:
    """How often an element counts, at most MAX_REPEAT times."""
    value = attribute(node, name)
    return max(1, min(int(value), MAX_REPEAT)) if value.isdecimal() and len(value) < 10 else 1


def content(archive: Archive) -> etree._Element:
    """The content part. Raises PasswordRequired, DamagedDocument."""
    if "META-INF/manifest.xml" in archive.names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise PasswordRequired("The OpenDocument file is encrypted with a password.")
    if "content.xml" not in archive.names:
        raise DamagedDocument("The file is damaged: its text is missing.")
    return archive.xml("content.xml")


def _collapsed(text: str | None) -> str:
    return BLANKS.sub(" ", clean(text)) if text else ""


def _tidy(text: str) -> str:
    """Blanks that were asked for stay; others are one, and none at the ends."""
    return re.sub(" {2,}", " ", text).strip(" ").replace("\0", " ")
