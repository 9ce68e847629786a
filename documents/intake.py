"""The first look at a file, on its first bytes only: what is certainly no document is refused before it is kept.

What a file really is gets decided by content inside the sandbox; here nothing is parsed.
"""

from core.errors import UnsupportedType

SUPPORTED = "PDF, PNG, JPEG, DOCX, XLSX, CSV and TXT"

_MAGIC: tuple[tuple[bytes, str | None], ...] = (
    (b"%PDF", None),
    (b"\x89PNG\r\n\x1a\n", None),
    (b"\xff\xd8\xff", None),
    (b"PK\x03\x04", None),
    (b"PK\x05\x06", None),
    (b"\xef\xbb\xbf", None),
    (b"\xff\xfe", None),
    (b"\xfe\xff", None),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"#!", "a script"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
)
# Office files with a password are OLE containers too: the sandbox tells them apart from old Word and Excel files.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_WINDOW = 1024


def inspect(head: bytes) -> None:
    """Raises UnsupportedType when the first bytes (up to 4 KiB) are those of something that is never a document."""
    hint = f"Supported are {SUPPORTED}."
    if head.startswith(_OLE):
        return
    for magic, what in _MAGIC:
        if head.startswith(magic):
            if what is not None:
                raise UnsupportedType(f"The file is {what}, not a document.", field="file", hint=hint)
            return
    # A PDF may begin after some bytes of rubbish; text holds no NUL unless it is UTF-16 or UTF-32.
    window = head[:_TEXT_WINDOW]
    if b"%PDF" in window:
        return
    controls = sum(1 for byte in window if byte < 9 or 13 < byte < 32)
    wide = window.count(0) * 5 >= len(window)
    if controls * 20 > len(window) and not wide:
        raise UnsupportedType("The file is binary data of an unknown type.", field="file", hint=hint)
