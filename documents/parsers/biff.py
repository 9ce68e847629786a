"""The records of binary workbooks of Excel 5 to 2003 (MS-XLS; BIFF5 and BIFF8)."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.errors import PasswordRequired
from documents.parsers.codepages import DECODERS, decoder
from documents.parsers.numberformats import Kind, kind
from documents.parsers.officeart import pictures_kept
from documents.parsers.pagination import clean

BOF, EOF, SHEET, FILE_PASS, CONTINUE, FORMAT, XF = 0x0809, 0x000A, 0x0085, 0x002F, 0x003C, 0x041E, 0x00E0
DRAWING_GROUP, SHARED_STRINGS, SINCE_1904, CODE_PAGE = 0x00EB, 0x00FC, 0x0022, 0x0042
WORKSHEET, CHART = 0, 2  # dt of a BoundSheet8 (2.4.28)


@dataclass(slots=True)
class SheetEntry:
    """A sheet as the workbook lists it: `offset` is where its substream begins, `kind` a worksheet, a chart or a macro."""

    name: str
    offset: int
    kind: int
    hidden: bool


@dataclass
class Globals:
    """What the sheets of a workbook share. Raises PasswordRequired."""

    data: bytes
    sheets: list[SheetEntry] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    formats: list[Kind] = field(default_factory=list)
    since_1904: bool = False
    pictures: int = 0
    modern: bool = True

    def __post_init__(self) -> None:
        self._codepage = DECODERS["cp1252"]
        codes: dict[int, str] = {}
        numbers: list[int] = []
        long: dict[int, list[bytes]] = {DRAWING_GROUP: [], SHARED_STRINGS: []}
        before = 0
        for number, content in records(self.data, 0):
            number = before if number == CONTINUE else number
            before = number
            if number in long:
                long[number].append(content)
            elif number == BOF:
                self.modern = content[1:2] >= b"\6"
            elif number == FILE_PASS:
                raise PasswordRequired("The workbook is encrypted with a password.")
            elif number == CODE_PAGE and len(content) >= 2:
                self._codepage = decoder(struct.unpack_from("<H", content)[0])
            elif number == SINCE_1904:
                self.since_1904 = content[:1] == b"\1"
            elif number == SHEET and len(content) >= 8:
                offset, hidden, shape = struct.unpack_from("<IBB", content)
                self.sheets.append(SheetEntry(self.string(content[6:], 1), offset, shape, bool(hidden & 3)))
            elif number == FORMAT and len(content) >= 4:
                codes[struct.unpack_from("<H", content)[0]] = self.string(content[2:], 2 if self.modern else 1)
            elif number == XF and len(content) >= 4:
                numbers.append(struct.unpack_from("<H", content, 2)[0])
        self.formats = [kind(number, codes.get(number)) for number in numbers]
        self.pictures = pictures_kept(b"".join(long[DRAWING_GROUP])[:65_536])
        self.strings = list(_shared(long[SHARED_STRINGS]))

    def string(self, data: bytes, size: int) -> str:
        """A string after its length of `size` bytes; BIFF8 says in a byte whether it is UTF-16."""
        length = int.from_bytes(data[:size], "little")
        if not self.modern:
            return clean(self._codepage.decode(data[size : size + length], "replace")[0])
        wide, data = data[size : size + 1] == b"\1", data[size + 1 :]
        return clean(data[: 2 * length].decode("utf-16-le", "replace") if wide else data[:length].decode("latin-1"))


def records(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """(type, content) of the records of a substream; substreams inside it, such as charts, are passed over."""
    depth = 0
    while offset + 4 <= len(data):
        number, length = struct.unpack_from("<HH", data, offset)
        content = data[offset + 4 : offset + 4 + length]
        offset += 4 + length
        depth += (number == BOF) - (number == EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield number, content


def _shared(parts: Sequence[bytes]) -> Iterator[str]:
    """The strings of an SST (2.4.265). A string may go on in the next record, which then says anew whether it is UTF-16."""
    reader = _Parts(parts)
    reader.take(8)
    while (head := reader.take(3)) and len(head) == 3:
        length, flags = struct.unpack("<HB", head)
        runs = int.from_bytes(reader.take(2), "little") if flags & 8 else 0
        extra = int.from_bytes(reader.take(4), "little") if flags & 4 else 0
        yield clean(reader.characters(length, flags & 1))
        reader.skip(4 * runs + extra)


@dataclass
class _Parts:
    """Bytes that lie in several records."""

    parts: Sequence[bytes]
    _part: int = 0
    _place: int = 0

    def take(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        taken = b""
        while len(taken) < count and self._part < len(self.parts):
            piece = self.parts[self._part][self._place : self._place + count - len(taken)]
            taken += piece
            self._advance(len(piece))
        return taken

    def skip(self, count: int) -> None:
        while count > 0 and self._part < len(self.parts):
            step = min(count, len(self.parts[self._part]) - self._place)
            count -= step
            self._advance(step)

    def characters(self, count: int, wide: int) -> str:
        texts: list[str] = []
        while count > 0 and self._part < len(self.parts):
            size = 2 if wide else 1
            piece = self.parts[self._part][self._place : self._place + count * size]
            texts.append(piece.decode("utf-16-le", "replace") if wide else piece.decode("latin-1"))
            count -= (len(piece) + size - 1) // size
            before = self._part
            self._advance(len(piece))
            if count > 0 and self._part > before:
                wide = int.from_bytes(self.take(1), "little") & 1
        return "".join(texts)

    def _advance(self, count: int) -> None:
        self._place += count
        while self._part < len(self.parts) and self._place >= len(self.parts[self._part]):
            self._part += 1
            self._place = 0
