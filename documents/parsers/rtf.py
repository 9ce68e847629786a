"""RTF: text in all code pages, tables, notes, comments, headers, footers, text boxes and list numbers."""

from collections.abc import Iterator
from pathlib import Path

from core.errors import DamagedDocument
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.breaks import cut, texts
from documents.parsers.ooxml import pictures_unread
from documents.parsers.pagination import pages
from documents.parsers.rtfwalk import Walk
from documents.parsers.sniffing import is_rtf


class RtfParser:
    title = "RTF"
    content_type = "application/rtf"
    extensions = (".rtf",)

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if is_rtf(sniffed.head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        data = path.read_bytes()
        walk = Walk(context.max_cells)
        walk.read(data)
        body = walk.lines()
        notices = pictures_unread(walk.pictures)
        if walk.hidden:
            notices.append(Notice("hidden_text", "The document holds hidden text, which was left out."))
        if walk.deleted:
            notices.append(Notice("deleted_text", "The document remembers deleted text (tracked changes), which was left out."))
        if walk.depth > 0:
            if not texts(body):
                raise DamagedDocument("The file is damaged: it ends before its text.")
            notices.append(Notice("document_cut", "The document is damaged: its end is missing."))
        lines = [*dict.fromkeys(walk.headers), *body, *dict.fromkeys(walk.footers)]
        yield from pages(cut(lines), context.max_pages, notices)


PARSERS = (RtfParser(),)
