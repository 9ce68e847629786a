"""Pictures of pages: for Tesseract (grey), and as PNG for people."""

import io
import math
from pathlib import Path

from PIL import Image
from pypdfium2 import PdfPage

from core.errors import NotFound, UnsupportedType
from documents.parsers.base import Parser

POINTS_PER_INCH = 72
MAX_PAGE_PIXELS = 24_000_000  # A4 at 400 dpi is 15.5 million
MAX_DPI = 300


def page_picture(page: PdfPage, dpi: float, *, grey: bool, max_pixels: int = MAX_PAGE_PIXELS) -> Image.Image:
    """The page as shown, forms and annotations drawn; a page too large for `max_pixels` at this dpi comes smaller."""
    width, height = page.get_size()
    scale = min(dpi / POINTS_PER_INCH, math.sqrt(max_pixels / max(1.0, width * height)))
    bitmap = page.render(scale=scale, grayscale=grey, may_draw_forms=True)
    try:
        return bitmap.to_pil().copy()
    finally:
        bitmap.close()


def png(picture: Image.Image) -> bytes:
    """The picture as PNG bytes, at the speed of a page view."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def render(path: Path, parser: Parser, page: int, dpi: int) -> bytes:
    """PNG of page `page` (from 1) at up to 300 dpi.

    Raises NotFound for a page that does not exist, UnsupportedType for a format that has no picture, and what the reader
    raises for a document that cannot be opened.
    """
    picture = getattr(parser, "picture", None)
    if picture is None:
        raise UnsupportedType(
            f"Documents of the type {parser.title} have no page pictures.", hint="Ask for the text of the document instead."
        )
    if page < 1:
        raise NotFound("Pages are counted from 1.")
    return png(picture(path, page, max(1, min(dpi, MAX_DPI))))


def no_page(page: int, total: int) -> NotFound:
    """The error for a page that a document does not have."""
    return NotFound(f"The document has no page {page}; it has {total}.")
