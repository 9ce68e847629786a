"""ODT and ODP: texts and presentations of OpenDocument."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from documents.parsed import Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.breaks import cut, texts
from documents.parsers.odfstyles import Styles
from documents.parsers.ooxml import attribute, guarded, local, pictures_unread
from documents.parsers.opendocument import Walk, content
from documents.parsers.pagination import clean, pages
from documents.parsers.slides import hidden_slides, slide_page

MIMETYPE = "application/vnd.oasis.opendocument."
EXTENSIONS = {"text": (".odt", ".ott"), "presentation": (".odp", ".otp"), "spreadsheet": (".ods", ".ots")}
FIELDS = tuple(f"{{*}}{name}" for name in ("sheet-name", "page-number", "page-count", "title", "date", "time", "file-name"))
MAX_EMBEDDED = 200  # charts and formulas of one document


class OdtParser:
    title = "OpenDocument text (ODT)"
    content_type = f"{MIMETYPE}text"
    extensions = EXTENSIONS["text"]

    def accepts(self, sniffed: Sniffed) -> int | None:
        return kind(sniffed, "text")

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Archive(path) as archive:
            file = OdfFile(archive, context.max_cells)
            walk = file.walk()
            lines = [line for root in file.body("text") for line in walk.blocks(root)] + walk.foot.flush()
            headers, footers = file.margins("header"), file.margins("footer")
        yield from pages(cut([*headers, *lines, *footers]), context.max_pages, file.told(walk))


class OdpParser:
    title = "OpenDocument presentation (ODP)"
    content_type = f"{MIMETYPE}presentation"
    extensions = EXTENSIONS["presentation"]

    def accepts(self, sniffed: Sniffed) -> int | None:
        return kind(sniffed, "presentation")

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        hidden: list[int] = []
        with Archive(path) as archive:
            file = OdfFile(archive, context.max_cells)
            walk = file.walk()
            slides = [node for root in file.body("presentation") for node in root if local(node) == "page"]
            shown: list[tuple[str, str | None]] = []
            masters: set[str] = set()
            for number, node in enumerate(slides, 1):
                if attribute(node, "style-name") in file.styles.invisible:
                    hidden.append(number)
                master = attribute(node, "master-page-name")
                behind = [] if master in masters else file.behind(master, walk)
                masters.add(master)
                shown.append(_slide(number, node, walk, [*file.declared(node), *behind]))
        yield from pages(shown, context.max_pages, [*file.told(walk), *hidden_slides(hidden)])


@dataclass
class OdfFile:
    """The parts of an OpenDocument file: content, styles and the objects inside."""

    archive: Archive
    max_cells: int
    notices: list[Notice] = field(default_factory=list)
    styles: Styles = field(init=False)
    content: etree._Element = field(init=False)
    _masters: list[etree._Element] = field(init=False, default_factory=list)
    _embedded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.content = content(self.archive)
        roots = [self.content]
        if "styles.xml" in self.archive.names:
            styles = guarded(lambda: self.archive.xml("styles.xml"), None, "styles", self.notices)
            if styles is not None:
                roots.append(styles)
                self._masters = list(styles.iter("{*}master-page"))
        self.styles = Styles.of(*roots)

    def walk(self) -> Walk:
        return Walk(self.styles, self.embedded, self.max_cells)

    def body(self, name: str) -> list[etree._Element]:
        """The bodies of one kind: text, presentation or spreadsheet."""
        return [node for body in self.content.iterfind("{*}body") for node in body if local(node) == name]

    def margins(self, kind: str, fields: bool = True) -> list[str]:
        """Lines of the headers or footers, each different one once; without `fields` those of page numbers are left out."""
        lines: dict[str, None] = {}
        for master in self._masters:
            for node in master:
                if local(node).startswith(kind) and attribute(node, "display") != "false":
                    if not fields:
                        _without_fields(node)
                    lines |= dict.fromkeys(texts(self.walk().blocks(node)))
        return list(lines)

    def behind(self, name: str, walk: Walk) -> list[str]:
        """What the master page of a slide prints behind it, without the places for the slide's own text."""
        found = next((node for node in self._masters if attribute(node, "name") == name), None)
        if found is None:
            return []
        _without_fields(found)
        shapes = [node for node in found if not attribute(node, "class") and local(node) != "notes"]
        return [line for node in shapes for line in texts(walk.shape(node))]

    def declared(self, slide: etree._Element) -> list[str]:
        """Header, footer and date that a slide shows."""
        lines = []
        for kind in ("header", "footer", "date-time"):
            name = attribute(slide, f"use-{kind}-name")
            nodes = self.content.iter(f"{{*}}{kind}-decl") if name else ()
            lines += [clean("".join(node.itertext())) for node in nodes if attribute(node, "name") == name]
        return texts(lines)

    def embedded(self, reference: str) -> list[str]:
        """The lines of a chart or a formula that is kept in the file."""
        part = posixpath.normpath(posixpath.join(reference, "content.xml"))
        if part in self._embedded or part not in self.archive.names or len(self._embedded) >= MAX_EMBEDDED:
            return []
        self._embedded.add(part)
        root = guarded(lambda: self.archive.xml(part), None, "an object", self.notices)
        if root is None:
            return []
        if local(root) == "math":
            return texts(["".join(clean(text).strip() for node in root.iter("{*}mi", "{*}mn", "{*}mo", "{*}mtext")
                                  for text in node.itertext())])  # fmt: skip
        return texts(Walk(Styles.of(root), max_cells=self.max_cells).blocks(root))

    def told(self, walk: Walk) -> list[Notice]:
        """What should be known of everything that was read."""
        told = [*self.notices, *pictures_unread(walk.pictures)]
        if walk.hidden:
            told.append(Notice("hidden_text", "The document holds hidden text, which was left out."))
        if walk.deleted:
            told.append(Notice("deleted_text", "The document remembers deleted text (tracked changes), which was left out."))
        return told


def kind(sniffed: Sniffed, name: str) -> int | None:
    """The score of an OpenDocument file whose first member says what it is; where it does not, the name has to."""
    if not {"content.xml", "META-INF/manifest.xml"} <= sniffed.zip_members:
        return None
    _, says, rest = sniffed.head.partition(MIMETYPE.encode())
    if says:
        return 100 if rest.startswith(name.encode()) else None
    return 50 if sniffed.filename.lower().endswith(EXTENSIONS[name]) else None


def _without_fields(node: etree._Element) -> None:
    for paragraph in list(node.iter("{*}p")):
        if next(paragraph.iter(*FIELDS), None) is not None:
            paragraph.getparent().remove(paragraph)


def _slide(number: int, node: etree._Element, walk: Walk, declared: list[str]) -> tuple[str, str]:
    """Titles first; then everything in the order it was painted; notes and comments last."""
    first: list[str] = []
    rest: list[str] = []
    notes: list[str] = []
    for child in node:
        if local(child) == "notes":
            notes += [line for frame in child if attribute(frame, "class") == "notes" for line in texts(walk.shape(frame))]
        else:
            lines = texts(walk.blocks([child]))
            (first if attribute(child, "class") == "title" else rest).extend(lines)
    return slide_page(number, [*first, *rest, *declared], notes, walk.foot.flush())


PARSERS = (OdtParser(), OdpParser())
