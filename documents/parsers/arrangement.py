"""Rows of a page from the pieces of lines that were recognised: cells of forms side by side, columns of prices beside goods.

A piece is never taken apart: a dash or a dot belongs to the words it was read with, though its own middle lies elsewhere.
"""

from collections.abc import Sequence
from statistics import median

from documents.parsers.layout import Line, Placed, bounds, group

REACH = 0.5  # of the usual height of a piece: the middles of two pieces of one row


def in_rows(words: Sequence[Placed]) -> list[Placed]:
    """The words from the top of a level page to its bottom, rows from the left, `line` counted anew."""
    pieces = sorted(
        ((*_middle(piece), piece) for piece in group(sorted(words, key=lambda word: word.line))), key=lambda it: it[0]
    )
    usual = median([height for _, height, _ in pieces] or [0.0])
    rows: list[list[Line]] = []
    row_middle = 0.0
    for middle, height, piece in pieces:
        if rows and middle - row_middle <= REACH * (min(usual, height) if height > REACH * usual else usual):
            rows[-1].append(piece)
        else:
            rows.append([piece])
            row_middle = middle
    level = (sorted((word for piece in row for word in piece), key=lambda word: word.x0) for row in rows)
    return [word._replace(line=number) for number, row in enumerate(level) for word in row]


def _middle(piece: Line) -> tuple[float, float]:
    _, y0, _, y1 = bounds(piece)
    return (y0 + y1) / 2, y1 - y0
