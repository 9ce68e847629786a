"""Does a PDF have layers (optional content, PDF 1.7, 8.11)? PDFium draws only those that are on, and tells the text of all."""

import mmap
import re
import zlib
from pathlib import Path

MARK = b"/OCProperties"
PACKED = re.compile(rb"/ObjStm\b[^\0]{0,400}?stream\r?\n")
ENCRYPTED = b"/Encrypt"
MAX_STREAMS, MAX_SIZE = 2_000, 4 << 20  # looked into; bytes of each


def has_layers(path: Path) -> bool:
    """True when the catalogue names layers, or may: in an encrypted file nobody sees it from outside."""
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # no bytes, or no file that can be mapped
            return False
    with data:
        if data.find(MARK) >= 0 or data.find(ENCRYPTED) >= 0:
            return True
        for count, match in enumerate(PACKED.finditer(data)):
            if count >= MAX_STREAMS:
                return True
            if MARK in _unpacked(data[match.end() : match.end() + MAX_SIZE // 4]):
                return True
    return False


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_SIZE)
    except zlib.error:
        return b""
