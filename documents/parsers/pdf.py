"""PDF: the text layer where it is good, Tesseract where a page is a picture, decided page by page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pypdfium2.raw as pdfium_c
from PIL import Image
from pypdfium2 import PdfDocument, PdfiumError, PdfPage

from core.errors import DamagedDocument, DocumentError, DocumentTooComplex, PasswordRequired
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.layout import Placed, arrange, compose, group
from documents.parsers.ocr import OcrUnavailable
from documents.parsers.pdfforms import annotation_words
from documents.parsers.pdftext import Shown, placed_words, raw_text
from documents.parsers.pictures import grey
from documents.parsers.rendering import MAX_PAGE_PIXELS, no_page, page_picture
from documents.parsers.transcription import transcribe

SIGNATURE_WITHIN = 1024  # readers accept junk before %PDF- (PDF 1.7, appendix H.3.4.1)
PASSWORD_ERROR, SECURITY_ERROR = pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY
LITTLE_TEXT = 200  # characters that a picture filling half the page may outweigh: a header above a scanned body
PAGE_FILLING = 0.5  # of the page's area
SPOILT = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f]|\(cid:\d{1,6}\)")
SPOILT_SHARE = 0.2
MAX_OBJECTS = 500  # looked at in search of a picture; a page with more is no scan
READABLE_PIXELS = 2_000  # long side of a scan that is not blown up


class PdfParser:
    title = "PDF"
    content_type = "application/pdf"
    extensions = (".pdf",)

    def accepts(self, sniffed: Sniffed) -> int | None:
        position = sniffed.head.find(b"%PDF-", 0, SIGNATURE_WITHIN)
        return 100 if position == 0 else 60 if position > 0 else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        document = _open(path)
        try:
            yield from self._pages(document, context)
        finally:
            document.close()

    def picture(self, path: Path, page: int, dpi: int) -> Image.Image:
        """Page `page` (from 1) in colour. Raises NotFound, and DamagedDocument for a page that cannot be drawn."""
        document = _open(path)
        try:
            if page > len(document):
                raise no_page(page, len(document))
            return page_picture(document[page - 1], dpi, grey=False)
        except PdfiumError:
            raise DamagedDocument(f"Page {page} cannot be drawn.") from None
        finally:
            document.close()

    def _pages(self, document: PdfDocument, context: Context) -> Iterator[Page | Notice | Total]:
        total, readable = len(document), 0
        yield Total(total)
        if total > context.max_pages:
            yield Notice("too_many_pages", f"The document has {total} pages; the first {context.max_pages} were read.")
        last_error: DocumentError | None = None
        for number in range(1, min(total, context.max_pages) + 1):
            try:
                yield _page(document, number, context)
                readable += 1
            except PdfiumError:
                yield Notice("page_damaged", f"Page {number} is damaged and was not read.", number)
            except MemoryError:
                yield Notice("page_too_complex", f"Page {number} needs more memory than allowed and was not read.", number)
            except DocumentError as error:
                last_error = error
                yield Notice(error.code, f"Page {number} was not read: {error.detail}", number)
        if not readable:
            raise last_error or DamagedDocument("No page of the PDF can be read.")


def _open(path: Path) -> PdfDocument:
    """Raises PasswordRequired (the empty user password was tried) and DamagedDocument."""
    try:
        document = PdfDocument(path)
        if document.get_formtype() != pdfium_c.FORMTYPE_NONE:
            document.init_forms()
        if len(document) < 1:
            raise DamagedDocument("The PDF has no pages.")
    except PdfiumError as error:
        if error.err_code in (PASSWORD_ERROR, SECURITY_ERROR):
            raise PasswordRequired("The PDF is encrypted with a password.") from None
        raise DamagedDocument("The PDF is damaged: its structure cannot be read.") from None
    return document


def _page(document: PdfDocument, number: int, context: Context) -> Page:
    page = document[number - 1]
    try:
        shown = Shown(page)
        placed, text = _native(document, page, shown)
        source = "native"
        if _needs_reading(page, shown, text):
            if (read := _transcribed(page, shown, placed, text, context)) is not None:
                placed, source = read, "ocr"
        content, words = compose(group(placed)) if source == "ocr" else arrange(placed)
        return Page(number, content, round(shown.width, 2), round(shown.height, 2), source, words)
    finally:
        page.close()


def _native(document: PdfDocument, page: PdfPage, shown: Shown) -> tuple[list[Placed], str]:
    textpage = page.get_textpage()
    try:
        text = raw_text(textpage)
        placed = placed_words(textpage, text, shown)
    finally:
        textpage.close()
    return placed + annotation_words(document, page, shown, placed[-1].line + 1 if placed else 0), text


def _needs_reading(page: PdfPage, shown: Shown, text: str) -> bool:
    """True for a page whose text is missing, spoilt, or no more than the header of a scan."""
    letters = sum(map(len, text.split()))
    if letters == 0:
        return pdfium_c.FPDFPage_CountObjects(page) > 0
    if _spoilt(text) > SPOILT_SHARE * letters:
        return True
    return letters < LITTLE_TEXT and _picture_share(page, shown) >= PAGE_FILLING


def _spoilt(text: str) -> int:
    return sum(len(match.group()) for match in SPOILT.finditer(text))


def _picture_share(page: PdfPage, shown: Shown) -> float:
    """The part of the page that its largest picture covers, 0..1."""
    return max((share for share, _ in _pictures(page, shown)), default=0.0)


def _pictures(page: PdfPage, shown: Shown) -> Iterator[tuple[float, tuple[int, int]]]:
    """(share of the page's area, size in pixels) of each picture among the first objects."""
    area = max(1.0, shown.width * shown.height)
    if pdfium_c.FPDFPage_CountObjects(page) > MAX_OBJECTS:
        return
    for item in page.get_objects(filter=(pdfium_c.FPDF_PAGEOBJ_IMAGE,), max_depth=3):
        box = shown.clip(shown.box(*item.get_bounds()))
        if box:
            yield (box[2] - box[0]) * (box[3] - box[1]) / area, item.get_px_size()


def _transcribed(page: PdfPage, shown: Shown, placed: list[Placed], text: str, context: Context) -> list[Placed] | None:
    """What Tesseract reads; None when the text layer is better after all. Raises OcrUnavailable, DocumentTooComplex."""
    pictures = list(_pictures(page, shown))
    if any(width * height > 4 * context.max_pixels for _, (width, height) in pictures):
        raise DocumentTooComplex("A page holds a picture of too many pixels.", hint="Scan it at 200 to 300 dpi.")
    factor = _shrink(shown, pictures)
    limit = min(context.max_pixels, MAX_PAGE_PIXELS)

    def render(dpi: int) -> Image.Image:
        return grey(page_picture(page, dpi * factor, grey=True, max_pixels=limit))

    good = sum(len(word.text) for word in placed) - _spoilt(text)
    try:
        read = transcribe(render, shown.width, context.ocr_languages)
    except OcrUnavailable:
        if good > 0:
            return None
        raise
    return read if sum(len(word.text) for word in read) >= good else None


def _shrink(shown: Shown, pictures: list[tuple[float, tuple[int, int]]]) -> float:
    """Factor on the dpi for pages far larger than paper (a scan that takes one point for each of its pixels)."""
    long_side = max(shown.width, shown.height)
    pixels = max((max(size) for share, size in pictures if share >= PAGE_FILLING), default=0)
    wanted = max(pixels, READABLE_PIXELS) / (long_side * 200 / 72)
    return min(1.0, wanted) if long_side > 1200 else 1.0


PARSERS = (PdfParser(),)
