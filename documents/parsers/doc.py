"""DOC: Word documents of 97 to 2003 (and 6 to 95), by their piece table."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.breaks import BREAK, Foot, cut, split, texts
from documents.parsers.compound import Compound
from documents.parsers.officeart import pictures_kept
from documents.parsers.ooxml import pictures_unread
from documents.parsers.pagination import clean, pages
from documents.parsers.wordfile import (
    CHARACTER_BINS,
    DELETED,
    HIDDEN,
    HUGE,
    IN_TABLE,
    INNER_CELL,
    INNER_ROW_END,
    LEVEL,
    PARAGRAPH_BINS,
    ROW_END,
    SYMBOL,
    WordFile,
)  # fmt: skip
from documents.parsers.wordflow import Flow

NOTES = {"footnotes": (2, 3, 2), "endnotes": (46, 47, 2), "comments": (4, 5, 30)}  # PLCs of references and texts, element's bytes
MARGINS, COMMENT_OWNERS, DRAWINGS = 11, 36, 50
SEPARATORS = 6  # stories of the margins that hold but lines between text and notes (2.3.3)
FOOTERS = (2, 3, 5)  # of the six margins of a section
MAX_LEVEL = 50
PICTURE, NOTE, COMMENT = "\x01", "\x02", "\x05"
FIELD, RESULT, FIELD_END = "\x13", "\x14", "\x15"
CHARACTERS = {"\x0b": "\n", "\x0e": "\n", "\x0c": BREAK, "\x1e": "-"}
SPECIAL = frozenset("\x01\x02\x05\x07\x0b\x0c\x0d\x0e\x13\x14\x15\x1e")


class DocParser:
    title = "DOC"
    content_type = "application/msword"
    extensions = (".doc", ".dot")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if "WordDocument" in sniffed.streams else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Compound(path) as file:
            walk = _Walk(WordFile.of(file), context.max_cells)
            headers, footers = walk.margins()
            body = [*walk.story("body"), *walk.foot.flush(), *walk.story("boxes")]
        yield from pages(cut([*headers, *body, *footers]), context.max_pages, walk.told())


@dataclass
class _Walk:
    """The stories of a document as lines."""

    word: WordFile
    max_cells: int
    foot: Foot = field(default_factory=Foot)
    _hidden: bool = False
    _deleted: bool = False
    _pictures: int = 0
    _left_out: bytearray = field(init=False)
    _symbols: dict[int, str] = field(default_factory=dict)
    _levels: bytearray = field(init=False)
    _ends: bytearray = field(init=False)
    _knows_rows: bool = field(init=False)
    _notes: dict[int, tuple[str, list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = len(self.word.text)
        self._left_out, self._levels, self._ends = bytearray(size), bytearray(size), bytearray(size)
        for first, last, properties in self.word.runs(CHARACTER_BINS):
            if mark := 2 * _on(properties.get(DELETED)) + _on(properties.get(HIDDEN)):
                self._left_out[first:last] = bytes((mark,)) * (last - first)
            if symbol := properties.get(SYMBOL):
                self._symbols[first] = _symbol(symbol)
        for first, last, properties in self.word.runs(PARAGRAPH_BINS):
            level = int.from_bytes(properties.get(LEVEL, b""), "little") or _on(properties.get(IN_TABLE)) or HUGE in properties
            ends = (
                1 if _on(properties.get(ROW_END)) or _on(properties.get(INNER_ROW_END)) else 2 * _on(properties.get(INNER_CELL))
            )
            if level or ends:
                self._levels[first:last] = bytes((min(level, MAX_LEVEL),)) * (last - first)
                self._ends[first:last] = bytes((ends,)) * (last - first)
        self._knows_rows = 1 in self._ends
        self._refer()

    def story(self, name: str) -> list[str]:
        """A part of the text as lines; in the body, notes and comments stand at the end of their page."""
        return self._lines(*self.word.story(name))

    def margins(self) -> tuple[list[str], list[str]]:
        """The lines of all headers and of all footers, each different one once."""
        start, end = self.word.story("margins")
        bounds = self.word.positions(MARGINS, 0)
        headers: dict[str, None] = {}
        footers: dict[str, None] = {}
        for number, (first, last) in enumerate(zip(bounds[SEPARATORS:], bounds[SEPARATORS + 1 :], strict=False)):
            if first < last:
                lines = self._lines(start + first, min(start + last, end))
                kind = footers if number % 6 in FOOTERS else headers
                kind |= dict.fromkeys(line for line in texts(lines) if line != BREAK)
        headers |= dict.fromkeys(texts(self.story("margin boxes")))
        return list(headers), list(footers)

    def told(self) -> list[Notice]:
        """What should be known of everything that was read."""
        told = pictures_unread(self._pictures + pictures_kept(self.word.structure(DRAWINGS)))
        if self._hidden:
            told.append(Notice("hidden_text", "The document holds hidden text, which was left out."))
        if self._deleted:
            told.append(Notice("deleted_text", "The document remembers deleted text (tracked changes), which was left out."))
        return told

    def _refer(self) -> None:
        """Notes and comments by the position that refers to them."""
        owners = _owners(self.word.structure(COMMENT_OWNERS))
        found: dict[int, tuple[str, list[str]]] = {}
        for name, (references, contents, size) in NOTES.items():
            places = self.word.positions(references, size)[:-1]
            bounds = self.word.positions(contents, 0)
            data = self.word.structure(references)[4 * (len(places) + 1) :]
            start, end = self.word.story(name)
            for number, (place, first, last) in enumerate(zip(places, bounds, bounds[1:], strict=False)):
                lines = self._lines(min(start + first, end), min(start + last, end))
                owner = int.from_bytes(data[size * number + 20 : size * number + 22], "little") if name == "comments" else 0
                mark = f"{number + 1}" if name != "comments" else owners[owner] if owner < len(owners) else ""
                found[place] = mark, [line.strip() for line in texts(lines)]
        self._notes = found

    def _lines(self, first: int, last: int) -> list[str]:
        flow = Flow(self.max_cells)
        fields: list[bool] = []  # for each open field: are we in its instruction, which nobody sees
        for cp in range(first, last):
            character = self.word.text[cp]
            if character == FIELD:
                fields.append(True)
            elif character == RESULT and fields:
                fields[-1] = False
            elif character == FIELD_END and fields:
                fields.pop()
            elif any(fields):
                continue
            elif character in "\r\x07":
                self._end(cp, character, flow)
            elif (mark := self._left_out[cp]) and character != "\x0c":
                self._deleted = self._deleted or mark > 1
                self._hidden = self._hidden or mark == 1
            elif character in SPECIAL:
                self._special(cp, character, flow)
            else:
                flow.add(self._symbols.get(cp, character) if character == "(" else character)
        lines: list[str] = []
        for line in flow.lines():
            lines += split(line, self.foot) if BREAK in line else [line]
        return [line if line == BREAK else joined(line) for line in lines]

    def _special(self, cp: int, character: str, flow: Flow) -> None:
        if character == PICTURE:
            self._pictures += 1
        elif character in (NOTE, COMMENT) and cp in self._notes:
            mark, lines = self._notes[cp]
            if character == NOTE:
                flow.add(f"[{mark}]")
                self.foot.note(mark, lines)
            else:
                self.foot.comment(mark, lines)
        else:
            flow.add(CHARACTERS.get(character, ""))

    def _end(self, cp: int, character: str, flow: Flow) -> None:
        """The end of a paragraph, a cell or a row; without properties two marks of cells in a row end it."""
        level, ends = self._levels[cp], self._ends[cp]
        if character == "\x07" and not self._knows_rows:
            ends = int(self.word.text[cp - 1] == "\x07")
        level = max(level, character == "\x07" or ends > 0)
        if ends == 1:
            flow.end_row(level)
        elif character == "\x07" or ends == 2:
            flow.end_cell(level)
        else:
            flow.end_paragraph(level)


def joined(line: str) -> str:
    """A line as clean text; halves of surrogate pairs become the characters they are."""
    if not line.isascii() and max(line) >= "\ud800":
        line = line.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return clean(line)


def _on(operand: bytes | None) -> int:
    """1 for a switch that is on (0x80 and 0x81 ask the style, which says no in nearly all documents)."""
    return int(operand is not None and operand[:1] == b"\1")


def _symbol(operand: bytes) -> str:
    """Symbol fonts have their signs in the private area; the part below it is what the key would type."""
    code = int.from_bytes(operand[2:4], "little")
    return clean(chr(code - 0xF000 if 0xF000 <= code <= 0xF0FF else code))


def _owners(data: bytes) -> list[str]:
    """The authors of comments: a length in characters, then the name, each."""
    owners: list[str] = []
    while len(data) >= 2:
        (length,) = struct.unpack_from("<H", data)
        owners.append(clean(data[2 : 2 + 2 * length].decode("utf-16-le", "replace")))
        data = data[2 + 2 * length :]
    return owners


PARSERS = (DocParser(),)
