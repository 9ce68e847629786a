"""Pictures of one page: PNG and JPEG, read with Tesseract.

A page's size in points is its pixels times 72 / dpi. The dpi is the file's own when it is one of a scanner (100 to 1200);
cameras and screens write 72 or 96 whatever they show, so then it is chosen that the long side is that of an A4 sheet.
"""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.layout import compose, group
from documents.parsers.pictures import grey
from documents.parsers.rendering import no_page
from documents.parsers.transcription import transcribe

FORMATS = ("PNG", "JPEG", "MPO")
PLUGINS = (PngImagePlugin, JpegImagePlugin, MpoImagePlugin, TiffImagePlugin)  # the last one reads EXIF data
SCANNER_DPI = (100, 1200)
SCREEN_DPI = 96
DAMAGE = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, struct.error)
A4_LONG_SIDE = 842.0  # points
MAX_RENDER_SCALE = 3.0  # enlarging further shows Tesseract nothing more
MAX_READ_PIXELS = 12_000_000


class ImageParser:
    """One class for both formats: they differ in their first bytes only."""

    def __init__(self, title: str, content_type: str, extensions: tuple[str, ...], signature: bytes):
        self.title, self.content_type, self.extensions, self._signature = title, content_type, extensions, signature

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if sniffed.head.startswith(self._signature) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        image, dpi = load(path, context.max_pixels)
        yield Total(1)
        width, height = (side * 72 / dpi for side in image.size)
        picture = grey(image)
        words = transcribe(lambda wanted: _resized(picture, wanted / dpi), width, context.ocr_languages)
        text, placed = compose(group(words))
        yield Page(1, text, round(width, 2), round(height, 2), "ocr", placed)

    def picture(self, path: Path, page: int, dpi: int) -> Image.Image:
        """The picture in colour, upright. Raises NotFound for any page but the first."""
        if page != 1:
            raise no_page(page, 1)
        image, own_dpi = load(path, Context().max_pixels)
        return _resized(image if image.mode in ("L", "RGB", "RGBA") else _drawable(image), min(1.0, dpi / own_dpi))


def load(path: Path, max_pixels: int) -> tuple[Image.Image, float]:
    """The decoded picture, turned as its EXIF data says, and its dpi.

    Raises DocumentTooComplex by the size in the header, before a pixel is decoded, and DamagedDocument.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large size (refused below) and of odd metadata
            image = Image.open(file, formats=FORMATS)
            if image.width * image.height > max_pixels:
                raise _too_large(max_pixels)
            resolution = image.info.get("dpi")
            image.load()
            upright = ImageOps.exif_transpose(image)
    except Image.DecompressionBombError:
        raise _too_large(max_pixels) from None
    except DAMAGE:
        raise DamagedDocument("The picture is damaged and cannot be decoded.") from None
    return upright, sane_dpi(resolution, upright.size)


def _too_large(max_pixels: int) -> DocumentTooComplex:
    limit = f"{max_pixels / 1_000_000:g} million pixels"
    return DocumentTooComplex(f"The picture has more than {limit}.", hint=f"Scale it down to at most {limit}.")


def sane_dpi(resolution: object, size: tuple[int, int]) -> float:
    """The file's dpi if a scanner can have written it, else the one that makes the long side that of A4 (96 at least)."""
    try:
        across, down = (float(value) for value in resolution)
    except (TypeError, ValueError):
        across = down = 0.0
    if SCANNER_DPI[0] <= across <= SCANNER_DPI[1] and abs(across - down) < 0.02 * across:
        return across
    return max(float(SCREEN_DPI), max(size) * 72 / A4_LONG_SIDE)


def _drawable(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("1", "I", "F")):
        return grey(image)
    return image.convert("RGBA" if "transparency" in image.info else "RGB")


def _resized(image: Image.Image, scale: float) -> Image.Image:
    largest = (MAX_READ_PIXELS / (image.width * image.height)) ** 0.5
    scale = min(scale, MAX_RENDER_SCALE, max(largest, 0.01))
    if 0.97 < scale < 1.03:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


PARSERS = (
    ImageParser("PNG picture", "image/png", (".png",), b"\x89PNG\r\n\x1a\n"),
    ImageParser("JPEG picture", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), b"\xff\xd8\xff"),
)
