"""The binary PowerPoint format (MS-PPT): records in records, found by the persist directory of the last saving."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from core.errors import DamagedDocument, DocumentTooComplex, PasswordRequired
from documents.parsers.compound import Compound

DOCUMENT, SLIDE, NOTES, SLIDE_ATOM, NOTES_ATOM = 0x03E8, 0x03EE, 0x03F0, 0x03EF, 0x03F1
USER_EDIT, PERSIST_DIRECTORY, SLIDE_LIST, PERSIST_ATOM, SLIDE_INFO = 0x0FF5, 0x1772, 0x0FF0, 0x03F3, 0x03F9
CHARACTERS, BYTES, STRING, OUTLINE_REFERENCE, TEXT_HEADER = 0x0FA0, 0x0FA8, 0x0FBA, 0x0F9E, 0x0F9F
HEADERS_FOOTERS, COMMENT = 0x0FD9, 0x2EE0
SHAPE_GROUP, SHAPE, TEXT_BOX, CHILD_ANCHOR, MORE_PROPERTIES, BLIPS = 0xF003, 0xF004, 0xF00D, 0xF00F, 0xF122, 0xF001
ENCRYPTED_TOKEN = 0xF3D1C4DF  # headerToken of an encrypted CurrentUserAtom (2.3.2)
MAX_RECORDS = 2_000_000
MAX_EDITS = 1_000
HEAD = struct.Struct("<HHI")


class Record(NamedTuple):
    """`kind` is recType, `instance` recInstance; the content lies between `start` and `end`."""

    kind: int
    instance: int
    start: int
    end: int
    container: bool


@dataclass
class PowerPoint:
    """The stream of a presentation and where its persistent objects begin: `persist` id → offset."""

    data: bytes
    persist: dict[int, int]
    document: Record
    _room: int = MAX_RECORDS

    @classmethod
    def of(cls, file: Compound) -> "PowerPoint":
        """Raises PasswordRequired, DamagedDocument."""
        data, user = file.read("PowerPoint Document"), file.read("Current User") if file.holds("Current User") else b""
        if len(user) >= 20 and struct.unpack_from("<I", user, 12)[0] == ENCRYPTED_TOKEN:
            raise PasswordRequired("The PowerPoint presentation is encrypted with a password.")
        show = cls(data, {}, Record(DOCUMENT, 0, 0, 0, True))
        try:
            show._find(struct.unpack_from("<I", user, 16)[0] if len(user) >= 20 else len(data))
        except struct.error:
            raise DamagedDocument("The presentation is damaged: its slides cannot be found.") from None
        return show

    def records(self, start: int, end: int) -> Iterator[Record]:
        """The records that follow each other between two offsets. Raises DocumentTooComplex after MAX_RECORDS in all."""
        while start + HEAD.size <= end:
            head, kind, length = HEAD.unpack_from(self.data, start)
            start += HEAD.size
            self._room -= 1
            if self._room < 0:
                raise DocumentTooComplex("The presentation has too many parts.")
            yield Record(kind, head >> 4, start, min(start + length, end), head & 15 == 15)
            start += length

    def inside(self, record: Record) -> Iterator[Record]:
        """The children of a container."""
        return self.records(record.start, record.end)

    def child(self, record: Record, *kinds: int) -> Record | None:
        return next((child for child in self.inside(record) if child.kind in kinds), None)

    def all(self, record: Record, *kinds: int) -> Iterator[Record]:
        """Records of these kinds at any depth, without those inside them."""
        waiting = [self.inside(record)]
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
            elif found.kind in kinds:
                yield found
            elif found.container:
                waiting.append(self.inside(found))

    def at(self, persist_id: int, *kinds: int) -> Record | None:
        """A persistent object, if it is of one of these kinds."""
        offset = self.persist.get(persist_id, len(self.data))
        record = next(self.records(offset, len(self.data)), None)
        return record if record is not None and record.kind in kinds else None

    def number(self, record: Record, offset: int) -> int:
        """Four bytes of an atom; 0 where it is too short."""
        place = record.start + offset
        return struct.unpack_from("<I", self.data, place)[0] if place + 4 <= record.end else 0

    def text(self, record: Record) -> str:
        """The text of an atom: UTF-16, or the lower bytes of it."""
        data = self.data[record.start : record.end]
        return data.decode("latin-1") if record.kind == BYTES else data.decode("utf-16-le", "replace")

    def _find(self, edit: int) -> None:
        """Follows the edits from the last to the first; where that fails, every object of the stream is taken as it stands."""
        document = 0
        for _ in range(MAX_EDITS):
            record = next(self.records(edit, len(self.data)), None)
            if record is None or record.kind != USER_EDIT:
                break
            if record.end - record.start >= 32:
                raise PasswordRequired("The PowerPoint presentation is encrypted with a password.")
            document = document or self.number(record, 16)
            directory = next(self.records(self.number(record, 12), len(self.data)), None)
            if directory is not None and directory.kind == PERSIST_DIRECTORY:
                self._learn(directory)
            edit = self.number(record, 8)
            if not edit:
                break
        found = self.at(document, DOCUMENT) or next((one for one in self._top() if one.kind == DOCUMENT), None)
        if found is None:
            raise DamagedDocument("The presentation is damaged: its slides cannot be found.")
        self.document = found

    def _top(self) -> Iterator[Record]:
        return self.records(0, len(self.data))

    def _learn(self, directory: Record) -> None:
        place = directory.start
        while place + 4 <= directory.end:
            (head,) = struct.unpack_from("<I", self.data, place)
            first, count = head & 0xFFFFF, head >> 20
            count = min(count, (directory.end - place - 4) // 4)
            for number, offset in enumerate(struct.unpack_from(f"<{count}I", self.data, place + 4)):
                self.persist.setdefault(first + number, offset)
            place += 4 + 4 * count
