"""Text of drawings (ECMA-376 part 1, 20 and 21): shapes, groups, tables, charts and diagrams of slides, sheets and documents."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lxml import etree

from documents.parsed import Notice
from documents.parsers.archives import Archive
from documents.parsers.ooxml import attribute, guarded, local, relations
from documents.parsers.pagination import clean
from documents.parsers.tables import Cell, Table

Area = tuple[int, int]
TITLES = ("title", "ctrTitle")
PLACEHOLDERS = frozenset({  # all of them: in a layout they hold but the text that asks to be replaced
    "title", "body", "ctrTitle", "subTitle", "dt", "sldNum", "ftr", "hdr", "obj", "chart", "tbl", "clipArt", "dgm", "media",
    "sldImg", "pic",
})  # fmt: skip
OBJECTS = ("oleObject", "package")
PARTS = ("chart", "chartEx", "diagramData")
NUMBER = re.compile(r"-?\d{1,20}\.\d{1,30}")
NAMES = {"diagramData": "a diagram", "chart": "a chart", "chartEx": "a chart"}


@dataclass
class Drawing:
    """One pass over a part with drawings, `lines` by shape in the order they are painted, titles first.

    `others` reads a chart or a diagram by the id of its relationship. Text of hidden shapes, and of shapes that lie outside of
    the `area` (width and height in EMU), is left out; `hidden` tells so. `skip` names placeholders that are not read.
    """

    others: Callable[[str], list[str]]
    area: Area | None = None
    skip: frozenset[str] = frozenset()
    max_cells: int = 100_000
    hidden: bool = False

    def lines(self, node: etree._Element) -> list[str]:
        """The text of a shape tree, a group or a graphic frame."""
        first: list[str] = []
        rest: list[str] = []
        for child in node:
            tag = local(child)
            if tag in ("sp", "cxnSp", "pic", "wsp"):
                kind = _placeholder(child)
                if kind not in self.skip and not self._left_out(child):
                    (first if kind in TITLES else rest).extend(paragraphs(child))
            elif tag in ("grpSp", "graphicFrame", "wgp"):
                rest += [] if self._left_out(child) else self.lines(child)
            elif tag == "tbl":
                rest += table(child, self.max_cells)
            elif tag in ("chart", "relIds"):
                rest += self.others(attribute(child, "id") or attribute(child, "dm"))
            elif tag == "AlternateContent":
                rest += self._alternative(child)
            elif tag not in ("nvGrpSpPr", "nvGraphicFramePr", "extLst"):
                rest += self.lines(child)
        return first + rest

    def _alternative(self, node: etree._Element) -> list[str]:
        """The first of the drawings for newer and older programs that has text."""
        return next((lines for branch in node if (lines := self.lines(branch))), [])

    def _left_out(self, shape: etree._Element) -> bool:
        properties = next((node for node in shape.iterfind("{*}*/{*}cNvPr")), None)
        if (properties is not None and attribute(properties, "hidden") in ("1", "true")) or self._outside(shape):
            self.hidden = self.hidden or any(text.strip() for text in shape.itertext())
            return True
        return False

    def _outside(self, shape: etree._Element) -> bool:
        place = next((node for node in (*shape.iterfind("{*}spPr/{*}xfrm"), *shape.iterfind("{*}xfrm"))), None)
        if self.area is None or place is None:
            return False
        try:
            (x, y), (width, height) = ((int(node.get(one)), int(node.get(two)))
                                       for node, one, two in zip(place, ("x", "cx"), ("y", "cy"), strict=False))  # fmt: skip
        except (TypeError, ValueError):
            return False
        return x + width <= 0 or y + height <= 0 or x >= self.area[0] or y >= self.area[1]


@dataclass
class Linked:
    """Charts and diagrams of one part, by the id of the relationship; each is read once."""

    archive: Archive
    part: str
    notices: list[Notice]
    _targets: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = (relation for relation in relations(self.archive, self.part) if relation.kind in PARTS)
        self._targets = {relation.id: (relation.kind, relation.target) for relation in found}

    def __call__(self, id: str) -> list[str]:
        kind, target = self._targets.pop(id, ("", ""))
        if not target:
            return []
        reader = paragraphs if kind == "diagramData" else chart
        return guarded(lambda: reader(self.archive.xml(target)), [], NAMES[kind], self.notices)


def paragraphs(node: etree._Element) -> list[str]:
    """The lines of text in a shape."""
    lines: list[str] = []
    for paragraph in node.iter("{*}p"):
        if local(paragraph.getparent()) in ("txBody", "rich", "t", "txbxContent", "body"):
            lines += paragraph_text(paragraph).split("\n")
    return [line for line in lines if line.strip()]


def paragraph_text(paragraph: etree._Element) -> str:
    """Runs joined with nothing between them, as one text with newlines at breaks."""
    parts = []
    for node in paragraph.iter("{*}t", "{*}br", "{*}tab"):
        tag = local(node)
        if tag == "t":
            parts.append(node.text or "")
        elif tag == "br":
            parts.append("\n")
        elif local(node.getparent()) == "r":
            parts.append("\t")
    return clean("".join(parts))


def table(node: etree._Element, max_cells: int) -> list[str]:
    """A DrawingML table as `cell | cell` lines."""
    rows = Table()
    for row in node.iterfind("{*}tr"):
        rows.new_row()
        for cell in row.iterfind("{*}tc"):
            if attribute(cell, "hMerge") in ("1", "true") or attribute(cell, "vMerge") in ("1", "true"):
                continue
            rows.add(Cell(paragraphs(cell), span(cell.get("gridSpan")), span(cell.get("rowSpan"))))
    return rows.lines(max_cells)


def span(value: str | None) -> int:
    """A count of columns or rows: 1 for what is no number."""
    return max(1, int(value)) if value and value.isdecimal() and len(value) < 6 else 1


def chart(root: etree._Element) -> list[str]:
    """Titles of a chart, then its numbers as a table: a row for each category, a column for each series."""
    lines = [line for title in root.iter("{*}title") for line in paragraphs(title)]
    series = [node for node in root.iter("{*}ser")]
    names = [" ".join(_points(node.iterfind("{*}tx")).values()) for node in series]
    categories: dict[int, str] = {}
    for node in series:
        for place, text in _points((*node.iterfind("{*}cat"), *node.iterfind("{*}xVal"))).items():
            categories.setdefault(place, text)
    values = [_points((*node.iterfind("{*}val"), *node.iterfind("{*}yVal"))) for node in series]
    if any(names):
        lines.append(" | ".join(["", *names]))
    for place in sorted({*categories, *(place for column in values for place in column)}):
        lines.append(" | ".join([categories.get(place, ""), *(column.get(place, "") for column in values)]))
    return lines


def _points(nodes: Iterable[etree._Element]) -> dict[int, str]:
    """The cached values of a reference or a literal by their place, numbers without the noise of binary fractions."""
    found: dict[int, str] = {}
    for node in nodes:
        for value in node.iter("{*}v"):
            place = attribute(value.getparent(), "idx")
            text = _exact(" ".join(clean(value.text or "").split()))
            key = int(place) if place.isdecimal() and len(place) < 10 else len(found)
            found[key] = f"{found[key]} {text}" if key in found and local(node) == "cat" else text
    return found


def _exact(text: str) -> str:
    """A cached number as it was typed: 4.4000000000000004 is 4.4 to sixteen digits."""
    return f"{float(text):.15g}" if len(text) > 16 and NUMBER.fullmatch(text) else text


def _placeholder(shape: etree._Element) -> str:
    """What a shape stands for in the layout of its slide; "" for one that the author drew."""
    node = next(shape.iterfind("{*}*/{*}nvPr/{*}ph"), None)
    return "" if node is None else node.get("type", "obj")
