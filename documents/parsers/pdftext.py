"""The words of a PDF page as PDFium sees them, placed on the page as shown.

PDFium knows a box for every character; asking for the first and the last of each word costs a sixth of asking for all.
"""

import ctypes
import re
import unicodedata
from collections import Counter
from typing import NamedTuple

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfPage, PdfTextPage

from documents.parsers.hidden import visible
from documents.parsers.layout import Placed
from documents.parsers.pdfcalls import address, loose_char_box, text_object

WORD = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ufffe\uffff\u00ad\u2028\u2029]+")
LINE_BREAK = re.compile(r"[\r\n\u2028\u2029]")
SOFT_HYPHENS = "\x02\ufffe\u00ad"  # what PDFium gives for a hyphen at the end of a line
HYPHENS = tuple(SOFT_HYPHENS)
TINY = 1.5  # points: the height of print that no eye reads, and the width of a letter of it
OUTSIDE, TOO_SMALL, UNSEEN = "outside the page", "too small to read", "of no width"  # why text is hidden
FINE = 1000  # device units a point: FPDF_PageToDevice answers in whole numbers


class Shown:
    """The way from PDF user space to points from the top left of the page as shown (CropBox and /Rotate applied)."""

    def __init__(self, page: PdfPage):
        self.width, self.height = page.get_size()
        origin, right, up = self._ask(page, 0, 0), self._ask(page, 100, 0), self._ask(page, 0, 100)
        self._x, self._y = origin
        self._a, self._b = (right[0] - origin[0]) / 100, (right[1] - origin[1]) / 100
        self._c, self._d = (up[0] - origin[0]) / 100, (up[1] - origin[1]) / 100
        self._upright = (self._a, self._b, self._c, self._d) == (1.0, 0.0, 0.0, -1.0)

    def _ask(self, page: PdfPage, x: float, y: float) -> tuple[float, float]:
        device_x, device_y = ctypes.c_int(), ctypes.c_int()
        size = round(self.width * FINE), round(self.height * FINE)
        pdfium_c.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, device_x, device_y)
        return device_x.value / FINE, device_y.value / FINE

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """Two opposite corners in user space → (x0, y0, x1, y1)."""
        x0, y0 = self._x + self._a * left + self._c * bottom, self._y + self._b * left + self._d * bottom
        x1, y1 = self._x + self._a * right + self._c * top, self._y + self._b * right + self._d * top
        if x0 > x1:
            x0, x1 = x1, x0
        return (x0, y0, x1, y1) if y0 <= y1 else (x0, y1, x1, y0)

    def place(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float] | None:
        """As `box`, but the part of it that is on the page, with two decimals; None when all is off it and so never seen."""
        if self._upright:
            x0, y0, x1, y1 = self._x + left, self._y - top, self._x + right, self._y - bottom
        else:
            x0, y0, x1, y1 = self.box(left, bottom, right, top)
        if x0 < 0 or y0 < 0 or x1 > self.width or y1 > self.height:
            x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, self.width), min(y1, self.height)
            if x0 > x1 or y0 > y1:
                return None
        # All are positive: so this is rounding, at half the price.
        return int(x0 * 100 + 0.5) / 100, int(y0 * 100 + 0.5) / 100, int(x1 * 100 + 0.5) / 100, int(y1 * 100 + 0.5) / 100


def raw_text(textpage: PdfTextPage) -> str:
    """The characters of the page; an index into it is PDFium's index of that character."""
    count = textpage.count_chars()
    text = textpage.get_text_range() if count > 0 else ""
    if len(text) == count:
        return text
    unicode_of = pdfium_c.FPDFText_GetUnicode
    codes = (unicode_of(textpage.raw, index) for index in range(count))
    return "".join("\ufffd" if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code) for code in codes)


class Drawn(NamedTuple):
    """The words of a page in the order in which they were drawn, and `objects[i]`, the text object of `words[i]`.

    `left_out` counts the characters that are not among them, by the reason why nobody sees them.
    """

    words: list[Placed]
    objects: list[int]
    left_out: Counter[str]


def drawn_words(textpage: PdfTextPage, text: str, shown: Shown) -> Drawn:
    """The words of `raw_text` that stand on the page and are large enough to be read."""
    handle, rect = address(textpage.raw), pdfium_c.FS_RECTF()
    at_rect = ctypes.addressof(rect)
    words: list[Placed] = []
    objects: list[int] = []
    odd = not text.isascii()
    seen, count = visible(text) if odd else (text, 0)
    left_out = Counter({UNSEEN: count} if count else {})
    line = end = 0
    middle = half = 0.0
    for match in WORD.finditer(text):
        start = match.start()
        between = text[end:start]
        line += between != " " and (LINE_BREAK.search(between) is not None or (end > 0 and between[:1] in HYPHENS))
        end = match.end()
        word = match.group()
        loose_char_box(handle, start, at_rect)
        left, bottom, right, top = rect.left, rect.bottom, rect.right, rect.top
        if end > start + 1:
            loose_char_box(handle, end - 1, at_rect)
            left, bottom = left if left < rect.left else rect.left, bottom if bottom < rect.bottom else rect.bottom
            right, top = right if right > rect.right else rect.right, top if top > rect.top else rect.top
        box = shown.place(left, bottom, right, top)
        if box is None:
            left_out[OUTSIDE] += len(word)
            continue
        centre, height = box[1] + box[3], box[3] - box[1]
        if height < TINY and box[2] - box[0] < TINY * len(word):
            left_out[TOO_SMALL] += len(word)
            continue
        if abs(centre - middle) > 1.4 * (height if height < half else half) and words and words[-1].line == line:
            line += 1  # a short value below its label: no break is told, but their middles lie half a line apart
        middle, half = centre, height
        if odd and not word.isascii():
            word = unicodedata.normalize("NFC", visible(word)[0] if seen is not text else word)
            if not word:
                continue
        if text[end : end + 1] in HYPHENS:
            word += "-"
        words.append(Placed(word, *box, line))
        objects.append(text_object(handle, start))
    return Drawn(words, objects, left_out)
