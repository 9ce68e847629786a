"""Bar codes and QR codes of a page, when the optional zxing-cpp is installed: what they hold is exact where print is read.

Each becomes a line of text behind the page's own, with the box of its bars: the linha digitável of a bank slip, the chave
de acesso of a fiscal document, else what the code holds.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from documents.checks import payment_line_of, valid_access_key
from documents.parsers.layout import Placed
from documents.parsers.pictures import Box
from documents.values import alphanumerics

try:
    import zxingcpp
except ImportError:
    zxingcpp = None

MATRIX = frozenset({"QRCode", "MicroQRCode", "DataMatrix", "Aztec", "PDF417"})
LINEAR = frozenset({"Code128", "ITF", "Code39", "EAN13"})
MAX_TEXT = 4000  # characters; a QR code holds 4,296
MAX_CODES = 50  # of one page
SURE = 0.9  # confidence of a word that bars do not make


class Code(NamedTuple):
    """What one code says, what that is, and where its bars stand in pixels."""

    label: str
    text: str
    box: Box


def codes(picture: Image.Image) -> list[Code]:
    """The codes of a grey picture, from the top; none without the library."""
    if zxingcpp is None:
        return []
    found = []
    for code in zxingcpp.read_barcodes(picture, try_invert=False, text_mode=zxingcpp.TextMode.Plain)[:MAX_CODES]:
        kind = str(code.format).rpartition(".")[2].replace(" ", "")
        text = " ".join("".join(character if character.isprintable() else " " for character in code.text).split())
        if text and len(text) <= MAX_TEXT and kind in MATRIX | LINEAR:
            found.append(Code(*_named(kind, text), _box(code.position)))
    return sorted(found, key=lambda code: code.box[1])


def with_codes(words: Sequence[Placed], found: Sequence[Code], scale: float) -> list[Placed]:
    """The words without what was taken for words in the bars, and behind them a line for each code that they lack.

    Boxes of words are in points, `scale` makes points of the codes' pixels.
    """
    boxes = [tuple(round(value * scale, 2) for value in code.box) for code in found]
    kept = [word for word in words if not any(_noise(word, box) for box in boxes)]
    printed = alphanumerics(" ".join(word.text for word in kept))
    line = max((word.line for word in kept), default=-1)
    for code, box in zip(found, boxes, strict=True):
        if alphanumerics(code.text) not in printed:
            line += 1
            kept += [Placed(part, *box, line, 1.0) for part in f"{code.label}: {code.text}".split()]
    return kept


def _named(kind: str, text: str) -> tuple[str, str]:
    """(label, text): the content says what a code is better than its kind does."""
    if kind in MATRIX:
        return "QR code" if "QR" in kind else "Código 2D", text
    if valid_access_key(text):
        return "Chave de acesso", text
    line = payment_line_of(text) if kind == "ITF" and re.fullmatch(r"\d{44}", text) else None
    return ("Linha digitável", line) if line else ("Código de barras", text)


def _box(position: "zxingcpp.Position") -> Box:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _noise(word: Placed, box: tuple[float, ...]) -> bool:
    inside = box[0] <= (word.x0 + word.x1) / 2 <= box[2] and box[1] <= (word.y0 + word.y1) / 2 <= box[3]
    return inside and (word.confidence or 0.0) < SURE
