"""A picture of a page read as well as Tesseract can: the plan of the passes.

1. Grey, flattened, levelled. A survey of the layout at 100 dpi (a tenth of the price of reading) finds small print: then
   the page is read at 300 dpi, else at 200. Mode AUTO, or BLOCK for the long strip of a till receipt.
2. Read badly: the orientation detector says which way is up, and the picture is turned and read again.
3. Still doubtful, or small print that no survey foretold and that is not clear: one more pass.
   What only one of two passes found is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from PIL import Image

from documents.parsers import ocr
from documents.parsers.layout import Placed, rows
from documents.parsers.pictures import Box, flatten, has_ink, skew, turned

SURVEY_DPI, READING_DPI, FINE_DPI = 100, 200, 300
SMALL_PRINT = 16  # pixels: usual height of a word's box at 200 dpi, that is about 6 points
CLEAR = 0.93  # small print read this well gains nothing from a finer picture
POOR, DOUBTFUL = 0.62, 0.7  # mean confidence by letter; a second pass above 0.7 cost twice the time and found nothing more
RECEIPT = 1.7  # height by width of a till receipt
KEPT_BESIDE = 0.5  # confidence of a word that only the second pass saw
GRAIN = 20.0  # points

Render = Callable[[int], Image.Image]


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading at a resolution, turned by quarters of a circle; boxes in points of the page as shown."""

    words: list[Placed]
    score: float
    confidence: float
    height: float  # usual height of a word in pixels
    dpi: int
    turn: int = 0


def transcribe(render: Render, width: float, languages: str) -> list[Placed]:
    """Words in reading order, boxes in points of a page `width` points wide.

    `render(dpi)` gives the whole page as a grey picture, at that resolution or as near to it as its limits allow.

    Raises OcrUnavailable when there is no Tesseract.
    """
    picture = render(READING_DPI)
    if not has_ink(picture):
        return []
    mode = ocr.BLOCK if picture.height > RECEIPT * picture.width else ocr.AUTO
    dpi = _resolution(picture, languages)
    first = _read(picture if dpi == READING_DPI else render(dpi), width, dpi, languages, mode)
    if first.confidence < POOR:
        first = _upright(picture, width, first, languages)
    small = 0 < first.height < SMALL_PRINT and first.dpi < FINE_DPI
    if not first.words or first.confidence >= (CLEAR if small else DOUBTFUL):
        return first.words
    dpi = FINE_DPI if small else first.dpi
    second_mode = mode if small else ocr.SPARSE
    second = _read(picture if dpi == READING_DPI else render(dpi), width, dpi, languages, second_mode, first.turn)
    return _together(first, second, in_order=second_mode != ocr.SPARSE)


def _resolution(picture: Image.Image, languages: str) -> int:
    scale = READING_DPI // SURVEY_DPI
    survey = ocr.engine(languages).survey(picture.reduce(scale), SURVEY_DPI)
    return FINE_DPI if survey and 0 < survey.height * scale <= SMALL_PRINT else READING_DPI


def _upright(picture: Image.Image, width: float, first: Pass, languages: str) -> Pass:
    """The best pass over the picture turned as its text wants it; what Tesseract's detector says is tried first."""
    degrees, _ = ocr.engine(languages).orientation(picture, READING_DPI)
    best = first
    for turn in sorted((90, 180, 270), key=lambda turn: turn != degrees):
        attempt = _read(picture, width, READING_DPI, languages, ocr.AUTO, turn)
        if attempt.score > 1.3 * best.score:
            best = attempt
        if best.confidence >= DOUBTFUL:
            break
    return best


def _read(picture: Image.Image, width: float, dpi: int, languages: str, mode: int, turn: int = 0) -> Pass:
    """Reads the picture turned counter-clockwise by `turn` degrees, flattened and levelled."""
    upright, from_upright = turned(picture, turn) if turn else (picture, _same)
    flat = flatten(upright)
    angle = skew(flat)
    level, from_level = turned(flat, angle) if angle else (flat, _same)
    reading = ocr.read(level, languages, mode, dpi)
    scale = width / picture.width
    words = []
    for word in reading.words:
        box = from_upright(from_level((word.x0, word.y0, word.x1, word.y1)))
        x0, y0, x1, y1 = (round(max(0.0, value * scale), 2) for value in box)
        words.append(word._replace(x0=x0, y0=y0, x1=x1, y1=y1))
    height = median(word.y1 - word.y0 for word in reading.words) if reading.words else 0.0
    return Pass(words, reading.score, reading.confidence, height, dpi, turn)


def _same(box: Box) -> Box:
    return box


def _together(first: Pass, second: Pass, *, in_order: bool) -> list[Placed]:
    """The better pass and what only the other one saw; as rows unless the better one alone tells its own order."""
    better, other = (second, first) if second.score >= first.score else (first, second)
    added = _beside(better.words, other.words)
    if not added and (better is first or in_order):
        return better.words
    return [word._replace(line=number) for number, line in enumerate(rows([*better.words, *added])) for word in line]


def _beside(words: Sequence[Placed], others: Sequence[Placed]) -> list[Placed]:
    """The confident words of `others` that stand where none of `words` stands."""
    taken: dict[tuple[int, int], list[Placed]] = {}
    for word in words:
        for column in range(int(word.x0 / GRAIN), int(word.x1 / GRAIN) + 1):
            for row in range(int(word.y0 / GRAIN), int(word.y1 / GRAIN) + 1):
                taken.setdefault((column, row), []).append(word)

    def free(word: Placed) -> bool:
        x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        near = taken.get((int(x / GRAIN), int(y / GRAIN)), ())
        return not any(other.x0 - 1 <= x <= other.x1 + 1 and other.y0 - 1 <= y <= other.y1 + 1 for other in near)

    return [word for word in others if (word.confidence or 0) >= KEPT_BESIDE and len(word.text) > 1 and free(word)]
