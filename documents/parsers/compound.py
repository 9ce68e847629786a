"""Compound files (MS-CFB), the little file system in which Word, Excel and PowerPoint kept their parts until 2007.

The declared sizes are judged before `olefile` believes them: a chain of sectors that runs in a circle is otherwise read for as
long as the header says.
"""

import struct
from io import BytesIO
from pathlib import Path
from typing import Self

from olefile import OleFileIO

from core.errors import DamagedDocument

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TABLES = (40, 44, 64, 72)  # where the header counts the sectors of the directory, FAT, mini FAT and DIFAT (MS-CFB 2.2)
MAX_NAMES = 20_000
OLE_ERRORS = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error, RecursionError)
DAMAGED = "The file is damaged: a part of it cannot be read."


class Compound:
    """The streams of a compound file, or of its bytes. Use as a context manager."""

    def __init__(self, source: Path | bytes):
        """Raises DamagedDocument for what is no compound file or says impossible things about itself."""
        self._size = len(source) if isinstance(source, bytes) else source.stat().st_size
        self._file = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        try:
            _judge(self._file.read(76), self._size)
            self._file.seek(0)
            self._ole = OleFileIO(self._file)
            if self._ole.root.size > self._size:
                raise ValueError("impossible mini stream")
        except OLE_ERRORS:
            self._file.close()
            raise DamagedDocument("The file is damaged: its table of contents cannot be read.") from None
        except BaseException:
            self._file.close()
            raise
        self.names = frozenset(entry.name for entry in self._ole.root.kids[:MAX_NAMES])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ole.close()
        self._file.close()

    def holds(self, name: str) -> bool:
        """True for a stream of this name (at the root, whatever its case)."""
        return self._ole.exists(name)

    def read(self, name: str) -> bytes:
        """A whole stream; a broken one as far as it goes. Raises DamagedDocument."""
        try:
            if self._ole.get_size(name) > self._size:
                raise DamagedDocument(DAMAGED)
            return self._ole.openstream(name).read()
        except OLE_ERRORS:
            raise DamagedDocument(DAMAGED) from None


def names(path: Path) -> frozenset[str]:
    """What stands at the root; nothing when it cannot be read."""
    try:
        with Compound(path) as file:
            return file.names
    except DamagedDocument:
        return frozenset()


def _judge(header: bytes, size: int) -> None:
    """Raises ValueError when the tables alone would be longer than the file."""
    (shift,) = struct.unpack_from("<H", header, 30)
    tables = (struct.unpack_from("<I", header, place)[0] for place in TABLES)
    if shift not in (9, 12) or any(count << shift > size for count in tables):
        raise ValueError("impossible header")
