"""EPUB: the chapters of a book in the order of its spine (EPUB 3.3, §5.7), each with its heading as label."""

import posixpath
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from core.errors import DamagedDocument, DocumentError, PasswordRequired
from documents.parsed import Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.html import linked_pictures, read_page
from documents.parsers.pagination import pages, stretches
from documents.parsers.subdocuments import title

CONTAINER, ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
CHAPTERS = (
    "application/xhtml+xml",
    "text/html",
    "application/x-dtbook+xml",
    "image/svg+xml",
    "application/xml",
    "text/x-oeb1-document",
)
TOLD = ("title", "creator", "publisher", "date", "identifier", "language", "rights", "description")


class EpubParser:
    title = "EPUB"
    content_type = "application/epub+zip"
    extensions = (".epub",)

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if CONTAINER in sniffed.zip_members else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Archive(path) as archive:
            package = _package(archive)
            book = archive.xml(package)
            chapters = list(_spine(book, posixpath.dirname(package)))
            if any(chapter in _encrypted(archive) for chapter in chapters):
                raise PasswordRequired("The book is protected against copying.", hint="Send a copy without protection.")
            texts, notices = _texts(archive, chapters, context)
        about = list(_about(book))
        yield from pages([("\n".join(about), None)] * bool(about) + texts, context.max_pages, notices)


def _package(archive: Archive) -> str:
    for node in archive.xml(CONTAINER).iter("{*}rootfile"):
        name = unquote(node.get("full-path", ""))
        if name in archive.names:
            return name
    raise DamagedDocument("The book is damaged: its table of parts is missing.")


def _spine(book: etree._Element, folder: str) -> Iterator[str]:
    """The members that hold the text, in reading order."""
    items = {node.get("id"): node for node in book.iter("{*}item")}
    for reference in book.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is not None and item.get("media-type", CHAPTERS[0]) in CHAPTERS:
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "").partition("#")[0])))


def _encrypted(archive: Archive) -> frozenset[str]:
    if ENCRYPTION not in archive.names:
        return frozenset()
    return frozenset(unquote(node.get("URI", "")) for node in archive.xml(ENCRYPTION).iter("{*}CipherReference"))


def _about(book: etree._Element) -> Iterator[str]:
    """What the book says of itself."""
    for node in book.iterfind(".//{*}metadata/*"):
        name = etree.QName(node).localname
        if name in TOLD and (text := " ".join((node.text or "").split())):
            yield f"{name.capitalize()}: {text}"


def _texts(archive: Archive, chapters: list[str], context: Context) -> tuple[list[tuple[str, str | None]], list[Notice]]:
    texts: list[tuple[str, str | None]] = []
    notices: dict[Notice, None] = {}
    linked = 0
    for number, name in enumerate(chapters, 1):
        try:
            page, told = read_page(archive.read(name), None, context)
        except DocumentError as error:
            notices[Notice("part_damaged", f"Chapter {number} was not read. {error.detail}")] = None
            continue
        linked += page.linked
        notices |= dict.fromkeys(told)
        label = title(page.heading) if page.heading else f"chapter {number}"
        texts += [(part, label) for part in stretches(page.lines)]
    return texts, [*notices, *([linked_pictures(linked)] if linked else [])]


PARSERS = (EpubParser(),)
