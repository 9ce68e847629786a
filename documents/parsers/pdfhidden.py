"""Text that a PDF holds and nobody sees: in the colour of its background, covered, switched off, never painted.

Cheap signs make words suspects; a look at the page convicts them: it is drawn with the suspects and without, and where the
two pictures agree, nothing of the word was to be seen. So white print on a dark bar and a pale watermark stay.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from PIL import Image, ImageChops
from pypdfium2 import PdfPage

from documents.parsed import Box, Notice
from documents.parsers import pdfcalls
from documents.parsers.layout import Placed, bounds
from documents.parsers.pdfscene import Area, Picture, Scene
from documents.parsers.pdftext import Drawn, Shown

NEVER_PAINTED = frozenset({3, 7})  # text rendering modes (PDF 1.7, table 106): invisible, and clipping only
STROKED = frozenset({1, 5})
PALE = 225  # a colour this light, in each of its parts, may vanish on white paper
FAINT = 64  # alpha
ALIKE = 32  # difference of two colours, in one of their parts, that everybody sees
SEEN = 12  # difference that a word must make on the picture of its page
PIXELS, SCALE = 2_000_000, 1.0  # of that picture; pixels a point
MAX_COVERS = 400  # areas and pictures that are tried on the words of a page

INVISIBLE, SAME_COLOUR, COVERED, OFF = "never painted", "in the colour of their background", "covered", "switched off"
NOT_SHOWN = "not on the picture they lie on"


class Judged(NamedTuple):
    """The words that are shown, the invisible ones that lie on a picture (a scanner's reading of it), and what was left out."""

    shown: list[Placed]
    layer: list[Placed]
    left_out: Counter[str]


def judge(page: PdfPage, shown: Shown, drawn: Drawn, scene: Scene, *, layered: bool) -> Judged:
    """Parts the words of a page into those that are seen and those that are not.

    `layered`: the document has layers that can be switched off, so every word of one, or of a form, is a suspect.
    """
    why = _suspects(drawn, scene)
    if layered:
        may = {item for item in {*drawn.objects} if item in scene.nested or pdfcalls.is_optional(item)}
        why = {index: OFF for index, item in enumerate(drawn.objects) if item in may} | why
    if not why:
        return Judged(drawn.words, [], drawn.left_out)
    unseen = _unseen(page, shown, drawn, why)
    seen: list[Placed] = []
    layer: list[Placed] = []
    left_out = Counter(drawn.left_out)
    for index, word in enumerate(drawn.words):
        if index not in unseen:
            seen.append(word)
        elif why[index] in (INVISIBLE, COVERED) and _on_picture(word, scene.pictures):
            layer.append(word)
        else:
            left_out[why[index]] += len(word.text)
    return Judged(seen, layer, left_out)


def hidden_text(left_out: Counter[str], number: int) -> Iterable[Notice]:
    """The notice of a page: how many characters and why, never which."""
    reasons = [f"{count} {reason}" for reason, count in left_out.most_common() if count]
    if reasons:
        total = sum(left_out.values())
        counted = f"{total} hidden characters were" if total > 1 else "One hidden character was"
        yield Notice("hidden_text", f"{counted} left out of the text: {', '.join(reasons)}.", number)


def _suspects(drawn: Drawn, scene: Scene) -> dict[int, str]:
    """Indices of words that may not be seen, with the reason."""
    why: dict[int, str] = {}
    colours: dict[int, tuple[int, int, int, int]] = {}
    pale: set[int] = set()
    item, never, colour = 0, False, None
    for index, of in enumerate(drawn.objects):
        if of != item:
            item, mode = of, pdfcalls.render_mode(of)
            never = mode in NEVER_PAINTED
            colour = pdfcalls.stroke_colour(of) if mode in STROKED else pdfcalls.fill_colour(of)
        if never:
            why[index] = INVISIBLE
        elif colour is not None:
            colours[index] = colour
            if colour[3] < FAINT:
                why[index] = SAME_COLOUR
            elif colour[0] >= PALE and colour[1] >= PALE and colour[2] >= PALE:
                pale.add(index)
    covers = sorted([*scene.areas, *scene.pictures], key=lambda cover: cover.order)[:MAX_COVERS]
    if covers:
        _against(covers, drawn, scene, colours, pale, why)
    else:
        why.update(dict.fromkeys(pale, SAME_COLOUR))
    return why


def _against(
    covers: Sequence[Area | Picture], drawn: Drawn, scene: Scene, colours: dict[int, tuple[int, int, int, int]],
    pale: set[int], why: dict[int, str],
) -> None:  # fmt: skip
    """Adds the words that were painted before what covers them, or on an area of their own colour."""
    rows = _Rows(drawn.words)
    ground: dict[int, Area | Picture] = {}
    for cover in covers:
        for index in rows.within(cover.box):
            if scene.orders.get(drawn.objects[index], cover.order) < cover.order:
                why.setdefault(index, COVERED)
            else:
                ground[index] = cover
    for index in {*pale, *ground} & colours.keys():
        under = ground.get(index)
        plain = isinstance(under, Area) and under.colour is not None
        if _alike(colours[index], under.colour) if plain else index in pale:
            why.setdefault(index, SAME_COLOUR)


def _alike(colour: tuple[int, int, int, int], ground: tuple[int, int, int, int]) -> bool:
    painted = [(part * ground[3] + 255 * (255 - ground[3])) / 255 for part in ground[:3]]
    return max(abs(one - other) for one, other in zip(colour[:3], painted, strict=True)) < ALIKE


class _Rows:
    """Words by the height of their middles, so that those within a box are found without a look at all."""

    def __init__(self, words: Sequence[Placed]):
        self._words = words
        self._order = sorted(range(len(words)), key=lambda index: words[index].y0 + words[index].y1)
        self._middles = [words[index].y0 + words[index].y1 for index in self._order]

    def within(self, box: Box) -> Iterable[int]:
        """Indices of the words whose middle lies in the box."""
        left, right = 2 * box[0], 2 * box[2]
        first, last = bisect_left(self._middles, 2 * box[1]), bisect_right(self._middles, 2 * box[3])
        return [index for index in self._order[first:last] if left <= self._words[index].x0 + self._words[index].x1 <= right]


def _on_picture(word: Placed, pictures: Sequence[Picture]) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box, *_ in pictures)


def _unseen(page: PdfPage, shown: Shown, drawn: Drawn, why: dict[int, str]) -> set[int]:
    """The suspects that make no difference to the picture of the page."""
    unseen = {index for index, reason in why.items() if reason == INVISIBLE}
    asked = [index for index in why if index not in unseen]
    if not asked:
        return unseen
    words = [drawn.words[index] for index in asked]
    x0, y0, x1, y1 = bounds(words)
    part = (max(0.0, x0 - 1), max(0.0, y0 - 1), min(shown.width, x1 + 1), min(shown.height, y1 + 1))
    scale = min(SCALE, (PIXELS / max(1.0, (part[2] - part[0]) * (part[3] - part[1]))) ** 0.5)
    objects = {drawn.objects[index] for index in asked}
    full = _drawn(page, shown, part, scale)
    for item in objects:
        pdfcalls.set_active(item, 0)
    try:
        without = _drawn(page, shown, part, scale)
    finally:
        for item in objects:
            pdfcalls.set_active(item, 1)
    change = ImageChops.difference(full, without)
    return unseen | {index for index, word in zip(asked, words, strict=True) if not _changed(change, word, part, scale)}


def _drawn(page: PdfPage, shown: Shown, part: Box, scale: float) -> Image.Image:
    edges = part[0], shown.height - part[3], shown.width - part[2], part[1]
    bitmap = page.render(scale=scale, crop=edges, draw_annots=False)
    try:
        return bitmap.to_pil().convert("RGB")
    finally:
        bitmap.close()


def _changed(change: Image.Image, word: Placed, part: Box, scale: float) -> bool:
    """A look at the middle of the word's height: above and below, the words of the next lines reach in."""
    edge = (word.y1 - word.y0) / 5
    box = (word.x0 - part[0], word.y0 + edge - part[1], word.x1 - part[0] + 1, word.y1 - edge - part[1] + 1)
    spot = change.crop(tuple(int(side * scale) for side in box))
    return max(high for _, high in spot.getextrema()) >= SEEN
