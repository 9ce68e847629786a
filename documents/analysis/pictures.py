"""Pages as pictures beside their text, for models that see: those that were read badly, or all."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from statistics import fmean
from typing import Literal

from core.errors import DocumentError, NotFound, UnsupportedType
from documents.parsed import Page
from documents.values import find_amounts
from providers.types import PIXELS_PER_IMAGE

Vision = Literal["auto", "always", "never"]
#: The picture of a page as PNG by its number and its dots per inch. Raises a DocumentError, NotFound or UnsupportedType.
Draw = Callable[[int, int], Awaitable[bytes]]

#: Pictures of one question to a model. Local models take seconds for each, and Gemini takes 20 MB in one request.
MAX_PICTURES = 8
MAX_PICTURE_BYTES, MAX_BYTES = 4 << 20, 12 << 20
_MAX_DPI, _DPI_OF_UNKNOWN_SIZE, _POINTS_PER_INCH = 150, 110, 72
#: Below this mean confidence a page was read badly; a page with a table already below that.
_BAD, _BAD_TABLE = 0.80, 0.90
#: A word below this was guessed; handwriting leaves many of them.
_GUESSED, _MANY_GUESSED = 0.50, 0.15
_FEW_WORDS, _TABLE_LINES, _TABLE_NUMBERS = 5, 3, 3


def is_poor(page: Page) -> bool:
    """Whether a picture says more than the text that was read: nothing was read, or by OCR and badly."""
    if not page.text.strip():
        return True
    confidences = [word.confidence for word in page.words if word.confidence is not None]
    if page.source != "ocr" or not confidences:
        return False
    sure = fmean(confidences)
    guessed = sum(confidence < _GUESSED for confidence in confidences) / len(confidences)
    if len(confidences) < _FEW_WORDS or sure < _BAD or guessed > _MANY_GUESSED:
        return True
    return sure < _BAD_TABLE and _has_table(page.text)


def _has_table(text: str) -> bool:
    lines = (line for line in text.split("\n") if len(line) < 400)
    return sum(sum(1 for _ in find_amounts(line)) >= _TABLE_NUMBERS for line in lines) >= _TABLE_LINES


def chosen(vision: Vision, pages: Sequence[Page]) -> list[int]:
    """The numbers of the pages to be shown, in reading order."""
    if vision == "never":
        return []
    return [page.number for page in pages if vision == "always" or is_poor(page)]


async def drawn(draw: Draw, pages: Iterable[Page]) -> dict[int, bytes]:
    """PNG by number of page, at most MAX_PICTURES and MAX_BYTES together; a page that has no picture is left out.

    A picture with too many pixels or bytes is drawn once more with fewer dots.
    """
    pictures: dict[int, bytes] = {}
    room = MAX_BYTES
    for page in pages:
        if len(pictures) == MAX_PICTURES:
            break
        most = min(MAX_PICTURE_BYTES, room)
        try:
            picture = await _drawn(draw, page, most)
        except (DocumentError, NotFound, UnsupportedType):
            continue
        if len(picture) <= most and _pixels(picture) <= PIXELS_PER_IMAGE:
            pictures[page.number] = picture
            room -= len(picture)
    return pictures


async def _drawn(draw: Draw, page: Page, most: int) -> bytes:
    dpi = _dpi(page)
    picture = await draw(page.number, dpi)
    if (pixels := _pixels(picture)) > PIXELS_PER_IMAGE:
        dpi = max(1, int(dpi * math.sqrt(PIXELS_PER_IMAGE / pixels)))
        picture = await draw(page.number, dpi)
    return picture if len(picture) <= most else await draw(page.number, max(1, dpi // 2))


def _pixels(png: bytes) -> int:
    """Width times height, from the header of a PNG (PNG specification §11.2.1)."""
    return int.from_bytes(png[16:20]) * int.from_bytes(png[20:24])


def _dpi(page: Page) -> int:
    """As many dots per inch as PIXELS_PER_IMAGE allow for the size of the page."""
    area = page.width * page.height / _POINTS_PER_INCH**2
    if area <= 0:
        return _DPI_OF_UNKNOWN_SIZE
    return max(1, min(_MAX_DPI, int(math.sqrt(PIXELS_PER_IMAGE / area) * 0.995)))
