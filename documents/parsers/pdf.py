"""PDF: the text layer where it is good, Tesseract where a page is a picture, decided page by page."""

from collections.abc import Iterator
from pathlib import Path

import pypdfium2.raw as pdfium_c
from PIL import Image
from pypdfium2 import PdfDocument, PdfiumError, PdfPage

from core.errors import DamagedDocument, DocumentError, DocumentTooComplex, OcrUnavailable, PasswordRequired
from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers import pdfcalls
from documents.parsers.base import Context, Sniffed
from documents.parsers.layout import Placed, arrange, compose, group
from documents.parsers.pdffiles import embedded_files, form_data
from documents.parsers.pdfforms import HIDDEN, annotations
from documents.parsers.pdfhidden import NOT_SHOWN, hidden_text, judge
from documents.parsers.pdflayers import has_layers
from documents.parsers.pdfscans import SURE, agree, chosen, confidence, joined, letters, regions, transcribed
from documents.parsers.pdfscene import Scene, scene
from documents.parsers.pdftext import WORD, Drawn, Shown, drawn_words, raw_text
from documents.parsers.plausibility import spoilt, unlikely
from documents.parsers.rendering import no_page, page_picture

SIGNATURE_WITHIN = 1024  # readers accept junk before %PDF- (PDF 1.7, appendix H.3.4.1)
PASSWORD_ERROR, SECURITY_ERROR = pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY
SPOILT_SHARE = 0.2
SAMPLE, UNMAPPED_SHARE = 30, 0.5  # places whose font is asked whether it knows its letters


class PdfParser:
    title = "PDF"
    content_type = "application/pdf"
    extensions = (".pdf",)
    resumable = True

    def accepts(self, sniffed: Sniffed) -> int | None:
        position = sniffed.head.find(b"%PDF-", 0, SIGNATURE_WITHIN)
        return 100 if position == 0 else 60 if position > 0 else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        document = _open(path)
        try:
            yield from _pages(document, context, layered=has_layers(path))
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


def _pages(document: PdfDocument, context: Context, *, layered: bool) -> Iterator[Page | Notice | Total | Attachment]:
    total, readable = len(document), 0
    yield Total(total)
    if total > context.max_pages:
        yield Notice("too_many_pages", f"The document has {total} pages; the first {context.max_pages} were read.")
    yield from form_data(document)
    yield from embedded_files(document)
    last_error: DocumentError | None = None
    numbers = range(context.first_page, min(total, context.max_pages) + 1)
    for number in numbers:
        try:
            yield from _page(document, number, context, layered)
            readable += 1
        except PdfiumError:
            yield Notice("page_damaged", f"Page {number} is damaged and was not read.", number)
        except MemoryError:
            yield Notice("page_too_complex", f"Page {number} needs more memory than allowed and was not read.", number)
        except DocumentError as error:
            last_error = error
            yield Notice(error.code, f"Page {number} was not read: {error.detail}", number)
    if not readable and numbers:
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


def _page(document: PdfDocument, number: int, context: Context, layered: bool) -> Iterator[Page | Notice | Attachment]:
    """The page, and notices of what is not in its text."""
    page = document[number - 1]
    try:
        shown = Shown(page)
        drawn, text, unknown = _native(page, shown)
        view = scene(page, shown)
        judged = judge(page, shown, drawn, view, layered=layered)
        native, notices = judged.shown, []
        read = None
        if unknown or not (native or judged.layer):
            read = _instead(page, shown, view, native, text, unknown, context)
            if unknown and read is None:
                notices.append(Notice("text_doubtful", f"The letters of page {number} may be others than it shows.", number))
            elif unknown and read == native:
                read = None
        if read is not None:
            placed, source = read, "ocr"
        else:
            placed, hidden, unread = _with_pictures(page, shown, view, native, judged.layer, context)
            judged.left_out[NOT_SHOWN] += hidden
            notices += [Notice("picture_unread", f"A picture on page {number} was not read: {unread}", number)] if unread else []
            source = (
                "ocr" if 2 * sum(len(word.text) for word in placed if word.confidence is not None) > letters(placed) else "native"
            )
        beside, files, hidden = annotations(document, page, number, shown, placed[-1].line + 1 if placed else 0)
        judged.left_out[HIDDEN] += hidden
        content, words = compose(group(placed + beside)) if read is not None else arrange(placed + beside)
        yield Page(number, content, round(shown.width, 2), round(shown.height, 2), source, words)
        yield from notices
        yield from files
        yield from hidden_text(judged.left_out, number)
    finally:
        page.close()


def _native(page: PdfPage, shown: Shown) -> tuple[Drawn, str, bool]:
    """The words of the text layer, its characters, and whether they may be others than the page shows."""
    textpage = page.get_textpage()
    try:
        text = raw_text(textpage)
        drawn = drawn_words(textpage, text, shown)
        known = spoilt(text) <= SPOILT_SHARE * sum(map(len, text.split())) and not unlikely(text)
        return drawn, text, not known or _unmapped(pdfcalls.address(textpage.raw), text)
    finally:
        textpage.close()


def _unmapped(handle: int, text: str) -> bool:
    """True when the fonts of most words do not say which letters they draw."""
    step = max(1, len(text) // SAMPLE)
    sample = [match.start() for place in range(0, len(text), step) if (match := WORD.search(text, place, place + step))]
    return sum(pdfcalls.unmapped(handle, start) == 1 for start in sample) > UNMAPPED_SHARE * len(sample)


def _instead(
    page: PdfPage, shown: Shown, view: Scene, native: list[Placed], text: str, unknown: bool, context: Context
) -> list[Placed] | None:
    """What Tesseract reads on a page without a text layer, or with one that is not to be trusted; the native words when it
    reads the same, None when it cannot tell.

    Raises OcrUnavailable when there is no text layer to fall back upon.
    """
    if not pdfium_c.FPDFPage_CountObjects(page):
        return None
    good = letters(native) - spoilt(text)
    try:
        read = transcribed(page, shown, view, (0.0, 0.0, shown.width, shown.height), context)
    except OcrUnavailable:
        if good > 0:
            return None
        raise
    if not unknown:
        return read if letters(read) >= good else None
    if agree(read, native):
        return native
    return read if letters(read) >= good / 2 and confidence(read) >= SURE else None


def _with_pictures(
    page: PdfPage, shown: Shown, view: Scene, native: list[Placed], layer: list[Placed], context: Context
) -> tuple[list[Placed], int, str]:
    """The native words and those on pictures, how many characters of the layer are not shown, and why a picture was not read."""
    placed, hidden, unread = native, 0, ""
    left = list(layer)
    for box, under in regions(shown, view, native, layer):
        try:
            words, unshown = chosen(transcribed(page, shown, view, box, context), under)
        except (OcrUnavailable, DocumentTooComplex) as error:
            words, unshown = under, 0
            unread = unread or error.detail
        placed = joined(placed, words, box)
        hidden += unshown
        left = [word for word in left if word not in under]
    return placed, hidden + letters(left), unread


PARSERS = (PdfParser(),)
