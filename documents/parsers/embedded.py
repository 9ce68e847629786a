"""Files inside office files: the workbooks, documents and packed files that a DOCX, XLSX or PPTX holds.

What a program cannot embed by itself it wraps as `Ole10Native` (MS-OLEDS 2.3.6): sizes, a label, two paths, then the file.
"""

import posixpath
import struct
from collections.abc import Iterable, Iterator

from core.errors import DamagedDocument
from documents.parsed import Attachment, Notice
from documents.parsers.archives import Archive
from documents.parsers.compound import SIGNATURE, Compound
from documents.parsers.ooxml import guarded

_NATIVE = "\x01Ole10Native"
_FLAGS = 2


def embedded(archive: Archive, parts: Iterable[str], notices: list[Notice]) -> list[Attachment]:
    """The files that `parts` hold, in the order of their names; one that cannot be unpacked is told in `notices`."""
    found = []
    for part in sorted(set(parts)):
        content = guarded(lambda part=part: archive.read(part), b"", "an embedded file", notices)
        found += _files(posixpath.basename(part), content)
    return found


def _files(name: str, content: bytes) -> Iterator[Attachment]:
    if content.startswith(SIGNATURE):
        try:
            with Compound(content) as file:
                native = file.read(_NATIVE) if file.holds(_NATIVE) else b""
        except DamagedDocument:
            native = b""
        if native and (inner := _packed(native)) is not None:
            yield inner
            return
    if content:
        yield Attachment(name, content)


def _packed(native: bytes) -> Attachment | None:
    """None for what is wrapped in another way."""
    try:
        label, place = _text(native, 4 + _FLAGS)
        _, place = _text(native, place)
        (path_length,) = struct.unpack_from("<I", native, place + 4)
        place += 8 + path_length
        (size,) = struct.unpack_from("<I", native, place)
    except (struct.error, ValueError):
        return None
    content = native[place + 4 : place + 4 + size]
    return Attachment(label or "package", content) if content else None


def _text(data: bytes, place: int) -> tuple[str, int]:
    """A text that ends with a zero, and the place after it. Raises ValueError."""
    end = data.index(b"\0", place)
    return data[place:end].decode("cp1252", "replace"), end + 1
