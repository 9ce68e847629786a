"""The words of a PDF page as PDFium sees them, placed on the page as shown.

PDFium knows a box for every character; asking for the first and the last of each word costs a sixth of asking for all.
"""

import ctypes
import re
import unicodedata

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfPage, PdfTextPage

from documents.parsers.layout import Placed

WORD = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ufffe\uffff\u00ad\u200b\u2028\u2029]+")
LINE_BREAK = re.compile(r"[\r\n\u2028\u2029]")
SOFT_HYPHENS = "\x02\ufffe\u00ad"  # what PDFium gives for a hyphen at the end of a line
FINE = 1000  # device units a point: FPDF_PageToDevice answers in whole numbers


class Shown:
    """The way from PDF user space to points from the top left of the page as shown (CropBox and /Rotate applied)."""

    def __init__(self, page: PdfPage):
        self.width, self.height = page.get_size()
        origin, right, up = self._ask(page, 0, 0), self._ask(page, 100, 0), self._ask(page, 0, 100)
        self._x, self._y = origin
        self._a, self._b = (right[0] - origin[0]) / 100, (right[1] - origin[1]) / 100
        self._c, self._d = (up[0] - origin[0]) / 100, (up[1] - origin[1]) / 100

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

    def clip(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float] | None:
        """The part of a box that is on the page, with two decimals; None when it is off the page and so never seen."""
        x0, y0, x1, y1 = box
        if x0 < 0 or y0 < 0 or x1 > self.width or y1 > self.height:
            x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, self.width), min(y1, self.height)
            if x0 > x1 or y0 > y1:
                return None
        return round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)


def raw_text(textpage: PdfTextPage) -> str:
    """The characters of the page; an index into it is PDFium's index of that character."""
    count = textpage.count_chars()
    text = textpage.get_text_range() if count > 0 else ""
    if len(text) == count:
        return text
    unicode_of = pdfium_c.FPDFText_GetUnicode
    codes = (unicode_of(textpage.raw, index) for index in range(count))
    return "".join("\ufffd" if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code) for code in codes)


def placed_words(textpage: PdfTextPage, text: str, shown: Shown) -> list[Placed]:
    """The words of `raw_text` that stand on the page, in the order in which they were drawn."""
    rect = pdfium_c.FS_RECTF()
    words: list[Placed] = []
    line = end = 0
    for match in WORD.finditer(text):
        start = match.start()
        line += LINE_BREAK.search(text, end, start) is not None or (end > 0 and text[end] in SOFT_HYPHENS)
        end = match.end()
        box = shown.clip(shown.box(*_box(textpage, start, end - 1, rect)))
        if box is None:
            continue
        if words and _apart(words[-1], box) and words[-1].line == line:  # a short value below its label: no break is told
            line += 1
        hyphen = "-" if end < len(text) and text[end] in SOFT_HYPHENS else ""
        word = match.group() + hyphen
        words.append(Placed(word if word.isascii() else unicodedata.normalize("NFC", word), *box, line))
    return words


def _apart(before: Placed, box: tuple[float, float, float, float]) -> bool:
    """True when a box is not in the line of the word before: their middles lie farther apart than half a line."""
    height = min(before.y1 - before.y0, box[3] - box[1])
    return abs(before.y0 + before.y1 - box[1] - box[3]) > 1.4 * height


def _box(textpage: PdfTextPage, first: int, last: int, rect: pdfium_c.FS_RECTF) -> tuple[float, float, float, float]:
    """The box around two characters in user space: (left, bottom, right, top)."""
    ask = pdfium_c.FPDFText_GetLooseCharBox
    ask(textpage.raw, first, rect)
    left, bottom, right, top = rect.left, rect.bottom, rect.right, rect.top
    if first != last:
        ask(textpage.raw, last, rect)
        left, bottom = left if left < rect.left else rect.left, bottom if bottom < rect.bottom else rect.bottom
        right, top = right if right > rect.right else rect.right, top if top > rect.top else rect.top
    return left, bottom, right, top
