"""From placed words to the canonical text of a page, with offsets that fit it exactly.

The order in which a program drew its words is kept while it makes sense: it keeps the two columns of an article apart and,
in boxed forms, a value right behind its label. Where it runs backwards (values first and labels later, bottom to top) the
words are read as rows, from the top and from the left. A gap wider than a letter is high becomes three spaces, so that
cells stay apart.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from documents.parsed import Word

GAP = "   "
GAP_IN_HEIGHTS = 1.0  # the usual height of the line's words: wider than the space between two words of a justified line
BACKWARD_SHARE = 0.15  # of the lines of a page: boxed forms measured at up to 0.13, shuffled invoices at 0.16 to 0.5
ROW_GRAIN = 2.0  # points


class Placed(NamedTuple):
    """A word with its box in points from the top left, and the number of the line it was drawn or recognised in."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    line: int
    confidence: float | None = None


Line = list[Placed]


def arrange(placed: Sequence[Placed]) -> tuple[str, tuple[Word, ...]]:
    """The text of a page and its words, in the better of the given order and the order of rows."""
    lines = group(placed)
    return compose(rows(placed) if backward_share(lines) > BACKWARD_SHARE else lines)


def group(placed: Sequence[Placed]) -> list[Line]:
    """Lines as they were given: consecutive words with one line number."""
    lines: list[Line] = []
    number = None
    for word in placed:
        if word.line != number:
            lines.append([])
            number = word.line
        lines[-1].append(word)
    return lines


def backward_share(lines: Sequence[Line]) -> float:
    """How many of the lines go up without going right, or stand left of something in their row that was read before."""
    backward = 0
    rightmost: dict[int, float] = {}
    previous: tuple[float, float] | None = None
    for line in lines:
        x0, y0, x1, y1 = bounds(line)
        row = int((y0 + y1) / 2 / ROW_GRAIN)
        goes_up = previous is not None and y1 < previous[1] and x0 < previous[0] + 1
        here = rightmost.get(row, 0.0)
        if goes_up or here >= x1 or rightmost.get(row - 1, 0.0) >= x1 or rightmost.get(row + 1, 0.0) >= x1:
            backward += 1
        rightmost[row] = max(here, x0)
        previous = (x0, y0)
    return backward / len(lines) if len(lines) > 3 else 0.0


def rows(placed: Sequence[Placed]) -> list[Line]:
    """Lines from the top of the page to its bottom, each from the left; upright (rotated) words come last, each alone."""
    if not placed:
        return []
    usual = median(word.y1 - word.y0 for word in placed)
    tall = [word for word in placed if word.y1 - word.y0 > 2.5 * usual and len(word.text) > 1]
    upright = [word for word in tall if word.y1 - word.y0 > 1.5 * (word.x1 - word.x0)]
    aside = set(map(id, upright))
    lines: list[Line] = []
    middle = 0.0
    for word in sorted((word for word in placed if id(word) not in aside), key=lambda word: word.y0 + word.y1):
        centre = (word.y0 + word.y1) / 2
        if lines and centre - middle <= 0.5 * min(usual, word.y1 - word.y0):
            lines[-1].append(word)
        else:
            lines.append([word])
            middle = centre
    return [sorted(line, key=lambda word: word.x0) for line in lines] + [[word] for word in upright]


def compose(lines: Iterable[Line]) -> tuple[str, tuple[Word, ...]]:
    """Joins lines to a text; `text[word.start:word.end]` is the word for each word that is returned."""
    parts: list[str] = []
    words: list[Word] = []
    position = 0
    for line in lines:
        previous: Placed | None = None
        wide = GAP_IN_HEIGHTS * sorted([word.y1 - word.y0 for word in line])[len(line) // 2] if len(line) > 1 else 0.0
        for word in line:
            text, x0, y0, x1, y1, _, confidence = word
            between = "\n" if previous is None else GAP if x0 - previous.x1 > wide else " "
            start = position + len(between) if parts else 0
            position = start + len(text)
            parts += (between, text) if parts else ("", text)
            words.append(Word(start, position, x0, y0, x1, y1, confidence))
            previous = word
    return "".join(parts), tuple(words)


def bounds(line: Sequence[Placed]) -> tuple[float, float, float, float]:
    """The box around the words of a line."""
    _, x0, y0, x1, y1, *_ = line[0]
    for word in line[1:]:
        x0, y0 = word.x0 if word.x0 < x0 else x0, word.y0 if word.y0 < y0 else y0
        x1, y1 = word.x1 if word.x1 > x1 else x1, word.y1 if word.y1 > y1 else y1
    return x0, y0, x1, y1
