"""The text of a DOCX part (ECMA-376 part 1, 17): paragraphs, tables, notes, text boxes, content controls, tracked changes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from documents.parsers.breaks import BREAK, Foot, split, texts
from documents.parsers.drawingml import span
from documents.parsers.grids import Grid
from documents.parsers.numbering import Numbering
from documents.parsers.ooxml import attribute, is_on, local
from documents.parsers.pagination import clean
from documents.parsers.wordstyles import Styles

SKIPPED = frozenset({
    "moveFrom", "Fallback", "rPr", "pPr", "tblPr", "trPr", "tcPr", "tblGrid", "sectPr", "sdtPr", "sdtEndPr", "annotation",
    "ffData", "instrText", "delInstrText",
})  # fmt: skip
CHARACTERS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "", "lastRenderedPageBreak": BREAK}
REFERENCES = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote, an endnote or a comment; only comments have an author."""

    lines: list[str]
    author: str = ""


@dataclass
class Walk:
    """One pass over a part: `blocks` gives its lines; notes that were referred to follow at the end of their page.

    `drawn` gives the lines of a chart or a diagram by the id of its relationship.
    """

    styles: Styles = field(default_factory=Styles)
    numbering: Numbering = field(default_factory=Numbering)
    notes: dict[tuple[str, str], Note] = field(default_factory=dict)
    drawn: Callable[[str], list[str]] = lambda _: []
    max_cells: int = 100_000
    hidden: bool = False
    deleted: bool = False
    foot: Foot = field(default_factory=Foot)
    _boxes: list[etree._Element] = field(default_factory=list)

    def blocks(self, node: Iterable[etree._Element]) -> list[str]:
        """Lines of a body, a cell or a text box, with BREAK as a line of its own where a page ends."""
        lines: list[str] = []
        for child in node:
            tag = local(child)
            if tag == "p":
                lines += self._paragraph(child)
            elif tag == "tbl":
                lines += self._table(child)
            elif tag == "del":
                self._delete(child)
            elif tag not in SKIPPED:
                lines += self.blocks(child)
        return lines

    def _paragraph(self, node: etree._Element) -> list[str]:
        parts: list[str] = []
        self._boxes, outer = [], self._boxes
        self._inline(node, parts)
        boxes, self._boxes = self._boxes, outer
        properties = node.find("{*}pPr")
        lines = []
        if properties is not None and is_on(properties.find("{*}pageBreakBefore")):
            lines += [*self.foot.flush(), BREAK]
        text = "".join(parts)
        number = self.numbering.next(properties, self.styles) if text.strip() else ""
        lines += split(f"{number} {text}" if number else text, self.foot)
        for box in boxes:
            lines += self.drawn(_relation(box)) if local(box) in ("chart", "relIds") else self.blocks(box)
        return lines

    def _inline(self, node: etree._Element, parts: list[str]) -> None:
        for child in node:
            tag = local(child)
            if tag == "t":
                parts.append(clean(child.text or ""))
            elif tag in CHARACTERS:
                parts.append(CHARACTERS[tag])
            elif tag == "br":
                parts.append(BREAK if attribute(child, "type") == "page" else "\n")
            elif tag == "sym":
                parts.append(_symbol(child))
            elif tag in ("txbxContent", "chart", "relIds"):
                self._boxes.append(child)
            elif tag in REFERENCES:
                self._refer(REFERENCES[tag], attribute(child, "id"), parts)
            elif tag == "del":
                self._delete(child)
            elif tag == "r" and self.styles.hides(child):
                self.hidden = self.hidden or _says_something(child)
            elif tag not in SKIPPED:
                self._inline(child, parts)

    def _refer(self, kind: str, number: str, parts: list[str]) -> None:
        note = self.notes.get((kind, number))
        if note is None:
            return
        if kind == "comment":
            self.foot.comment(note.author, note.lines)
        else:
            self.foot.note(number, note.lines)
            parts.append(f"[{number}]")

    def _delete(self, node: etree._Element) -> None:
        self.deleted = self.deleted or any(texts((child.text or "") for child in node.iter("{*}delText", "{*}t")))

    def _table(self, node: etree._Element) -> list[str]:
        grid = Grid()
        ends_page = False
        for row in self._within(node, "tr", ("tbl",)):
            cells: list[tuple[list[str], int, bool]] = []
            if (before := row.find("{*}trPr/{*}gridBefore")) is not None:
                cells.append(([], span(attribute(before, "val")), False))
            nested = False
            for cell in self._within(row, "tc", ("tbl",)):
                lines = self.blocks(cell)
                ends_page = ends_page or BREAK in lines
                nested = nested or cell.find(".//{*}tbl") is not None
                properties = cell.find("{*}tcPr")
                wide = properties.find("{*}gridSpan") if properties is not None else None
                goes_on = properties.find("{*}vMerge") if properties is not None else None
                continues = goes_on is not None and attribute(goes_on, "val") != "restart"
                cells.append(
                    (
                        texts(line for line in lines if line != BREAK),
                        span(attribute(wide, "val") if wide is not None else None),
                        continues,
                    )
                )
            if any(lines for lines, _, _ in cells):
                grid.add(cells, nested=nested)
        return [*([BREAK] if ends_page else []), *grid.lines(self.max_cells)]

    def _within(self, node: etree._Element, wanted: str, stop: tuple[str, ...]) -> Iterator[etree._Element]:
        """Rows of a table or cells of a row, also those inside content controls and insertions; not those of inner tables."""
        for child in node:
            tag = local(child)
            if tag == wanted:
                if wanted == "tr" and child.find("{*}trPr/{*}del") is not None:
                    self.deleted = True
                else:
                    yield child
            elif tag not in SKIPPED and tag != "del" and tag not in stop:
                yield from self._within(child, wanted, stop)


def _says_something(node: etree._Element) -> bool:
    return any((child.text or "").strip() for child in node.iter("{*}t"))


def _relation(node: etree._Element) -> str:
    """A chart is named by its id, a diagram by that of its data."""
    return attribute(node, "dm") or attribute(node, "id")


def _symbol(node: etree._Element) -> str:
    """Symbol fonts put their signs into the private area; the part below it is what the key would type."""
    try:
        code = int(attribute(node, "char"), 16)
    except ValueError:
        return ""
    return clean(chr(code - 0xF000 if 0xF000 <= code <= 0xF0FF else code)) if code < 0x110000 else ""
