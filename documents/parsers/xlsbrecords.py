"""The records of binary workbooks (MS-XLSB 2.1.4): type and length in seven bits a byte, then the content."""

import struct
from collections.abc import Iterator

from documents.parsers.pagination import clean


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, content), as far as they are whole."""
    place = 0
    while place < len(data):
        number = data[place]
        place += 1
        if number & 0x80 and place < len(data):
            number = (number & 0x7F) | (data[place] & 0x7F) << 7
            place += 1
        length = 0
        for shift in (0, 7, 14, 21):
            if place >= len(data):
                return
            byte = data[place]
            place += 1
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        if place + length > len(data):
            return
        yield number, data[place : place + length]
        place += length


def integer(data: bytes, place: int) -> int:
    """Four bytes; 0 where the record is too short."""
    return struct.unpack_from("<I", data, place)[0] if place + 4 <= len(data) else 0


def string(data: bytes, place: int) -> str:
    """An XLWideString: characters after their count."""
    length = integer(data, place)
    return clean(data[place + 4 : place + 4 + 2 * length].decode("utf-16-le", "replace")) if length < len(data) else ""


def real(data: bytes, place: int) -> float | None:
    return struct.unpack_from("<d", data, place)[0] if place + 8 <= len(data) else None


def compact(data: bytes, place: int) -> float | None:
    """An RkNumber (2.5.122): thirty bits of an integer or of a float, perhaps a hundredth."""
    if place + 4 > len(data):
        return None
    (bits,) = struct.unpack_from("<i", data, place)
    value = float(bits >> 2) if bits & 2 else struct.unpack("<d", b"\0\0\0\0" + struct.pack("<i", bits & ~3))[0]
    return value / 100 if bits & 1 else value
