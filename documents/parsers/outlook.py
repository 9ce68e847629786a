"""The properties of an Outlook message in its compound file ([MS-OXMSG] 2), and its compressed RTF ([MS-OXRTFCP] 3)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from olefile import OleFileIO

from core.errors import DamagedDocument
from documents.parsers.charsets import decode

PROPERTIES = "__properties_version1.0"
VALUE = "__substg1.0_"
RECIPIENT, ATTACHMENT = "__recip_version1.0_", "__attach_version1.0_"
HEADER_BYTES = {"message": 32, "embedded": 24, RECIPIENT: 8, ATTACHMENT: 8}
ENTRY = struct.Struct("<HHI8s")  # type, property, flags, value
UNICODE, CODEPAGE_TEXT, BINARY, OBJECT = "001F", "001E", "0102", "000D"
CODEPAGES = {65001: "utf-8", 1200: "utf-16-le", 20127: "ascii", 28591: "iso-8859-1", 28592: "iso-8859-2", 28605: "iso-8859-15",
             50220: "iso-2022-jp", 50222: "iso-2022-jp", 51932: "euc-jp", 936: "gbk", 54936: "gb18030"}  # fmt: skip
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
MAX_CHILDREN = 5_000
RTF_HEADER = struct.Struct("<IIII")
COMPRESSED, UNCOMPRESSED = 0x75465A4C, 0x414C454D
MAX_RTF = 64 << 20
DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0"
    b"\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of a message, a recipient or an attachment: those below the storage `path` of the file."""

    file: OleFileIO
    path: tuple[str, ...]
    fixed: dict[int, bytes]
    codepage: str | None

    @classmethod
    def of(cls, file: OleFileIO, path: tuple[str, ...] = (), kind: str = "message", codepage: str | None = None) -> Self:
        stream = [*path, PROPERTIES]
        data = file.openstream(stream).read()[HEADER_BYTES[kind] :] if file.exists(stream) else b""
        whole = data[: len(data) // ENTRY.size * ENTRY.size]
        fixed = {number: value for _, number, _, value in ENTRY.iter_unpack(whole)}
        own = cls(file, path, fixed, codepage)
        return own if codepage else cls(file, path, fixed, own._codepage(0x3FFD))

    def text(self, *numbers: int) -> str:
        """The first of these properties that holds any text."""
        for number in numbers:
            if (data := self._stream(number, UNICODE)) is not None and (text := data.decode("utf-16-le", "replace").strip("\0")):
                return text
            if (data := self._stream(number, CODEPAGE_TEXT)) is not None and (text := decode(data, self.codepage)[0].strip("\0")):
                return text
        return ""

    def binary(self, number: int) -> bytes | None:
        return self._stream(number, BINARY)

    def number(self, number: int) -> int:
        return int.from_bytes(self.fixed.get(number, b"")[:4], "little")

    def time(self, *numbers: int) -> datetime | None:
        """The first of these times: 100 ns since 1601."""
        for number in numbers:
            if ticks := int.from_bytes(self.fixed.get(number, b""), "little"):
                try:
                    return EPOCH + timedelta(microseconds=ticks // 10)
                except OverflowError:
                    return None
        return None

    @property
    def html_charset(self) -> str | None:
        return self._codepage(0x3FDE) or self.codepage

    def children(self, kind: str) -> Iterator[Self]:
        """The recipients or the attachments, in the order of their numbers."""
        node = self.file.root if not self.path else self.file.direntries[self.file._find(list(self.path))]
        names = sorted(entry.name for entry in node.kids if entry.name.startswith(kind))
        for name in names[:MAX_CHILDREN]:
            yield type(self).of(self.file, (*self.path, name), kind, self.codepage)

    def embedded(self) -> Self | None:
        """The message that an attachment is."""
        path = (*self.path, f"{VALUE}3701{OBJECT}")
        if not self.file.exists([*path, PROPERTIES]):
            return None
        return type(self).of(self.file, path, "embedded")

    def _stream(self, number: int, kind: str) -> bytes | None:
        path = [*self.path, f"{VALUE}{number:04X}{kind}"]
        return self.file.openstream(path).read() if self.file.exists(path) else None

    def _codepage(self, number: int) -> str | None:
        page = self.number(number)
        return CODEPAGES.get(page) or (f"cp{page}" if page else None)


def decompressed(data: bytes) -> bytes:
    """The RTF of a PidTagRtfCompressed property. Raises DamagedDocument."""
    if len(data) < RTF_HEADER.size:
        raise DamagedDocument("The text of the message is damaged.")
    _, size, kind, _ = RTF_HEADER.unpack_from(data)
    body = data[RTF_HEADER.size :]
    if kind == UNCOMPRESSED:
        return body[:size]
    if kind != COMPRESSED or size > MAX_RTF:
        raise DamagedDocument("The text of the message is damaged.")
    return _unpacked(body, size)


def _unpacked(body: bytes, size: int) -> bytes:
    """LZFu: runs of eight tokens after a control byte; a token is a byte, or offset and length in a ring of 4096 bytes."""
    ring = bytearray(DICTIONARY.ljust(4096, b"\0"))
    write, place, result = len(DICTIONARY), 0, bytearray()
    while place < len(body) and len(result) < size:
        control = body[place]
        place += 1
        for bit in range(8):
            if control >> bit & 1:
                token = int.from_bytes(body[place : place + 2], "big")
                place += 2
                offset, length = token >> 4, (token & 15) + 2
            else:
                offset, length = -1, 1
            if offset == write or place + (offset < 0) > len(body):
                return bytes(result[:size])
            for step in range(length):  # byte by byte: a run may read what it writes
                ring[write] = body[place] if offset < 0 else ring[(offset + step) % 4096]
                result.append(ring[write])
                write = (write + 1) % 4096
            place += offset < 0
    return bytes(result[:size])
