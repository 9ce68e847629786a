"""Pages, and parts of pages, that are pictures of text: which to read with Tesseract, and how that joins the text layer."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from PIL import Image
from pypdfium2 import PdfPage
from rapidfuzz.distance import Levenshtein

from core.errors import DocumentTooComplex
from documents.parsed import Box
from documents.parsers.base import Context
from documents.parsers.layout import Placed
from documents.parsers.pdfscene import Picture, Scene
from documents.parsers.pdftext import Shown
from documents.parsers.pictures import grey
from documents.parsers.plausibility import unlikely
from documents.parsers.rendering import MAX_PAGE_PIXELS, page_picture
from documents.parsers.transcription import transcribe

BODY = 0.4  # of the page: a picture this large may hold what the page says
PAGE_FILLING = 0.9
LITTLE_TEXT = 200  # letters that stand on a picture without being what it says
TOUCHING = 3.0  # points between the strips that some scanners cut a page into
MAX_STRIPS = 200
READABLE_PIXELS = 2_000  # long side of a scan that is not blown up
SURE = 0.6  # mean confidence of a reading that may stand beside or instead of a text layer
FEW = 3  # words: fewer on a large picture are noise
CERTAIN = 0.85  # confidence of a word that needs no help
MOST = 0.5
ALONE = 0.1  # of the letters of the layer stand where nothing was read: more than what a reading overlooks
LESS, NOTHING = 0.6, 0.3  # of the letters of the layer: a reading with fewer is poor, or shows that the layer is not there


class Region(NamedTuple):
    """A part of a page that is to be read as a picture; `layer` are the invisible words that lie on it."""

    box: Box
    layer: list[Placed]


def regions(shown: Shown, scene: Scene, words: Sequence[Placed], layer: Sequence[Placed]) -> list[Region]:
    """The pictures of a page that hold text of their own, or an invisible reading of it; few visible words lie on them."""
    found: list[Region] = []
    for box in _merged(scene.pictures):
        under = [word for word in layer if _inside(word, box)]
        share = (box[2] - box[0]) * (box[3] - box[1]) / max(1.0, shown.width * shown.height)
        if not under and (share < BODY or sum(len(word.text) for word in words if _inside(word, box)) >= LITTLE_TEXT):
            continue
        whole = share >= PAGE_FILLING
        found.append(Region((0.0, 0.0, shown.width, shown.height) if whole else box, under))
    return found


def transcribed(page: PdfPage, shown: Shown, scene: Scene, box: Box, context: Context) -> list[Placed]:
    """What Tesseract reads in a part of a page. Raises OcrUnavailable, and DocumentTooComplex for too many pixels."""
    if any(width * height > 4 * context.max_pixels for _, _, (width, height), _ in scene.pictures):
        raise DocumentTooComplex("A page holds a picture of too many pixels.", hint="Scan it at 200 to 300 dpi.")
    factor = _shrink(shown, scene.pictures)
    limit = min(context.max_pixels, MAX_PAGE_PIXELS)

    def render(dpi: int) -> Image.Image:
        picture = grey(page_picture(page, dpi * factor, grey=True, max_pixels=limit))
        scale = picture.width / shown.width
        crop = tuple(round(side * scale) for side in box)
        return picture if crop == (0, 0, *picture.size) else picture.crop(crop)

    read = transcribe(render, box[2] - box[0], context.ocr_languages)
    x, y = box[:2]
    return [word._replace(x0=word.x0 + x, y0=word.y0 + y, x1=word.x1 + x, y1=word.y1 + y) for word in read] if x or y else read


class Choice(NamedTuple):
    """The words of a picture, and how many characters of its invisible layer it does not show."""

    words: list[Placed]
    hidden: int = 0


def chosen(read: list[Placed], layer: list[Placed]) -> Choice:
    """What stands on a picture: its reading, helped by the invisible text that lies on it.

    The picture is what people see, so its reading says which words there are; the layer of a scanner may spell a doubtful
    one better, and stands in for a reading that is poor. A layer of which the picture shows next to nothing is hidden text.
    """
    if not layer:
        return Choice(read if len(read) >= FEW and confidence(read) >= SURE else [])
    if letters(read) < NOTHING * letters(layer):
        return Choice(read, letters(layer))
    if confidence(read) >= SURE and letters(read) >= LESS * letters(layer):
        alone = letters(word for word in layer if not any(_touch(word, other) for other in read))
        return Choice([_spelt(word, layer) for word in read], alone if alone >= ALONE * letters(layer) else 0)
    return Choice(read if unlikely(" ".join(word.text for word in layer)) else layer)


def _touch(one: Placed, two: Placed) -> bool:
    return one.x0 < two.x1 and two.x0 < one.x1 and one.y0 < two.y1 and two.y0 < one.y1


def _spelt(word: Placed, layer: list[Placed]) -> Placed:
    """A doubtful word as the layer has it, when that stands in its place and differs in a letter or two."""
    if (word.confidence or 0.0) >= CERTAIN:
        return word
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    there = [other.text for other in layer if other.x0 <= x <= other.x1 and other.y0 <= y <= other.y1]
    near = [text for text in there if Levenshtein.distance(text, word.text) <= min(2, len(word.text) // 3)]
    return word._replace(text=near[0]) if near else word


def agree(read: list[Placed], native: list[Placed]) -> bool:
    """True when most words that were read on the picture of a page are in its text layer: that layer is true, then."""
    known = {word.text.casefold() for word in native}
    told = [word for word in read if len(word.text) > 2]
    return len(told) >= FEW and sum(word.text.casefold() in known for word in told) >= MOST * len(told)


def confidence(words: Iterable[Placed]) -> float:
    """Mean confidence by letter, 0..1; 0 when there are no words."""
    total = known = 0.0
    for word in words:
        total += len(word.text)
        known += len(word.text) * (word.confidence or 0.0)
    return known / total if total else 0.0


def letters(words: Iterable[Placed]) -> int:
    return sum(len(word.text) for word in words)


def joined(native: list[Placed], read: list[Placed], box: Box) -> list[Placed]:
    """Native words and those read in a part of the page: these come where that part stands, without what is native there."""
    fresh = [word for word in read if not any(_inside(word, other[1:5]) for other in native)] if native else read
    place = next((index for index, word in enumerate(native) if word.y0 + word.y1 > 2 * box[1] and word.x1 > box[0]), len(native))
    while 0 < place < len(native) and native[place].line == native[place - 1].line:
        place -= 1
    parts = (native[:place], fresh, native[place:])
    result: list[Placed] = []
    for part in parts:
        offset = result[-1].line + 1 - part[0].line if result and part else 0
        result += (word._replace(line=word.line + offset) for word in part)
    return result


def _merged(pictures: Iterable[Picture]) -> list[Box]:
    """Boxes of pictures; strips that touch and are equally wide or high become one."""
    boxes: list[Box] = []
    for box, *_ in sorted(pictures, key=lambda picture: (picture.box[1], picture.box[0]))[:MAX_STRIPS]:
        for index, other in enumerate(boxes):
            if _continues(other, box):
                boxes[index] = min(other[0], box[0]), min(other[1], box[1]), max(other[2], box[2]), max(other[3], box[3])
                break
        else:
            boxes.append(box)
    return boxes


def _continues(one: Box, two: Box) -> bool:
    """True for a box below or beside another one of the same width or height, and for one that lies within it."""
    same_width = abs(one[0] - two[0]) < TOUCHING and abs(one[2] - two[2]) < TOUCHING
    same_height = abs(one[1] - two[1]) < TOUCHING and abs(one[3] - two[3]) < TOUCHING
    within = one[0] - 1 <= two[0] and one[1] - 1 <= two[1] and two[2] <= one[2] + 1 and two[3] <= one[3] + 1
    touching_below = two[1] <= one[3] + TOUCHING and one[1] <= two[3] + TOUCHING
    touching_beside = two[0] <= one[2] + TOUCHING and one[0] <= two[2] + TOUCHING
    return within or (same_width and touching_below) or (same_height and touching_beside)


def _inside(word: Placed, box: Sequence[float]) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _shrink(shown: Shown, pictures: Iterable[Picture]) -> float:
    """Factor on the dpi for pages far larger than paper (a scan that takes one point for each of its pixels)."""
    long_side = max(shown.width, shown.height)
    pixels = max((max(picture.pixels) for picture in pictures if picture.share >= BODY), default=0)
    wanted = max(pixels, READABLE_PIXELS) / (long_side * 200 / 72)
    return min(1.0, wanted) if long_side > 1200 else 1.0
