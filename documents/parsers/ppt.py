"""PPT: presentations of PowerPoint 97 to 2003, a page for each slide, with its notes and comments."""

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.compound import Compound
from documents.parsers.ooxml import pictures_unread
from documents.parsers.pagination import clean, pages
from documents.parsers.powerpoint import (
    BLIPS,
    BYTES,
    CHARACTERS,
    CHILD_ANCHOR,
    COMMENT,
    HEADERS_FOOTERS,
    MORE_PROPERTIES,
    NOTES,
    NOTES_ATOM,
    OUTLINE_REFERENCE,
    PERSIST_ATOM,
    SHAPE,
    SHAPE_GROUP,
    SLIDE,
    SLIDE_ATOM,
    SLIDE_INFO,
    SLIDE_LIST,
    STRING,
    TEXT_BOX,
    TEXT_HEADER,
    PowerPoint,
    Record,
)
from documents.parsers.slides import hidden_slides, slide_page
from documents.parsers.tables import Cell, Table

SLIDES, NOTES_LIST = 0, 2  # recInstance of a SlideListWithText (2.4.14)
PLACES = frozenset("*")  # a text that is but the place of a number or a date
TABLE_PROPERTIES = 0x039F  # tableProperties, whose lowest bit says that the group is a table (MS-ODRAW 2.3.4.36)
HIDDEN = 0x0004  # of the flags of a SlideShowSlideInfoAtom (2.6.6)
MAX_DEPTH = 60  # groups in groups


class PptParser:
    title = "PPT"
    content_type = "application/vnd.ms-powerpoint"
    extensions = (".ppt", ".pps", ".pot")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if "PowerPoint Document" in sniffed.streams else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Compound(path) as file:
            show = _Show(PowerPoint.of(file), context.max_cells)
            texts = show.slides()
        notices = [*hidden_slides(show.hidden), *pictures_unread(show.pictures())]
        if show.missing:
            notices.append(Notice("part_damaged", f"{show.missing} slides are damaged; of them only the outline was read."))
        yield from pages(texts, context.max_pages, notices)


class Box(NamedTuple):
    """A shape in a group."""

    lines: list[str]
    left: int
    top: int
    right: int
    bottom: int


@dataclass
class _Show:
    """The slides in the order of the presentation, with what the outline keeps of their text."""

    file: PowerPoint
    max_cells: int
    hidden: list[int] = field(default_factory=list)
    missing: int = 0

    def slides(self) -> list[tuple[str, str | None]]:
        notes = {slide: self._notes(persist) for persist, slide, _ in self._listed(NOTES_LIST)}
        texts: list[tuple[str, str | None]] = []
        for number, (persist, _, outline) in enumerate(self._listed(SLIDES), 1):
            record = self.file.at(persist, SLIDE)
            if record is None:
                self.missing += 1
                texts.append(slide_page(number, [line for text in outline for line in text]))
                continue
            info = self.file.child(record, SLIDE_INFO)
            if info is not None and self.file.number(info, 8) >> 16 & HIDDEN:
                self.hidden.append(number)
            atom = self.file.child(record, SLIDE_ATOM)
            own = notes.get(self.file.number(atom, 16) if atom is not None else 0, [])
            lines = [*self._shapes(record, outline), *self._margins(record)]
            texts.append(slide_page(number, lines, own, self._comments(record)))
        return texts

    def pictures(self) -> int:
        """How many pictures the presentation keeps."""
        return sum(record.instance for record in self.file.all(self.file.document, BLIPS))

    def _listed(self, instance: int) -> list[tuple[int, int, list[list[str]]]]:
        """(persist id, identity, texts of the outline) of each slide or notes page."""
        listed: list[tuple[int, int, list[list[str]]]] = []
        for record in self.file.inside(self.file.document):
            if record.kind != SLIDE_LIST or record.instance != instance:
                continue
            for child in self.file.inside(record):
                if child.kind == PERSIST_ATOM:
                    listed.append((self.file.number(child, 0), self.file.number(child, 12), []))
                elif child.kind == TEXT_HEADER and listed:
                    listed[-1][2].append([])
                elif child.kind in (CHARACTERS, BYTES) and listed and listed[-1][2]:
                    listed[-1][2][-1].extend(lines(self.file.text(child)))
        return listed

    def _shapes(self, record: Record, outline: list[list[str]], depth: int = 0) -> list[str]:
        """The texts of shapes in the order they are painted; a table is a group of its cells."""
        painted: list[str] = []
        inner: list[str] = []
        boxes: list[Box] = []
        is_table = False
        for child in self.file.inside(record):
            if child.kind == SHAPE:
                text, anchor = self._shape(child, outline)
                is_table = is_table or (not boxes and self._begins_table(child))
                boxes.append(Box(text, *anchor))
                painted += text
            elif child.container and depth < MAX_DEPTH and child.kind not in (HEADERS_FOOTERS, COMMENT):
                lines = self._shapes(child, outline, depth + 1)
                painted += lines
                inner += lines
        return inner + _table(boxes, self.max_cells) if is_table and record.kind == SHAPE_GROUP else painted

    def _shape(self, shape: Record, outline: list[list[str]]) -> tuple[list[str], tuple[int, int, int, int]]:
        """The lines of a shape, and its left, top, right and bottom in its group."""
        text: list[str] = []
        anchor = (0, 0, 0, 0)
        for child in self.file.inside(shape):
            if child.kind == CHILD_ANCHOR and child.end - child.start >= 16:
                anchor = struct.unpack_from("<4i", self.file.data, child.start)
            elif child.kind == TEXT_BOX:
                for atom in self.file.inside(child):
                    if atom.kind in (CHARACTERS, BYTES):
                        text += lines(self.file.text(atom))
                    elif atom.kind == OUTLINE_REFERENCE and (place := self.file.number(atom, 0)) < len(outline):
                        text += outline[place]
        return text, anchor

    def _begins_table(self, shape: Record) -> bool:
        """True for the shape that stands for a group which is a table."""
        for child in self.file.inside(shape):
            if child.kind == MORE_PROPERTIES:
                data = self.file.data[child.start : min(child.end, child.start + 6 * child.instance)]
                for identity, value in struct.iter_unpack("<HI", data[: len(data) // 6 * 6]):
                    if identity & 0x3FFF == TABLE_PROPERTIES:
                        return bool(value & 1)
        return False

    def _notes(self, persist: int) -> list[str]:
        record = self.file.at(persist, NOTES)
        return [] if record is None or self.file.child(record, NOTES_ATOM) is None else self._shapes(record, [])

    def _margins(self, slide: Record) -> list[str]:
        """The footer and the date of a slide that were typed in."""
        record = self.file.child(slide, HEADERS_FOOTERS)
        strings = [child for child in self.file.inside(record) if child.kind == STRING] if record is not None else []
        return [line for child in strings for line in lines(self.file.text(child))]

    def _comments(self, slide: Record) -> list[str]:
        """`Author: text`; the third string is the author's initials."""
        found = []
        for comment in self.file.all(slide, COMMENT):
            strings = {child.instance: self.file.text(child) for child in self.file.inside(comment) if child.kind == STRING}
            author, text = (" ".join(lines(strings.get(number, ""))) for number in (0, 1))
            if text:
                found.append(f"{author}: {text}" if author else text)
        return found


def lines(text: str) -> list[str]:
    """The paragraphs of an atom; a vertical tab breaks a line."""
    return [line for line in clean(text).split("\n") if line.strip() and not PLACES.issuperset(line)]


def _table(boxes: list[Box], max_cells: int) -> list[str]:
    """Boxes that stand edge to edge as `cell | cell` lines. Those without an area are lines between the cells."""
    cells = [box for box in boxes if box.right > box.left and box.bottom > box.top]
    lefts, tops = sorted({box.left for box in cells}), sorted({box.top for box in cells})
    rows: dict[int, list[Box]] = {}
    for box in cells:
        rows.setdefault(box.top, []).append(box)
    table = Table()
    for top in tops:
        table.new_row()
        for box in sorted(rows[top], key=lambda box: box.left):
            columns = bisect_left(lefts, box.right) - bisect_left(lefts, box.left)
            table.add(Cell(box.lines, columns, bisect_left(tops, box.bottom) - bisect_left(tops, top)))
    return table.lines(max_cells)


PARSERS = (PptParser(),)
