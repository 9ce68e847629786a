"""Zip files from strangers: the directory is judged before anything is unpacked, and unpacking is capped as it goes.

Members are only ever read into memory, one at a time, never written to paths. XML with a DOCTYPE is refused: OOXML has none,
and entities are how a small part becomes a large one or reaches for another file.
"""

import stat
import struct
import zipfile
import zlib
from pathlib import Path

from lxml import etree

from core.errors import DamagedDocument, DocumentTooComplex

MAX_MEMBERS = 5_000
MAX_TOTAL = 300 << 20
MAX_MEMBER = 200 << 20
MAX_RATIO = 200
RATIO_FROM = 4 << 20  # unpacked bytes below which any ratio is harmless: blank sheets pack a thousand to one
CHUNK = 1 << 20
TOO_LARGE = "The file unpacks to more than is allowed."
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp037")  # what libxml2 detects by itself
DECLARATIONS = tuple(word.encode(encoding) for word in ("<!DOCTYPE", "<!ENTITY") for encoding in ENCODINGS)
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


class Archive:
    """A zip whose directory has been judged. Use as a context manager."""

    def __init__(self, path: Path):
        """Raises DamagedDocument for what is no zip, DocumentTooComplex for what is made to explode."""
        try:
            self._zip = zipfile.ZipFile(path)
        except ZIP_ERRORS:
            raise DamagedDocument("The file is damaged: its table of contents cannot be read.") from None
        try:
            _judge(self._zip.infolist())
        except BaseException:
            self._zip.close()
            raise
        self.names = frozenset(self._zip.namelist())
        self._left = MAX_TOTAL

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """One member, capped by what the whole archive may still unpack to. Raises DamagedDocument, DocumentTooComplex."""
        parts: list[bytes] = []
        room = min(MAX_MEMBER, self._left)
        try:
            with self._zip.open(name) as member:
                while chunk := member.read(CHUNK):
                    room -= len(chunk)
                    self._left -= len(chunk)
                    if room < 0:
                        raise DocumentTooComplex(TOO_LARGE)
                    parts.append(chunk)
        except KeyError:
            raise DamagedDocument("The file is damaged: a part of it is missing.") from None
        except ZIP_ERRORS:
            raise DamagedDocument("The file is damaged: a part of it cannot be unpacked.") from None
        return b"".join(parts)

    def xml(self, name: str) -> etree._Element:
        """One member as XML."""
        return parse_xml(self.read(name))


def refuse_entities(data: bytes) -> None:
    """Raises DocumentTooComplex for XML with a DOCTYPE or an ENTITY, in any encoding that XML readers know by themselves."""
    if any(declaration in data for declaration in DECLARATIONS):
        raise DocumentTooComplex("The file declares XML entities, which documents of this type never need.")


def parse_xml(data: bytes) -> etree._Element:
    """XML without entities, network or huge trees. Raises DamagedDocument; DocumentTooComplex for a DOCTYPE."""
    refuse_entities(data)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise DamagedDocument("The file is damaged: a part of it is not well-formed.") from None


def _judge(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise DocumentTooComplex(f"The file holds {len(members)} parts, more than {MAX_MEMBERS}.")
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if total > MAX_TOTAL or (total > RATIO_FROM and total > MAX_RATIO * max(1, packed)):
        raise DocumentTooComplex(TOO_LARGE, hint="It looks like a zip bomb; send the plain document.")
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise DocumentTooComplex("The file's parts overlap, as in a zip bomb.")
        end = member.header_offset + member.compress_size
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DocumentTooComplex("The file holds links to other files.")
        if member.flag_bits & 1:
            raise DamagedDocument("Parts of the file are encrypted.", hint="Save it without a password and upload it again.")
        if member.file_size > RATIO_FROM and member.file_size > 5 * MAX_RATIO * max(1, member.compress_size):
            raise DocumentTooComplex(TOO_LARGE)
