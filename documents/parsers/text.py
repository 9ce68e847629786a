"""Plain text in any usual encoding."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.sniffing import is_markup

BOMS = (  # UTF-32 before UTF-16: its little-endian mark begins with the other's
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be",
             "cp1252", "latin-1", "cp500")  # fmt: skip
DECODERS = tuple(codecs.lookup(name) for name in ENCODINGS)  # loaded now: the sandbox closes the standard library later
SAMPLE = 4096
CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")
ODD_SHARE = 0.3  # of the characters outside ASCII: no Windows-1252 text of a European language has so many


class TextParser:
    title = "TXT"
    content_type = "text/plain"
    extensions = (".txt", ".text", ".md", ".log")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 10 if looks_like_text(sniffed.head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        text, notices = decode(path.read_bytes())
        yield from pages([(part, None) for part in stretches(clean(text).split("\n"))], context.max_pages, notices)


def looks_like_text(head: bytes) -> bool:
    """True for text in UTF-8, UTF-16, UTF-32 or a one-byte encoding; false for markup, which has readers of its own."""
    if is_markup(head):
        return False
    if any(head.startswith(mark) for mark, _ in BOMS):
        return True
    if unmarked_encoding(head):
        return True
    return not any(byte in CONTROLS for byte in head)


def decode(data: bytes) -> tuple[str, list[Notice]]:
    """Text by its byte order mark, else by the pattern of its zero bytes, else UTF-8 if all of it is, else Windows-1252."""
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), []
    if encoding := unmarked_encoding(data[:SAMPLE]):
        return data.decode(encoding, "replace"), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:  # five bytes are undefined there
        text = data.decode("latin-1")
    odd = sum(character > "\x7e" for character in text)
    if odd <= ODD_SHARE * len(text):
        return text, []
    return text, [Notice("encoding_guessed", "The text's encoding is unknown; it was read as Windows-1252 and may be wrong.")]


def unmarked_encoding(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, by where the zero bytes of Latin letters stand, or EBCDIC; None for anything else."""
    sample = sample[: len(sample) // 4 * 4]
    if len(sample) < 4:
        return None
    zeros = [sample[place::4].count(0) * 4 / len(sample) for place in range(4)]
    empty, full = [share > 0.7 for share in zeros], [share < 0.1 for share in zeros]
    for encoding, wanted in (("utf-32-le", (1, 2, 3)), ("utf-32-be", (0, 1, 2)), ("utf-16-le", (1, 3)), ("utf-16-be", (0, 2))):
        if all(empty[place] if place in wanted else full[place] for place in range(4)):
            return encoding
    return "cp500" if _is_ebcdic(sample) else None


def _is_ebcdic(sample: bytes) -> bool:
    """Mainframe text: its blank is 0x40 where others have 0x20, and its letters lie above 0x80."""
    if sample.count(0x20) or not 0.05 < sample.count(0x40) / len(sample) < 0.5:
        return False
    letters = sum(character.isalnum() and character.isascii() for character in sample.decode("cp500"))
    return letters > 0.6 * len(sample)


PARSERS = (TextParser(),)
