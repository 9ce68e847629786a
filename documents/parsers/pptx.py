"""PPTX: a page for each slide, with tables, charts, diagrams, speaker notes and comments."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.drawingml import OBJECTS, PLACEHOLDERS, Area, Drawing, Linked, paragraphs
from documents.parsers.embedded import embedded
from documents.parsers.ooxml import Relation, guarded, local, main_part, pictures_unread, relations
from documents.parsers.pagination import clean, pages
from documents.parsers.slides import hidden_slides, slide_page

IN_NOTES = frozenset({"sldImg", "sldNum", "dt", "hdr", "ftr"})  # placeholders of a notes page that say nothing of their own


class PptxParser:
    title = "PPTX"
    content_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    extensions = (".pptx", ".pptm", ".ppsx", ".potx")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if "ppt/presentation.xml" in sniffed.zip_members else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        with Archive(path) as archive:
            show = _Show(archive, main_part(archive, "ppt/presentation.xml"), context.max_cells)
            texts = [show.slide(number, part) for number, part in enumerate(show.parts, 1)]
            held = show.embedded()
        yield from pages(texts, context.max_pages, show.told())
        yield from held


@dataclass
class _Show:
    """The slides of a presentation and what was met while they were read."""

    archive: Archive
    main: str
    max_cells: int
    parts: list[str] = field(default_factory=list)
    _area: Area | None = None
    _authors: dict[str, str] = field(default_factory=dict)
    _notices: list[Notice] = field(default_factory=list)
    _hidden: list[int] = field(default_factory=list)
    _hidden_text: bool = False
    _pictures: set[str] = field(default_factory=set)
    _objects: set[str] = field(default_factory=set)
    _backgrounds: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        related = {relation.id: relation for relation in relations(self.archive, self.main)}
        root = self.archive.xml(self.main)
        for node in root.iter("{*}sldId"):
            relation = related.get(next((value for key, value in node.attrib.items() if key.endswith("}id")), ""))
            if relation is not None and relation.kind == "slide":
                self.parts.append(relation.target)
        size = next(root.iter("{*}sldSz"), None)
        if size is not None and size.get("cx", "").isdecimal() and size.get("cy", "").isdecimal():
            self._area = int(size.get("cx", "0")), int(size.get("cy", "0"))
        for relation in related.values():
            if relation.kind in ("commentAuthors", "authors"):
                listed = guarded(lambda part=relation.target: list(self.archive.xml(part)), [], "the authors", self._notices)
                self._authors |= {node.get("id", ""): clean(node.get("name", "")) for node in listed}

    def slide(self, number: int, part: str) -> tuple[str, str]:
        """The text and the label of a slide: what stands on it, then its notes and comments."""
        related = relations(self.archive, part)
        self._pictures |= {relation.target for relation in related if relation.kind == "image"}
        self._objects |= {relation.target for relation in related if relation.kind in OBJECTS}
        root = guarded(lambda: self.archive.xml(part), None, f"slide {number}", self._notices)
        if root is None:
            return slide_page(number, [])
        if root.get("show") in ("0", "false"):
            self._hidden.append(number)
        lines = self._drawn(root, part) + self._background(related)
        notes: list[str] = []
        comments: list[str] = []
        for relation in related:
            if relation.kind == "notesSlide":
                notes += self._side(relation.target, IN_NOTES)
            elif relation.kind in ("comments", "comment"):
                comments += self._comments(relation.target)
        return slide_page(number, lines, notes, comments)

    def told(self) -> list[Notice]:
        """What should be known of everything that was read."""
        told = [*self._notices, *hidden_slides(self._hidden), *pictures_unread(len(self._pictures))]
        if self._hidden_text:
            told.append(Notice("hidden_text", "The presentation holds text that no slide shows; it was left out."))
        return told

    def embedded(self) -> list[Attachment]:
        """The files inside of it; after its slides."""
        return embedded(self.archive, self._objects, self._notices)

    def _drawn(self, root: etree._Element, part: str, skip: frozenset[str] = frozenset()) -> list[str]:
        drawing = Drawing(Linked(self.archive, part, self._notices), self._area, skip, self.max_cells)
        lines = drawing.lines(root)
        self._hidden_text = self._hidden_text or drawing.hidden
        return lines

    def _side(self, part: str, skip: frozenset[str]) -> list[str]:
        root = guarded(lambda: self.archive.xml(part), None, "notes or a layout", self._notices)
        return [] if root is None else Drawing(Linked(self.archive, part, self._notices), None, skip).lines(root)

    def _background(self, related: list[Relation]) -> list[str]:
        """What layout and master print behind a slide, told with the first slide that has it."""
        lines: list[str] = []
        for relation in related:
            if relation.kind in ("slideLayout", "slideMaster") and relation.target not in self._backgrounds:
                self._backgrounds.add(relation.target)
                lines += self._side(relation.target, PLACEHOLDERS)
                lines += self._background(relations(self.archive, relation.target)) if relation.kind == "slideLayout" else []
        return lines

    def _comments(self, part: str) -> list[str]:
        """`Author: text` of each comment and each reply."""
        root = guarded(lambda: self.archive.xml(part), None, "comments", self._notices)
        lines: list[str] = []
        for node in () if root is None else root.iter("{*}cm", "{*}reply"):
            texts = [clean(child.text or "") for child in node if local(child) == "text"]
            texts += [line for child in node if local(child) == "txBody" for line in paragraphs(child)]
            if text := " ".join(" ".join(texts).split()):
                author = self._authors.get(node.get("authorId", ""), "")
                lines.append(f"{author}: {text}" if author else text)
        return lines


PARSERS = (PptxParser(),)
