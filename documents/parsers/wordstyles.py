"""What the styles of a DOCX hide and number (ECMA-376 part 1, 17.7)."""

from dataclasses import dataclass, field
from typing import Self

from lxml import etree

from documents.parsers.ooxml import attribute, is_on

MAX_PARENTS = 30
TINY = 4  # half-points: two points and less, which nobody reads
PAPER = ("ffffff", "white")


@dataclass(frozen=True, slots=True)
class Styles:
    """`hidden` are names of styles; `numbers` the list, by style, that a paragraph belongs to: (list, level)."""

    hidden: frozenset[str] = frozenset()
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element) -> Self:
        """From the styles part. A style has what its parents have unless it says otherwise."""
        nodes = {attribute(node, "styleId"): node for node in root.iterfind("{*}style")}
        hidden = {name for name in nodes if (found := _own(nodes, name, "{*}rPr/{*}vanish")) is not None and is_on(found)}
        numbers = {}
        for name in nodes:
            if (found := _own(nodes, name, "{*}pPr/{*}numPr/{*}numId")) is not None:
                level = _own(nodes, name, "{*}pPr/{*}numPr/{*}ilvl")
                numbers[name] = attribute(found, "val"), attribute(level, "val") if level is not None else "0"
        return cls(frozenset(hidden), numbers)

    def hides(self, run: etree._Element) -> bool:
        """True for a run that is not shown: hidden, tiny, or white on the white of the page."""
        properties = run.find("{*}rPr")
        if properties is None:
            return False
        vanish = properties.find("{*}vanish")
        if vanish is not None:
            return is_on(vanish)
        style = properties.find("{*}rStyle")
        if style is not None and attribute(style, "val") in self.hidden:
            return True
        size, color = properties.find("{*}sz"), properties.find("{*}color")
        if size is not None and attribute(size, "val").isdecimal() and int(attribute(size, "val")[:6]) <= TINY:
            return True
        return color is not None and attribute(color, "val").lower() in PAPER and not _shaded(run)


def _shaded(run: etree._Element) -> bool:
    """True where something may lie behind the letters: a shade, a highlight, a table, a drawing."""
    properties = run.find("{*}rPr")
    if properties.find("{*}shd") is not None or properties.find("{*}highlight") is not None:
        return True
    for outer in run.iterancestors("{*}p", "{*}tc", "{*}tbl", "{*}txbxContent", "{*}document", "{*}hdr", "{*}ftr"):
        tag = outer.tag.rpartition("}")[2]
        if (
            tag in ("tc", "tbl", "txbxContent")
            or outer.find("{*}pPr/{*}shd") is not None
            or outer.find("{*}pPr/{*}pStyle") is not None
        ):
            return True
        if tag == "document":
            return outer.find("{*}background") is not None
    return False


def _own(nodes: dict[str, etree._Element], name: str, path: str) -> etree._Element | None:
    for _ in range(MAX_PARENTS):
        node = nodes.get(name)
        if node is None:
            return None
        if (found := node.find(path)) is not None:
            return found
        parent = node.find("{*}basedOn")
        name = attribute(parent, "val") if parent is not None else ""
    return None
