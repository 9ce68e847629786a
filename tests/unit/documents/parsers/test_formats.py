"""Every picture format beside PNG and JPEG, its bombs and its damage."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image

from core.errors import DamagedDocument, DocumentError, DocumentTooComplex, NotFound, UnsupportedType
from documents.parsed import Notice, Page
from documents.parsers import image as module
from documents.parsers import transcription
from documents.parsers.base import Context
from documents.parsers.registry import choose
from tests.unit.documents.parsers.making import SENTENCES, heic, picture, read

SMALL = (1100, 140)
VALUE = "12.345.678/0001-95"


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def line() -> Image.Image:
    return picture(SENTENCES[2:3], size=SMALL)


def pages_tiff(*images: Image.Image, **options: object) -> bytes:
    return encoded(images[0], "TIFF", save_all=True, append_images=images[1:], dpi=(200, 200), **options)


@pytest.mark.parametrize(
    ("kind", "title", "change", "options"),
    [
        ("TIFF", "TIFF picture", lambda image: image.convert("1"), {"compression": "group4", "dpi": (200, 200)}),
        ("TIFF", "TIFF picture", lambda image: image.convert("CMYK"), {"compression": "tiff_lzw"}),
        ("TIFF", "TIFF picture", lambda image: image.convert("I").point(lambda value: value * 257).convert("I;16"), {}),
        ("TIFF", "TIFF picture", lambda image: image.convert("RGB"), {"compression": "jpeg", "quality": 90}),
        ("TIFF", "TIFF picture", lambda image: image.convert("F"), {}),
        ("WEBP", "WEBP picture", lambda image: image.convert("RGB"), {"quality": 80}),
        ("WEBP", "WEBP picture", lambda image: image.convert("RGBA"), {"lossless": True}),
        ("BMP", "BMP picture", lambda image: image.convert("P"), {"dpi": (200, 200)}),
        ("BMP", "BMP picture", lambda image: image.convert("1"), {}),
        ("GIF", "GIF picture", lambda image: image, {}),
        ("JPEG2000", "JPEG 2000 picture", lambda image: image.convert("RGB"), {}),
    ],
)  # fmt: skip
def test_formats_and_modes_are_read(tmp_path: Path, kind: str, title: str, change, options: dict) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(change(line()), kind, **options))
    assert choose(path, "a").title == title
    (page,), notices, total = read(path)
    assert VALUE in page.text and (notices, total) == ([], 1)


def test_heic_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    (tmp_path / "a.jpg").write_bytes(heic())
    (page,), _, _ = read(tmp_path / "a.jpg")
    assert "1.234,56" in page.text


def test_heic_without_its_library_is_refused_with_a_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "pi_heif", None)
    path = tmp_path / "a.heic"
    path.write_bytes(heic())
    with pytest.raises(UnsupportedType) as raised:
        read(path)
    assert "pi-heif" in raised.value.detail and "JPEG" in raised.value.hint


def test_each_frame_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    lines = [picture((f"Folha número {number}",), size=(700, 140)) for number in (1, 2, 3)]
    path = tmp_path / "a.tif"
    path.write_bytes(pages_tiff(*lines, compression="tiff_lzw"))
    pages, notices, total = read(path)
    assert [page.text for page in pages] == [f"Folha número {number}" for number in (1, 2, 3)]
    assert ([page.number for page in pages], notices, total) == ([1, 2, 3], [], 3)
    assert choose(path, "a").picture(path, 2, 100).size == (350, 70)
    with pytest.raises(NotFound):
        choose(path, "a").picture(path, 4, 100)


def test_no_more_frames_than_pages_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(pages_tiff(*[line()] * 4))
    pages, (notice,), total = read(tmp_path / "a.tif", Context(max_pages=2))
    assert (len(pages), total, notice.code) == (2, 2, "too_many_pages")


def test_a_damaged_frame_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    data = bytearray(pages_tiff(line(), line(), line(), compression="tiff_adobe_deflate"))
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
        (start, *_), (length, *_) = image.tag_v2[273], image.tag_v2[279]
    data[start : start + length] = b"\xff" * length
    (tmp_path / "a.tif").write_bytes(data)
    pages, (notice,), total = read(tmp_path / "a.tif")
    assert ([page.number for page in pages], notice.page, notice.code, total) == ([1, 3], 2, "damaged_document", 3)


def test_a_frame_that_is_too_large_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(pages_tiff(line(), Image.new("L", (2000, 2000)), compression="tiff_lzw"))
    pages, (notice,), _ = read(tmp_path / "a.tif", Context(max_pixels=1_000_000))
    assert (len(pages), notice.page, notice.code) == (1, 2, "document_too_complex")


def test_a_chain_of_frames_that_bites_its_tail_ends(tmp_path: Path) -> None:
    data = bytearray(encoded(line(), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    (tmp_path / "a.tif").write_bytes(data)
    assert len(read(tmp_path / "a.tif")[0]) == 1


def test_a_tiff_that_is_cut_behind_its_first_page_says_so(tmp_path: Path) -> None:
    data = bytearray(encoded(line(), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, len(data) + 1000)
    (tmp_path / "a.tif").write_bytes(data)
    pages, (notice,), total = read(tmp_path / "a.tif")
    assert (len(pages), notice.code, total) == (1, "page_damaged", 1)


def test_of_an_animation_the_first_frame_is_read_and_that_is_said(tmp_path: Path) -> None:
    frames = [line(), picture(("outro",), size=SMALL)]
    for kind in ("GIF", "WEBP"):
        data = encoded(frames[0].convert("RGB"), kind, save_all=True, append_images=[frames[1].convert("RGB")], duration=100)
        (tmp_path / "a").write_bytes(data)
        (page,), (notice,), total = read(tmp_path / "a")
        assert VALUE in page.text and "outro" not in page.text and (notice.code, total) == ("animation", 1)


def bombs() -> dict[str, bytes]:
    """The headers of pictures of 30,000 × 30,000 pixels, with next to nothing behind them."""
    side = 30_000
    tags = ((256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 8), (262, 3, 1), (273, 4, 200), (278, 4, side), (279, 4, 100))
    tiff = (
        b"II*\0"
        + struct.pack("<IH", 8, len(tags))
        + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    )
    siz = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, side, side, 0, 0, side, side, 0, 0, 1) + b"\x07\x01\x01"
    vp8x = b"VP8X" + struct.pack("<II", 10, 0) + 2 * (16_000).to_bytes(3, "little")
    return {
        "tiff": tiff + bytes(300),
        "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 1000, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(900),
        "gif": b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0)
        + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00;",
        "jp2": b"\xff\x4f" + siz + b"\xff\x90" + bytes(100),
        "webp": b"RIFF" + struct.pack("<I", 4 + len(vp8x) + 100) + b"WEBP" + vp8x + bytes(100),
    }  # fmt: skip


@pytest.mark.parametrize("kind", bombs())
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", None)  # nothing may be decoded
    (tmp_path / "a").write_bytes(bombs()[kind])
    refused = DocumentError if kind == "webp" else DocumentTooComplex  # its decoder wants the whole file first
    with pytest.raises(refused):
        read(tmp_path / "a")


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PNG", "JPEG"])
def test_a_cut_picture_is_damaged_or_read_in_part(tmp_path: Path, kind: str) -> None:
    data = encoded(line(), kind)
    (tmp_path / "a").write_bytes(data[: len(data) // 3])
    try:
        read(tmp_path / "a")
    except DocumentError as error:
        assert isinstance(error, DamagedDocument)


SAMPLES = [
    encoded(line().resize((220, 28)).convert("L"), kind) for kind in ("TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PNG", "JPEG")
]
SAMPLES += [pages_tiff(*[line().resize((110, 14))] * 3, compression="tiff_lzw"), heic()]
edits = some.lists(some.tuples(some.floats(0, 1), some.binary(min_size=1, max_size=6)), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sample=some.sampled_from(SAMPLES), edits=edits, kept=some.floats(0.3, 1))
def test_mutated_pictures_end_as_pages_or_as_a_typed_error(tmp_path: Path, monkeypatch, sample, edits, kept) -> None:
    def drawn(render, width, languages) -> list:
        render(transcription.READING_DPI)
        return []

    monkeypatch.setattr(module, "transcribe", drawn)
    data = bytearray(sample)
    for place, change in edits:
        start = int(place * len(data))
        data[start : start + len(change)] = change
    path = tmp_path / "a"
    path.write_bytes(data[: max(1, int(kept * len(data)))])
    try:
        parts = list(choose(path, "a").parse(path, Context(max_pages=5)))
    except (DocumentError, UnsupportedType):
        return
    assert any(isinstance(part, Page) for part in parts) and all(part.message for part in parts if isinstance(part, Notice))
