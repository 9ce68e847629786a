"""The first look at a file: what by its first 16 bytes is certainly never a document is refused before it is kept.

What a file really is gets decided inside the sandbox; here nothing is parsed, and whoever is in doubt passes. Signatures are
those of the formats' own specifications; one made of letters only counts with the bytes behind it, for a text may begin so.
"""

import re

from core.errors import UnsupportedType

_LOOKED_AT = 16

_PROGRAM = "Send a document: a PDF, a picture, an office file, a text."
_ARCHIVE = "Unpack it and send the documents in it one by one."
_MEDIUM = "Myelin reads documents, neither sounds nor videos: send a PDF, a picture, an office file, a text."
_DATABASE = "Export what you want to ask about as CSV or XLSX and send that."

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (rb"MZ[^\x00]{0,13}\x00", "a Windows program", _PROGRAM),
    (rb"\x7fELF", "a Linux program", _PROGRAM),
    (rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe", "a macOS program", _PROGRAM),
    (rb"\xca\xfe\xba\xbe", "a compiled program", _PROGRAM),
    (rb"\x00asm|dex\n\d{3}\x00", "a compiled program", _PROGRAM),
    (rb"#! ?/", "a script", _PROGRAM),
    (rb"Rar!\x1a\x07", "a RAR archive", _ARCHIVE),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _ARCHIVE),
    (rb"\x1f\x8b\x08", "a gzip archive", _ARCHIVE),
    (rb"BZh[1-9]1AY&SY", "a bzip2 archive", _ARCHIVE),
    (rb"\xfd7zXZ\x00", "an xz archive", _ARCHIVE),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard archive", _ARCHIVE),
    (rb"MSCF\x00{4}", "a cabinet archive", _ARCHIVE),
    (rb"PK\x05\x06", "an empty ZIP archive", _ARCHIVE),
    (rb"!<arch>\n", "a software package", _PROGRAM),
    (rb"\xed\xab\xee\xdb", "a software package", _PROGRAM),
    # ISO 14496-12: the brands of films and sounds; those of HEIC and AVIF pictures are others.
    (rb".{4}ftyp(?:isom|iso[2-9]|mp4[12]|avc1|dash|MSNV|mmp4|M4[ABVP] |f4v |qt  |3g[gp2])", "a video or a sound", _MEDIUM),
    (rb"RIFF.{4}(?:AVI |WAVE)", "a video or a sound", _MEDIUM),
    (rb"\x1aE\xdf\xa3|FLV\x01|\x00\x00\x01[\xb3\xba]|\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video", _MEDIUM),
    (rb"ID3[\x02-\x04]|OggS\x00|fLaC\x00|MThd\x00|FORM.{4}AIF[CF]", "a sound", _MEDIUM),
    (rb"SQLite format 3\x00", "an SQLite database", _DATABASE),
    (rb"\x00\x01\x00\x00Standard (?:Jet|ACE)", "an Access database", _DATABASE),
)
_NEVER = tuple((re.compile(pattern, re.DOTALL), what, hint) for pattern, what, hint in _KINDS)


def refuse_what_is_no_document(head: bytes) -> None:
    """Raises UnsupportedType (415) with what the file is. Only the first 16 bytes of `head` are looked at."""
    first = head[:_LOOKED_AT]
    for pattern, what, hint in _NEVER:
        if pattern.match(first):
            raise UnsupportedType(f"The file is {what}, not a document.", field="file", hint=hint)
