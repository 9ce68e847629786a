"""Pictures inside mails and pages: which of them may be documents, and which are logos and smileys."""

import io
import warnings
from collections.abc import Iterable

from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from documents.parsed import Notice

PLUGINS = (PngImagePlugin, JpegImagePlugin, GifImagePlugin, WebPImagePlugin, BmpImagePlugin, TiffImagePlugin)
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
LEAST_SIDE, LEAST_PIXELS = 300, 200_000  # a receipt that can be read has more


def worth_reading(pictures: Iterable[bytes]) -> tuple[list[bytes], list[Notice]]:
    """Those that are as large as a document, and a notice of the others."""
    large, small = [], 0
    for picture in pictures:
        if is_large(picture):
            large.append(picture)
        else:
            small += 1
    return large, [small_pictures(small)] if small else []


def small_pictures(count: int) -> Notice:
    """What is told of pictures that were not read for their size."""
    return Notice("pictures_unread", f"Small pictures in the text that were not read: {count}.")


def is_large(picture: bytes) -> bool:
    """Whether a picture has the size of a document, by its header; one that cannot be understood is somebody else's affair."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = Image.open(io.BytesIO(picture), formats=FORMATS).size
    except Image.DecompressionBombError:
        return True
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError):
        return False
    return min(width, height) >= LEAST_SIDE and width * height >= LEAST_PIXELS
