"""Plain text in any usual encoding."""

from collections.abc import Iterator
from pathlib import Path

from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.charsets import decode, marked_encoding, unmarked_encoding
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.sniffing import is_markup

CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")


class TextParser:
    title = "TXT"
    content_type = "text/plain"
    extensions = (".txt", ".text", ".log")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 10 if looks_like_text(sniffed.head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        text, notices = decode(path.read_bytes())
        yield from pages([(part, None) for part in stretches(clean(text).split("\n"))], context.max_pages, notices)


def looks_like_text(head: bytes) -> bool:
    """True for text in UTF-8, UTF-16, UTF-32 or a one-byte encoding; false for markup, which has readers of its own."""
    if is_markup(head):
        return False
    if marked_encoding(head) or unmarked_encoding(head):
        return True
    return not any(byte in CONTROLS for byte in head)


PARSERS = (TextParser(),)
