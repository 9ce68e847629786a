"""Picture files decoded frame by frame; sizes are judged by the header, before a pixel is decoded.

A page's size in points is its pixels times 72 / dpi. The dpi is the file's own when it is one of a scanner (100 to 1200);
cameras and screens write 72 or 96 whatever they show, so then it is chosen that the long side is that of an A4 sheet.
"""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.errors import DamagedDocument, DocumentTooComplex

try:
    import pi_heif

    pi_heif.options.DECODE_THREADS = 1
    pi_heif.register_heif_opener()
except ImportError:
    pi_heif = None

PLUGINS = (  # imported now: Pillow finds the rest by importing, which the sandbox forbids
    BmpImagePlugin, GifImagePlugin, Jpeg2KImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin,
    WebPImagePlugin,
)  # fmt: skip
SCANNER_DPI = (100, 1200)
SCREEN_DPI = 96
A4_LONG_SIDE = 842.0  # points
DAMAGE = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RuntimeError,
          EOFError, AssertionError, struct.error)  # fmt: skip


@contextmanager
def opened(path: Path, formats: tuple[str, ...], max_pixels: int) -> Iterator[Image.Image]:
    """The picture file with its header read. Raises DocumentTooComplex and DamagedDocument."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a large size (refused here) and of odd metadata
        with _judged(max_pixels):
            image = Image.open(file, formats=formats)
            _check(image, max_pixels)
        yield image


def frames(image: Image.Image, most: int) -> tuple[int, bool]:
    """How many frames can be reached, `most` + 1 at most (a hostile file may chain millions), and whether damage ends them."""
    count = 1
    try:
        while count <= most:
            image.seek(count)
            count += 1
    except EOFError:
        return count, False
    except (*DAMAGE, Image.DecompressionBombError):
        return count, True
    return count, False


def decoded(image: Image.Image, frame: int, max_pixels: int) -> tuple[Image.Image, float]:
    """Frame `frame` (from 0) turned as its EXIF data says, and its dpi. Raises DocumentTooComplex and DamagedDocument."""
    with _judged(max_pixels):
        image.seek(frame)
        _check(image, max_pixels)
        resolution = image.info.get("dpi")
        image.load()
        upright = ImageOps.exif_transpose(image)
        return upright, sane_dpi(resolution, upright.size)


@contextmanager
def _judged(max_pixels: int) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError:
        raise _too_large(max_pixels) from None
    except DAMAGE:
        raise DamagedDocument("The picture is damaged and cannot be decoded.") from None


def _check(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise _too_large(max_pixels)


def _too_large(max_pixels: int) -> DocumentTooComplex:
    limit = f"{max_pixels / 1_000_000:g} million pixels"
    return DocumentTooComplex(f"The picture has more than {limit}.", hint=f"Scale it down to at most {limit}.")


def sane_dpi(resolution: object, size: tuple[int, int]) -> float:
    """The file's dpi if a scanner can have written it, else the one that makes the long side that of A4 (96 at least)."""
    try:
        across, down = (float(value) for value in resolution)
    except (TypeError, ValueError, ZeroDivisionError):
        across = down = 0.0
    if SCANNER_DPI[0] <= across <= SCANNER_DPI[1] and abs(across - down) < 0.02 * across:
        return across
    return max(float(SCREEN_DPI), max(size) * 72 / A4_LONG_SIDE)
