"""HTML: what a browser would show, without ever fetching anything."""

import re
from collections.abc import Iterator
from pathlib import Path

from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.charsets import decode
from documents.parsers.inlines import worth_reading
from documents.parsers.markup import Shown, shown
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.sniffing import name

EXTENSIONS = (".html", ".htm", ".xhtml", ".shtml")
PAGE = re.compile(
    rb"[\xef\xbb\xbf\xff\xfe\s]{0,200}(?:<\?xml[^>]{0,200}>\s{0,99})?(?:<!--.{0,2000}?-->\s{0,99})?"
    rb"<(?:!doctype\s{1,9}html|html|head|body|title|div|table|p>|h1|meta\s|script|style)",
    re.DOTALL | re.IGNORECASE,
)
ANY_TAG = re.compile(rb"<[a-z][a-z0-9]{0,10}(?:\s[^<>]{0,500})?>", re.IGNORECASE)
DECLARED = re.compile(
    rb"<meta[^>]{1,300}charset\s{0,3}=\s{0,3}[\"']?\s{0,3}([\w.:-]{2,40})|<\?xml[^>]{1,99}encoding=[\"']([\w.:-]{2,40})",
    re.IGNORECASE,
)
DECLARATION_REACH = 8192  # bytes


class HtmlParser:
    title = "HTML"
    content_type = "text/html"
    extensions = EXTENSIONS

    def accepts(self, sniffed: Sniffed) -> int | None:
        head = sniffed.head.replace(b"\0", b"")
        if PAGE.match(head) or name(sniffed) == "an HTML page":
            return 40
        named = sniffed.filename.lower().endswith(EXTENSIONS)
        return 30 if named and ANY_TAG.search(head) and not sniffed.zip_members else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        page, notices = read_page(path.read_bytes(), None, context)
        if page.linked:
            notices.append(linked_pictures(page.linked))
        yield from pages([(part, None) for part in stretches(page.lines)], context.max_pages, notices)
        for number, picture in enumerate(page.pictures, 1):
            yield Attachment(f"picture {number}", picture)


def linked_pictures(count: int) -> Notice:
    """What is told of pictures that are not in the page itself."""
    return Notice("pictures_unread", f"Pictures that the text refers to and that were not read: {count}.")


def read_page(data: bytes, declared: str | None, context: Context) -> tuple[Shown, list[Notice]]:
    """What a page shows and what is to be told of it; `declared` is the charset that came with it, if any.

    Of its pictures only those that may be documents are left. Raises DocumentTooComplex.
    """
    match = DECLARED.search(data, 0, DECLARATION_REACH)
    text, notices = decode(data, declared or (match and (match[1] or match[2]).decode()))
    page = shown(clean(text), context.max_cells)
    if page.hidden:
        notices.append(Notice("hidden_text", f"{page.hidden} characters are styled so that nobody sees them and were left out."))
    page.pictures, notice = worth_reading(page.pictures)
    return page, notices + notice


PARSERS = (HtmlParser(),)
