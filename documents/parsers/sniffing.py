"""What a file is, by its content: first bytes, zip directory, compound-file streams. The name is only a last hint."""

import mmap
import re
import struct
import zipfile
from pathlib import Path

from documents.parsers import compound
from documents.parsers.base import Sniffed

HEAD_BYTES = 4096
ZIP = b"PK\x03\x04"
OLE = compound.SIGNATURE
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")  # the stream of an encrypted OOXML file (MS-OFFCRYPTO 2.3.4.4)
MAX_NAMES = 20_000

SIGNATURES = (  # what refused files are called; the first that fits
    (rb"MZ", "a Windows program"), (rb"\x7fELF", "a Linux program"),
    (rb"\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe", "a program"),
    (rb"PK\x03\x04", "a zip archive"), (rb"Rar!", "a RAR archive"), (rb"7z\xbc\xaf", "a 7-Zip archive"),
    (rb"\x1f\x8b", "a gzip archive"), (rb"BZh", "a bzip2 archive"), (rb"\xfd7zXZ", "an xz archive"),
    (re.escape(OLE), "an Office file of the years before 2007"), (rb"GIF8", "a GIF picture"),
    (rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+", "a TIFF picture"), (rb"BM", "a BMP picture"),
    (rb"RIFF....WEBP", "a WebP picture"), (rb"....ftyp(?:hei|mif|msf|avi)", "a HEIF picture"),
    (rb"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"), (rb"....ftyp|\x1aE\xdf\xa3|RIFF|ID3|OggS|fLaC", "a video or sound"),
    (rb"SQLite format 3", "a database"),
)  # fmt: skip

MARKUP = (  # text by its bytes, but not meant to be read as it stands; zero bytes of UTF-16 are taken out first
    (rb"\{\\rtf", "an RTF text"), (rb"%!PS", "a PostScript file"),
    (rb"[\xef\xbb\xbf\xff\xfe\s]{0,200}<\?xml", "an XML file"),
    (rb"[\xef\xbb\xbf\xff\xfe\s]{0,200}<(?:!doctype\s|!--|html|head|body|div|table|p>|h1)", "an HTML page"),
)  # fmt: skip
PACKAGES = (  # what a zip is by its members
    ("word/", "a Word document without text"), ("xl/", "an Excel workbook of a kind that is not known here"),
    ("ppt/", "a PowerPoint presentation"), ("META-INF/container.xml", "an EPUB book"),
    ("META-INF/manifest.xml", "an OpenDocument file"), ("META-INF/MANIFEST.MF", "a Java program"),
)  # fmt: skip


def sniff(path: Path, filename: str) -> Sniffed:
    """Reads the first bytes and the names in a zip or a compound file (empty when its directory cannot be read)."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    members = _members(path) if head.startswith(ZIP) else frozenset()
    return Sniffed(head, members, filename, compound.names(path) if head.startswith(OLE) else frozenset())


def encrypted_office(path: Path, head: bytes) -> bool:
    """True for a DOCX, XLSX or PPTX that a password protects: a compound file around an encrypted package."""
    if not head.startswith(OLE):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(ENCRYPTED_PACKAGE) >= 0


def name(sniffed: Sniffed) -> str:
    """What the content looks like, in a few words for the person who sent it."""
    for prefix, title in PACKAGES:
        if any(member.startswith(prefix) for member in sniffed.zip_members):
            return title
    if title := _first(MARKUP, sniffed.head.replace(b"\0", b"")) or _first(SIGNATURES, sniffed.head):
        return title
    return "not text" if b"\0" in sniffed.head else "of no format that is known here"


def is_rtf(head: bytes) -> bool:
    """True for RTF, also behind a byte order mark or blanks."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf")


def is_markup(head: bytes) -> bool:
    """True for HTML, XML, RTF and PostScript, which are text by their bytes."""
    return _first(MARKUP, head.replace(b"\0", b"")) is not None


def _first(patterns: tuple[tuple[bytes, str], ...], head: bytes) -> str | None:
    return next((title for pattern, title in patterns if re.match(pattern, head, re.DOTALL | re.IGNORECASE)), None)


def _members(path: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(archive.namelist()[:MAX_NAMES])
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError, EOFError):
        return frozenset()
