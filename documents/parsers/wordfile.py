"""The binary Word format (MS-DOC): the file information block, the piece table and the properties of characters and paragraphs.

The text of a document lies in pieces all over the WordDocument stream; the piece table in the table stream gives their order.
Positions in the text are counted in characters (CP), positions in the stream in bytes (FC).
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from core.errors import DamagedDocument, DocumentTooComplex, PasswordRequired, UnsupportedType
from documents.parsers.compound import Compound

WORD_97 = 193  # nFib
WORD_6_MAGIC = 0xA5DC
COMPLEX, ENCRYPTED, TABLE_1, OBFUSCATED = 0x0004, 0x0100, 0x0200, 0x8000  # flags of the FibBase (2.5.2)
STORIES = {"body": 3, "footnotes": 4, "margins": 5, "comments": 7, "endnotes": 8, "boxes": 9, "margin boxes": 10}  # FibRgLw97
CLX, CHARACTER_BINS, PARAGRAPH_BINS = 33, 12, 13  # numbers of FcLcb pairs in FibRgFcLcb97 (2.5.6)
DELETED, HIDDEN, SYMBOL = 0x0800, 0x083C, 0x6A09  # sprmCFRMarkDel, sprmCFVanish, sprmCSymbol (2.6.1)
IN_TABLE, ROW_END, INNER_CELL, INNER_ROW_END = 0x2416, 0x2417, 0x244B, 0x244C  # sprmPFInTable, sprmPFTtp … (2.6.2)
LEVEL, HUGE = 0x6649, 0x6646  # sprmPItap; sprmPHugePapx, whose properties lie elsewhere
PAGE_BYTES = 512  # of formatted disk pages (2.9.33)
SIZES = (1, 1, 2, 4, 2, 2, 0, 3)  # bytes of an operand by the highest bits of its sprm; 0: the first byte says (2.2.5.1)
TABLE_DEFINITION = 0xD608  # sprmTDefTable, the one operand whose length has two bytes
MAX_PIECES = 200_000
MAX_RUNS = 3_000_000
CP1252 = {byte: bytes((byte,)).decode("cp1252", "replace") for byte in range(256)}
DAMAGED = "The Word document is damaged: its text cannot be found."


class Piece(NamedTuple):
    """Characters `first` to `last` (exclusive) of the text lie at byte `offset`, one or two bytes each."""

    first: int
    last: int
    offset: int
    width: int


class Run(NamedTuple):
    """Bytes `first` to `last` (exclusive) of the stream have these properties: sprm → operand."""

    first: int
    last: int
    properties: dict[int, bytes]


@dataclass
class WordFile:
    """A Word document. `text` has a character for each position: one beyond U+FFFF is two surrogates, as it is counted."""

    main: bytes
    table: bytes
    lengths: dict[str, int]
    pieces: list[Piece]
    pairs: list[tuple[int, int]]
    text: str = ""

    @classmethod
    def of(cls, file: Compound) -> "WordFile":
        """Raises PasswordRequired, DamagedDocument, UnsupportedType for Word before 97 when it was saved in haste."""
        main = file.read("WordDocument")
        try:
            return cls._read(main, file)
        except (struct.error, IndexError):
            raise DamagedDocument(DAMAGED) from None

    @classmethod
    def _read(cls, main: bytes, file: Compound) -> "WordFile":
        magic, version, flags = struct.unpack_from("<HH6xH", main)
        if flags & (ENCRYPTED | OBFUSCATED):
            raise PasswordRequired("The Word document is encrypted with a password.")
        if magic == WORD_6_MAGIC or version < WORD_97:
            return cls._read_early(main, flags)
        place = 32 + 2 + 2 * struct.unpack_from("<H", main, 32)[0]
        (count,) = struct.unpack_from("<H", main, place)
        numbers = struct.unpack_from(f"<{count}I", main, place + 2)
        place += 2 + 4 * count
        (count,) = struct.unpack_from("<H", main, place)
        pairs = list(struct.iter_unpack("<II", main[place + 2 : place + 2 + 8 * count]))
        lengths = {name: numbers[index] for name, index in STORIES.items()}
        table = file.read("1Table" if flags & TABLE_1 else "0Table")
        word = cls(main, table, lengths, [], pairs)
        word.pieces = _pieces(word.structure(CLX), len(main))
        word.text = "".join(word._piece_text(piece) for piece in word.pieces)
        return word

    @classmethod
    def _read_early(cls, main: bytes, flags: int) -> "WordFile":
        """Word 6 and 95: one byte a character, from one place; nothing is known of characters and paragraphs."""
        numbers = struct.unpack_from("<8I", main, 0x34)
        (start,) = struct.unpack_from("<I", main, 0x18)
        if flags & COMPLEX or not 0x20 <= start <= len(main):
            raise UnsupportedType(
                "The Word document was saved by a version before 97.", hint="Save it as DOCX and upload it again."
            )
        lengths = {name: numbers[index - 3] for name, index in STORIES.items()}
        word = cls(main, b"", lengths, [Piece(0, min(sum(numbers), len(main) - start), start, 1)], [])
        word.text = word._piece_text(word.pieces[0])
        return word

    def structure(self, number: int) -> bytes:
        """The bytes of the table stream that a pair of the file information block names."""
        offset, length = self.pairs[number] if number < len(self.pairs) else (0, 0)
        return self.table[offset : offset + length]

    def story(self, name: str) -> tuple[int, int]:
        """First character and the one behind the last of a part of the text; the parts follow each other in this order."""
        first = 0
        for other, length in self.lengths.items():
            if other == name:
                return min(first, len(self.text)), min(first + length, len(self.text))
            first += length
        raise ValueError(name)

    def positions(self, number: int, size: int) -> list[int]:
        """The character positions of a PLC whose data elements have `size` bytes."""
        data = self.structure(number)
        count = (len(data) - 4) // (4 + size) if len(data) >= 4 else -1
        return list(struct.unpack_from(f"<{count + 1}I", data)) if count >= 0 else []

    def runs(self, number: int) -> Iterator[Run]:
        """Runs in characters: the properties of characters (CHARACTER_BINS) or of paragraphs (PARAGRAPH_BINS).

        Raises DocumentTooComplex when runs overlap so that there are more than a document needs.
        """
        found = sorted((run for run in self._pages(number) if run.properties), key=lambda run: run.first)
        ends = list(accumulate((run.last for run in found), max))
        room = MAX_RUNS
        for piece in self.pieces:
            end = piece.offset + (piece.last - piece.first) * piece.width
            for place in range(bisect_right(ends, piece.offset), len(found)):
                run = found[place]
                if run.first >= end:
                    break
                room -= 1
                if room < 0:
                    raise DocumentTooComplex("The Word document has too many changes of format.")
                first = piece.first + max(0, run.first - piece.offset) // piece.width
                last = piece.first + (min(end, run.last) - piece.offset + piece.width - 1) // piece.width
                yield Run(first, max(first, last), run.properties)

    def _pages(self, number: int) -> Iterator[Run]:
        data = self.structure(number)
        count = max(0, (len(data) - 4) // 8)
        numbers = struct.unpack_from(f"<{count}I", data, 4 * (count + 1)) if count else ()
        for page in dict.fromkeys(number & 0x3FFFFF for number in numbers):
            start = page * PAGE_BYTES
            content = self.main[start : start + PAGE_BYTES]
            if len(content) == PAGE_BYTES:
                yield from _page_runs(content, paragraphs=number == PARAGRAPH_BINS)

    def _piece_text(self, piece: Piece) -> str:
        data = self.main[piece.offset : piece.offset + (piece.last - piece.first) * piece.width]
        units = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2]) if piece.width == 2 else ()
        text = "".join(map(chr, units)) if piece.width == 2 else "".join(map(CP1252.__getitem__, data))
        return text.ljust(piece.last - piece.first, "\0")


def _pieces(clx: bytes, size: int) -> list[Piece]:
    """The piece table at the end of a Clx (2.9.38). Raises DamagedDocument."""
    place = 0
    while place < len(clx) and clx[place] == 1:
        place += 3 + struct.unpack_from("<H", clx, place + 1)[0]
    if place >= len(clx) or clx[place] != 2:
        raise DamagedDocument(DAMAGED)
    (length,) = struct.unpack_from("<I", clx, place + 1)
    plc = clx[place + 5 : place + 5 + length]
    count = min((len(plc) - 4) // 12, MAX_PIECES)
    if count < 1:
        raise DamagedDocument(DAMAGED)
    bounds = struct.unpack_from(f"<{count + 1}I", plc)
    pieces = []
    for number in range(count):
        (fc,) = struct.unpack_from("<I", plc, 4 * (count + 1) + 8 * number + 2)
        narrow = fc >> 30 & 1
        offset = (fc & 0x3FFFFFFF) // 2 if narrow else fc & 0x3FFFFFFF
        first, last = bounds[number : number + 2]
        if last < first or first != (pieces[-1].last if pieces else 0) or (last - first) * (2 - narrow) > size:
            raise DamagedDocument(DAMAGED)
        pieces.append(Piece(first, last, offset, 2 - narrow))
    if sum(piece.last - piece.first for piece in pieces) > 4 * size:
        raise DamagedDocument(DAMAGED)
    return pieces


def _page_runs(page: bytes, *, paragraphs: bool) -> Iterator[Run]:
    """The runs of a formatted disk page: ChpxFkp (2.9.33) or PapxFkp (2.9.174)."""
    count, step = page[-1], 13 if paragraphs else 1
    if 4 * (count + 1) + step * count > PAGE_BYTES - 1:
        return
    bounds = struct.unpack_from(f"<{count + 1}I", page)
    for number in range(count):
        place = 2 * page[4 * (count + 1) + step * number]
        if not place:
            yield Run(bounds[number], bounds[number + 1], {})
            continue
        length = page[place] if place < PAGE_BYTES else 0
        if paragraphs:  # half-words; 0 says that the next byte counts; a style number comes first
            place, length = (place + 1, 2 * page[place + 1]) if not length and place + 1 < PAGE_BYTES else (place, 2 * length - 1)
            sprms = page[place + 3 : place + 1 + max(0, length)]
        else:
            sprms = page[place + 1 : place + 1 + length]
        yield Run(bounds[number], bounds[number + 1], dict(_sprms(sprms)))


def _sprms(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Single property modifiers and their operands (2.2.5.1), as far as they are whole."""
    place = 0
    while place + 3 <= len(data):
        (sprm,) = struct.unpack_from("<H", data, place)
        place += 2
        size = SIZES[sprm >> 13]
        if sprm == TABLE_DEFINITION and place + 2 <= len(data):
            size = struct.unpack_from("<H", data, place)[0] + 1
        elif not size:
            size = data[place] + 1
        yield sprm, data[place : place + size]
        place += size
