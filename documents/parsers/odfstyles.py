"""What the styles of an OpenDocument file hide and where they end pages."""

from dataclasses import dataclass, field
from typing import Self

from lxml import etree

from documents.parsers.ooxml import attribute, local

MAX_PARENTS = 30


@dataclass(frozen=True, slots=True)
class Styles:
    """Names of styles: text that is not shown, paragraphs before which a page ends, and what is hidden of a sheet or slide."""

    hidden: frozenset[str] = frozenset()
    breaking: frozenset[str] = frozenset()
    invisible: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *roots: etree._Element) -> Self:
        """From the content part and the styles part; a style has what its parents have unless it says otherwise."""
        styles: dict[str, _Style] = {}
        for root in roots:
            for node in root.iter("{*}style"):
                style = _Style(attribute(node, "parent-style-name"))
                for child in node:
                    style.learn(child)
                if attribute(node, "master-page-name"):
                    style.breaks = True
                styles[attribute(node, "name")] = style
        return cls(
            frozenset(name for name in styles if _inherited(styles, name, "hidden")),
            frozenset(name for name in styles if _inherited(styles, name, "breaks")),
            frozenset(name for name, style in styles.items() if style.invisible),
        )


@dataclass(slots=True)
class _Style:
    parent: str
    hidden: bool | None = None
    breaks: bool | None = None
    invisible: bool = field(default=False)

    def learn(self, node: etree._Element) -> None:
        match local(node):
            case "text-properties":
                if display := attribute(node, "display"):
                    self.hidden = display == "none"
            case "paragraph-properties":
                if before := attribute(node, "break-before"):
                    self.breaks = before == "page"
            case "table-properties":
                self.invisible = attribute(node, "display") == "false"
            case "drawing-page-properties":
                self.invisible = attribute(node, "visibility") == "hidden"


def _inherited(styles: dict[str, _Style], name: str, what: str) -> bool:
    for _ in range(MAX_PARENTS):
        style = styles.get(name)
        if style is None:
            return False
        if (value := getattr(style, what)) is not None:
            return value
        name = style.parent
    return False
