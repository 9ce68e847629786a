import io
from pathlib import Path

import pytest
from PIL import Image

from core.errors import NotFound, UnsupportedType
from documents.parsers.registry import choose
from documents.parsers.rendering import MAX_PAGE_PIXELS, render
from tests.unit.documents.parsers.making import canvas, picture, written


def drawn(path: Path, page: int = 1, dpi: int = 110) -> Image.Image:
    return Image.open(io.BytesIO(render(path, choose(path, path.name), page, dpi)), formats=("PNG",))


def test_a_pdf_page_is_a_png_of_the_wanted_size(tmp_path: Path) -> None:
    image = drawn(written(tmp_path / "a.pdf"), dpi=144)
    assert image.size == (1190, 1684)
    assert image.convert("L").crop((140, 160, 500, 210)).getextrema()[0] < 100


def test_a_picture_is_not_blown_up(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png", dpi=(200, 200))
    assert drawn(tmp_path / "a.png", dpi=100).size == (550, 260)
    assert drawn(tmp_path / "a.png", dpi=300).size == (1100, 520)


def test_the_pixels_of_a_page_are_capped(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf", (14_000, 14_000))
    page.drawString(72, 700, "poster")
    page.save()
    image = drawn(tmp_path / "a.pdf", dpi=10_000)
    assert 0.9 * MAX_PAGE_PIXELS < image.width * image.height <= 1.01 * MAX_PAGE_PIXELS


@pytest.mark.parametrize("page", [0, -1, 2])
def test_a_page_that_is_not_there(tmp_path: Path, page: int) -> None:
    picture().save(tmp_path / "a.png")
    for path in (written(tmp_path / "a.pdf"), tmp_path / "a.png"):
        with pytest.raises(NotFound):
            drawn(path, page)


def test_formats_without_pictures_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b")
    with pytest.raises(UnsupportedType, match="CSV"):
        drawn(tmp_path / "a.csv")
