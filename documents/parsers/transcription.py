"""A picture of a page read as well as Tesseract can: the plan of the passes.

1. Grey, flattened, levelled, and looked over: ruled lines and the size of the print say how to read. A form with boxes is
   read in mode SPARSE, which takes each box for itself; the long strip of a till receipt in mode BLOCK, softened, because its
   dots are no letters before they run together; everything else in mode AUTO. Small print is read from a finer picture.
2. Read badly: the orientation detector says which way is up, and the picture is turned and read again.
3. Still doubtful: one more pass in another mode, and word by word the surer reading counts.
4. What bar codes and QR codes hold is added, where it is not printed beside them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from documents.parsers import ocr, secondreader
from documents.parsers.arrangement import in_rows
from documents.parsers.codes import codes, with_codes
from documents.parsers.layout import Placed
from documents.parsers.merging import confidence, vote
from documents.parsers.numerals import CLOSE, CLOSE_ON_RECEIPTS, mended
from documents.parsers.pictures import Back, even, flatten, has_ink, skew, soften, turned
from documents.parsers.survey import survey, without_perforations

READING_DPI, FINE_DPI = 200, 250
STRIP_DPI = 171  # a receipt is longer than the sheet that its picture is taken for
SMALL_PRINT = 11  # pixels: usual height of the letters at 200 dpi, that is about 4 points
POOR = 0.62  # mean confidence by letter below which the page may stand on its head
DOUBTFUL = {ocr.AUTO: 0.7, ocr.SPARSE: 0.7, ocr.BLOCK: 0.95}  # a second pass above finds nothing more and doubles the time
UNSURE = 0.9  # the second engine, where there is one, is asked below
OTHER_MODE = {ocr.AUTO: ocr.SPARSE, ocr.SPARSE: ocr.AUTO, ocr.BLOCK: ocr.SPARSE}
RECEIPT = 1.7  # height by width of a till receipt
BETTER = 1.3  # times the score: a turned picture that really is upright

Render = Callable[[int], Image.Image]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture ready to be read, how, and the way of its boxes (pixels) back to points of the page as shown."""

    image: Image.Image
    strip: bool
    dpi: int
    mode: int
    back: Back
    scale: float

    def read(self, languages: str, mode: int) -> list[Placed]:
        """One pass; boxes in pixels of the picture, where lines are level."""
        return ocr.read(soften(self.image) if self.strip else self.image, languages, mode, self.dpi)

    def shown(self, words: list[Placed]) -> list[Placed]:
        """The same words with boxes in points of the page as shown."""
        return [self._placed(word) for word in words]

    def _placed(self, word: Placed) -> Placed:
        x0, y0, x1, y1 = (round(max(0.0, value * self.scale), 2) for value in self.back((word.x0, word.y0, word.x1, word.y1)))
        return word._replace(x0=x0, y0=y0, x1=x1, y1=y1)


def transcribe(render: Render, width: float, languages: str) -> list[Placed]:
    """Words in reading order, boxes in points of a page `width` points wide.

    `render(dpi)` gives the whole page as a grey picture, at that resolution or as near to it as its limits allow.

    Raises OcrUnavailable when there is no Tesseract.
    """
    picture = render(READING_DPI)
    if not has_ink(picture):
        return []
    words = _read(picture, render, width, languages)
    return with_codes(words, codes(picture), width / picture.width)


def _read(picture: Image.Image, render: Render, width: float, languages: str) -> list[Placed]:
    sheet = _sheet(picture, render, width)
    words = sheet.read(languages, sheet.mode)
    if confidence(words) < POOR:
        sheet, words = _upright(picture, render, width, (sheet, words), languages)
    if confidence(words) < UNSURE and (second := secondreader.loaded()) and (others := second.read(sheet.image)):
        words = in_rows(vote(others, words))
    elif words and confidence(words) < DOUBTFUL[sheet.mode]:
        words = in_rows(vote(words, sheet.read(languages, OTHER_MODE[sheet.mode])))
    elif sheet.mode == ocr.SPARSE:
        words = in_rows(words)
    return sheet.shown(mended(words, CLOSE_ON_RECEIPTS if sheet.strip else CLOSE))


def _sheet(picture: Image.Image, render: Render, width: float, turn: int = 0) -> Sheet:
    """The picture turned counter-clockwise by `turn` degrees and made fit for reading, and the mode that suits it."""
    strip = picture.height > RECEIPT * picture.width and turn % 180 == 0
    clean = even if strip else flatten
    upright, unturned = turned(picture, turn)
    flat = clean(upright)
    angle = skew(flat)
    level, unlevelled = turned(flat, angle)
    seen = survey(level)
    wanted = STRIP_DPI if strip else FINE_DPI if 0 < seen.letters <= SMALL_PRINT else READING_DPI
    if wanted != READING_DPI:
        picture = render(wanted)
        upright, unturned = turned(picture, turn)
        level, unlevelled = turned(clean(upright), angle)
    level = without_perforations(level)
    mode = ocr.BLOCK if strip else ocr.SPARSE if seen.boxed else ocr.AUTO
    return Sheet(level, strip, wanted, mode, lambda box: unturned(unlevelled(box)), width / picture.width)


def _upright(
    picture: Image.Image, render: Render, width: float, first: tuple[Sheet, list[Placed]], languages: str
) -> tuple[Sheet, list[Placed]]:
    """The best pass over the picture turned as its text wants it; what Tesseract's detector says is tried first."""
    degrees, _ = ocr.engine(languages).orientation(picture, READING_DPI)
    best = first
    for turn in sorted((90, 180, 270), key=lambda turn: turn != degrees):
        sheet = _sheet(picture, render, width, turn)
        words = sheet.read(languages, sheet.mode)
        if ocr.score(words) > BETTER * ocr.score(best[1]):
            best = sheet, words
        if confidence(best[1]) >= DOUBTFUL[ocr.AUTO]:
            break
    return best
