"""What a look at a page tells before a word is read, for a hundredth of the price: ruled lines and the size of its print.

The picture is averaged over strips 64 pixels wide (and, for upright lines, 64 high). A strip that is dark from edge to edge
is a piece of a ruled line; elsewhere the dark runs down a strip are lines of print, as high as its letters.
"""

import re
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from PIL import Image

STRIP = 64  # pixels; the longest straight stroke of a letter of text is shorter at any usual resolution
DARK = 150  # grey level
SOLID = 230  # share of a strip that is dark, 0..255: a ruled line
PRINTED = 12
THIN = 2  # pixels by which a line of dashes may slope
PRINT = range(5, 61)  # pixels: heights of letters that are text
BOXED = 6  # quarters of lines in each direction; forms have dozens, pages of text a few


class Survey(NamedTuple):
    """Ruled lines across and down, in quarters of the page, and the usual height of letters in pixels (0.0 without any)."""

    across: int
    down: int
    letters: float

    @property
    def boxed(self) -> bool:
        """True for a form: boxes with a label and a value in each."""
        return min(self.across, self.down) >= BOXED


def survey(picture: Image.Image) -> Survey:
    """Looks over a grey picture ("L")."""
    ink = _ink(picture)
    strips = list(_strips(ink))
    across = sum(_solid_runs(strip) for strip in strips)
    down = sum(_solid_runs(strip) for strip in _strips(ink.transpose(Image.Transpose.TRANSPOSE)))
    heights = [height for strip in strips for height in _runs(strip.translate(_TEXT)) if height in PRINT]
    return Survey(across // max(1, len(strips) // 4), down // max(1, picture.height // STRIP // 4), median(heights or [0.0]))


def without_perforations(picture: Image.Image) -> Image.Image:
    """The grey picture without lines of dashes across it, along which slips are cut off: they would be read as words."""
    strips = list(_strips(_ink(picture)))
    dashed = [
        (column, match.start(), match.end())
        for column, strip in enumerate(strips)
        for match in _DASHES.finditer(strip.translate(_DASH))
    ]
    result = picture
    for row in {start for _, start, _ in dashed}:
        line = [piece for piece in dashed if abs(piece[1] - row) <= THIN]
        if len(line) * 2 >= len(strips):
            result = picture.copy() if result is picture else result
            for column, start, end in line:
                result.paste(255, (column * STRIP, start - 1, (column + 1) * STRIP, end + 1))
    return result


def _ink(picture: Image.Image) -> Image.Image:
    return picture.point(lambda level: 255 if level < DARK else 0)


_DASH = bytes(0 if level < PRINTED else 1 if level < SOLID else 2 for level in range(256))
_DASHES = re.compile(rb"(?<=\0)\x01{1,6}(?=\0)")
_TEXT = bytes(1 if PRINTED <= level < SOLID else 0 for level in range(256))
_SOLID = bytes(1 if level >= SOLID else 0 for level in range(256))


def _strips(ink: Image.Image) -> Iterator[bytes]:
    """The strips of a picture from the left, each from its top down, a byte a row."""
    columns = ink.reduce((STRIP, 1)).transpose(Image.Transpose.TRANSPOSE)
    data = columns.tobytes()
    for start in range(0, len(data), columns.width):
        yield data[start : start + columns.width]


def _solid_runs(strip: bytes) -> int:
    """Thin ones: what is thicker than a ruled line is a bar or a picture."""
    return sum(length <= 8 for length in _runs(strip.translate(_SOLID)))


def _runs(marks: bytes) -> Iterator[int]:
    return (len(run) for run in marks.split(b"\0") if run)
