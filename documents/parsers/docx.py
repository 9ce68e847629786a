"""DOCX: everything a reader sees, walked in the XML itself.

Paragraphs with their numbers, tables as `cell | cell`, headers and footers, notes and comments, text boxes, content controls,
charts and tracked insertions; not deletions, not hidden runs, which are told.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.breaks import BREAK, cut, texts
from documents.parsers.drawingml import OBJECTS, Linked
from documents.parsers.embedded import embedded
from documents.parsers.numbering import Numbering
from documents.parsers.ooxml import Relation, attribute, guarded, main_part, pictures_unread, relations
from documents.parsers.pagination import clean, pages
from documents.parsers.wordml import Note, Walk
from documents.parsers.wordstyles import Styles

NOTES = {"footnotes": "footnote", "endnotes": "endnote", "comments": "comment"}


class DocxParser:
    title = "DOCX"
    content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    extensions = (".docx", ".docm", ".dotx")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if any(name.startswith("word/document") for name in sniffed.zip_members) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        with Archive(path) as archive:
            document = _Document(archive, main_part(archive, "word/document.xml"), context.max_cells)
            lines = document.lines()
            held = document.embedded()
        yield from pages(cut(lines), context.max_pages, document.told())
        yield from held


@dataclass
class _Document:
    """The parts of a document and what was met while they were read."""

    archive: Archive
    main: str
    max_cells: int
    notices: list[Notice] = field(default_factory=list)
    _walks: list[Walk] = field(default_factory=list)
    _related: list[Relation] = field(default_factory=list)
    _styles: Styles = field(default_factory=Styles)
    _pictures: set[str] = field(default_factory=set)
    _objects: set[str] = field(default_factory=set)

    def lines(self) -> list[str]:
        """Headers, body with its notes, footers."""
        self._related = relations(self.archive, self.main)
        numbering = Numbering()
        for part in self._parts("styles"):
            self._styles = guarded(lambda part=part: Styles.of(self.archive.xml(part)), self._styles, "styles", self.notices)
        for part in self._parts("numbering"):
            numbering = guarded(lambda part=part: Numbering.of(self.archive.xml(part)), numbering, "numbers", self.notices)
        notes = {key: note for kind in NOTES for part in self._parts(kind) for key, note in self._notes(kind, part).items()}
        headers, footers = self._margins("header"), self._margins("footer")
        walk = self._walk(self.main)
        walk.numbering, walk.notes = numbering, notes
        body = walk.blocks(self.archive.xml(self.main))
        return [*headers, *body, *walk.foot.flush(), *footers]

    def told(self) -> list[Notice]:
        """What should be known of everything that was read."""
        told = [*self.notices, *pictures_unread(len(self._pictures))]
        if any(walk.hidden for walk in self._walks):
            told.append(Notice("hidden_text", "The document holds hidden text, which was left out."))
        if any(walk.deleted for walk in self._walks):
            told.append(Notice("deleted_text", "The document remembers deleted text (tracked changes), which was left out."))
        return told

    def embedded(self) -> list[Attachment]:
        """The files inside of it; after `lines`."""
        return embedded(self.archive, self._objects, self.notices)

    def _parts(self, kind: str) -> list[str]:
        """The parts of a kind, also those that lie where they usually do and that nothing names."""
        usual = re.compile(rf"{re.escape(posixpath.dirname(self.main))}/{kind}\d*\.xml")
        named = [relation.target for relation in self._related if relation.kind == kind]
        return list(dict.fromkeys([*named, *sorted(name for name in self.archive.names if usual.fullmatch(name))]))

    def _walk(self, part: str) -> Walk:
        related = relations(self.archive, part)
        self._pictures |= {relation.target for relation in related if relation.kind == "image"}
        self._objects |= {relation.target for relation in related if relation.kind in (*OBJECTS, "aFChunk")}
        self._walks.append(Walk(self._styles, drawn=Linked(self.archive, part, self.notices), max_cells=self.max_cells))
        return self._walks[-1]

    def _read(self, part: str, kind: str) -> etree._Element | None:
        return guarded(lambda: self.archive.xml(part), None, kind, self.notices)

    def _margins(self, kind: str) -> list[str]:
        """The lines of headers or footers, each different one once."""
        lines: dict[str, None] = {}
        for part in self._parts(kind):
            root = self._read(part, kind)
            if root is not None:
                lines |= dict.fromkeys(line for line in texts(self._walk(part).blocks(root)) if line != BREAK)
        return list(lines)

    def _notes(self, kind: str, part: str) -> dict[tuple[str, str], Note]:
        root = self._read(part, kind)
        walk = self._walk(part)
        found: dict[tuple[str, str], Note] = {}
        for node in () if root is None else root:
            if not attribute(node, "type"):  # separators have one
                lines = [line for line in texts(walk.blocks(node)) if line != BREAK]
                found[NOTES[kind], attribute(node, "id")] = Note(lines, clean(attribute(node, "author")))
        return found


PARSERS = (DocxParser(),)
