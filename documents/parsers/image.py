"""Pictures: PNG, JPEG, TIFF, WEBP, BMP, GIF, JPEG 2000 and HEIC, read by OCR; each frame of a TIFF or a HEIC is a page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from core.errors import DamagedDocument, DocumentError, UnsupportedType
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.decoding import decoded, frames, opened, pi_heif
from documents.parsers.layout import compose, group
from documents.parsers.pictures import grey
from documents.parsers.rendering import no_page
from documents.parsers.transcription import transcribe

MAX_RENDER_SCALE = 3.0  # enlarging further shows Tesseract nothing more
MAX_READ_PIXELS = 12_000_000


@dataclass(frozen=True)
class ImageParser:
    """One class for all formats: they differ in their first bytes, and in whether their frames are pages."""

    title: str
    content_type: str
    extensions: tuple[str, ...]
    signature: bytes  # a regular expression
    formats: tuple[str, ...]  # Pillow's names
    paged: bool = False

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if re.match(self.signature, sniffed.head, re.DOTALL) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        self._needs_library()
        with opened(path, self.formats, context.max_pixels) as image:
            found, damaged = frames(image, context.max_pages)
            total = min(found, context.max_pages) if self.paged else 1
            yield Total(total)
            if self.paged and damaged:
                yield Notice("page_damaged", f"What follows page {found} is damaged and was not read.")
            if self.paged and found > total:
                yield Notice("too_many_pages", f"The file has more than {total} pages; the first {total} were read.")
            if not self.paged and found > 1 and image.format != "MPO":  # a camera's second picture is a preview
                yield Notice("animation", "The picture is animated; its first frame was read.")
            yield from _pages(image, total, context)

    def picture(self, path: Path, page: int, dpi: int) -> Image.Image:
        """The picture in colour, upright. Raises NotFound for a page that is not there."""
        self._needs_library()
        limits = Context()
        with opened(path, self.formats, limits.max_pixels) as image:
            total = frames(image, page)[0] if self.paged else 1
            if page > total:
                raise no_page(page, total)
            frame, own_dpi = decoded(image, page - 1, limits.max_pixels)
            return _resized(frame if frame.mode in ("L", "RGB", "RGBA") else _drawable(frame), min(1.0, dpi / own_dpi))

    def _needs_library(self) -> None:
        if "HEIF" in self.formats and pi_heif is None:
            raise UnsupportedType(
                "HEIC pictures need the package pi-heif, which is not installed here.",
                hint="Save the picture as JPEG and upload that, or let the operator install requirements-extra.in.",
            )


def _pages(image: Image.Image, total: int, context: Context) -> Iterator[Page | Notice]:
    readable, last_error = 0, None
    for number in range(1, total + 1):
        try:
            yield _page(image, number, context)
            readable += 1
        except DocumentError as error:
            last_error = error
            if total > 1:
                yield Notice(error.code, f"Page {number} was not read: {error.detail}", number)
    if not readable:
        raise last_error or DamagedDocument("No page of the picture can be read.")


def _page(image: Image.Image, number: int, context: Context) -> Page:
    frame, dpi = decoded(image, number - 1, context.max_pixels)
    width, height = (side * 72 / dpi for side in frame.size)
    picture = grey(frame)
    words = transcribe(lambda wanted: _resized(picture, wanted / dpi), width, context.ocr_languages)
    text, placed = compose(group(words))
    return Page(number, text, round(width, 2), round(height, 2), "ocr", placed)


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
    ImageParser("PNG picture", "image/png", (".png",), rb"\x89PNG\r\n\x1a\n", ("PNG",)),
    ImageParser("JPEG picture", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), rb"\xff\xd8\xff", ("JPEG", "MPO")),
    ImageParser("TIFF picture", "image/tiff", (".tif", ".tiff"), rb"II[*+]\0|MM\0[*+]", ("TIFF",), paged=True),
    ImageParser("WEBP picture", "image/webp", (".webp",), rb"RIFF....WEBP", ("WEBP",)),
    ImageParser("BMP picture", "image/bmp", (".bmp", ".dib"), rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", ("BMP",)),
    ImageParser("GIF picture", "image/gif", (".gif",), rb"GIF8[79]a", ("GIF",)),
    ImageParser("JPEG 2000 picture", "image/jp2", (".jp2", ".j2k", ".jpx", ".jpf"),
                rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", ("JPEG2000",)),
    ImageParser("HEIC picture", "image/heic", (".heic", ".heif"), rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", ("HEIF",),
                paged=True),
)  # fmt: skip
