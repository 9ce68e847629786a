import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsers.base import Context
from documents.parsers.decoding import sane_dpi
from tests.unit.documents.parsers.making import SENTENCES, picture, png, read, word


def saved(tmp_path: Path, image: Image.Image, kind: str = "PNG", **options: object) -> Path:
    path = tmp_path / f"a.{kind.lower()}"
    image.save(path, kind, **options)
    return path


def test_a_picture_is_one_page_with_boxes_in_points(tmp_path: Path) -> None:
    pages, notices, total = read(saved(tmp_path, picture(), dpi=(200, 200)))
    page = pages[0]
    assert (len(pages), notices, total, page.source) == (1, [], 1, "ocr")
    assert (page.width, page.height) == pytest.approx((1100 * 0.36, 520 * 0.36), abs=0.1)
    assert page.text.split("\n") == list(SENTENCES)
    found = word(page, "Prestador:")
    assert found.x0 == pytest.approx(60 * 0.36, abs=2) and found.y0 == pytest.approx((50 + 64 + 8) * 0.36, abs=3)
    assert 0.7 < found.confidence <= 1


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: image.convert("1"), lambda image: image.convert("P"), lambda image: image.convert("RGB"),
        lambda image: image.convert("I").point(lambda value: value * 257).convert("I;16"),
        lambda image: Image.merge("RGBA", (*[Image.new("L", image.size)] * 3, image.point(lambda value: 255 - value))),
    ],
    ids=["1-bit", "palette", "rgb", "16-bit", "ink in the alpha channel"],
)  # fmt: skip
def test_every_mode_of_png_is_read(tmp_path: Path, convert) -> None:
    page = read(saved(tmp_path, convert(picture(SENTENCES[2:3], size=(1100, 140))), dpi=(200, 200)))[0][0]
    assert "12.345.678/0001-95" in page.text


def test_cmyk_jpeg_is_read(tmp_path: Path) -> None:
    image = picture(SENTENCES[2:3], size=(1100, 140)).convert("CMYK")
    assert "12.345.678/0001-95" in read(saved(tmp_path, image, "JPEG", quality=90))[0][0].text


def test_a_photo_is_turned_as_its_exif_data_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    path = saved(tmp_path, picture().rotate(90, expand=True).convert("RGB"), "JPEG", exif=exif, dpi=(200, 200))
    page = read(path)[0][0]
    assert (page.width, page.height) == pytest.approx((396, 187.2), abs=0.1)
    assert word(page, "Prestador:").x0 == pytest.approx(60 * 0.36, abs=2)


def test_a_shadow_over_the_paper_does_not_hide_the_text(tmp_path: Path) -> None:
    image = picture()
    shadow = Image.linear_gradient("L").resize(image.size).point(lambda value: 90 + value // 2)
    darkened = Image.composite(shadow, shadow.point(lambda value: value // 4), image)
    page = read(saved(tmp_path, darkened, dpi=(200, 200)))[0][0]
    assert "12.345.678/0001-95" in page.text and "1.234,56" in page.text


def test_a_small_picture_is_enlarged_for_reading(tmp_path: Path) -> None:
    small = picture().resize((440, 208), Image.Resampling.LANCZOS)
    assert "05/03/2026" in read(saved(tmp_path, small))[0][0].text


def test_a_bomb_is_refused_by_its_header_in_no_time(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(bomb)
    started = time.perf_counter()
    with pytest.raises(DocumentTooComplex, match="more than 64 million pixels"):
        read(tmp_path / "a.png")
    assert time.perf_counter() - started < 0.5


def test_the_limit_of_pixels_is_the_contexts(tmp_path: Path) -> None:
    with pytest.raises(DocumentTooComplex):
        read(saved(tmp_path, picture()), Context(max_pixels=500_000))


@pytest.mark.parametrize("kept", [40, 0.5])
def test_a_cut_picture_is_damaged(tmp_path: Path, kept: float) -> None:
    whole = png(picture())
    (tmp_path / "a.png").write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    with pytest.raises(DamagedDocument):
        read(tmp_path / "a.png")


def test_other_formats_behind_the_first_bytes_of_jpeg_are_not_tried(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    picture(size=(50, 50)).save(buffer, "GIF")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + buffer.getvalue())
    with pytest.raises(DamagedDocument):
        read(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("told", "size", "dpi"),
    [
        ((300, 300), (2480, 3508), 300), ((72, 72), (3000, 4000), 4000 * 72 / 842), (None, (3000, 4000), 4000 * 72 / 842),
        ((96, 96), (400, 300), 96), ((300, 150), (800, 600), 96), ((0, 0), (800, 600), 96), ("x", (800, 600), 96),
        ((float("nan"), 1), (800, 600), 96), ((100_000, 100_000), (800, 600), 96),
    ],
)  # fmt: skip
def test_only_a_scanners_dpi_is_believed(told: object, size: tuple[int, int], dpi: float) -> None:
    assert sane_dpi(told, size) == pytest.approx(dpi)
