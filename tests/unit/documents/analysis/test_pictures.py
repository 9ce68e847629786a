import pytest

from core.errors import DamagedDocument, NotFound, UnsupportedType
from documents.analysis import pictures
from documents.analysis.pictures import MAX_PICTURE_BYTES, MAX_PICTURES, drawn, is_poor
from documents.parsed import Page, Word
from providers.types import PIXELS_PER_IMAGE
from tests.unit.documents.analysis.test_inquiry import png

A4 = {"width": 595.0, "height": 842.0}


def scanned(*confidences, text=None):
    words = tuple(Word(number, number + 1, 0, 0, 1, 1, confidence) for number, confidence in enumerate(confidences))
    return Page(1, text or "x" * len(words), source="ocr", words=words, **A4)


@pytest.mark.parametrize(
    "page, poor",
    [
        (Page(1, " \n"), True),
        (Page(1, "texto digital"), False),
        (scanned(*[0.95] * 20), False),
        (scanned(*[0.95] * 3), True),
        (scanned(*[0.75] * 20), True),
        (scanned(*[0.97] * 16, *[0.3] * 4), True),
        (scanned(*[0.97] * 19, 0.3), False),
        (scanned(*[0.85] * 60), False),
        (scanned(*[0.85] * 60, text="pão 1 2,00 3,00\n" * 4), True),
        (scanned(*[0.95] * 60, text="pão 1 2,00 3,00\n" * 4), False),
        (Page(1, "lido", source="ocr"), False),
    ],
)
def test_a_page_is_poor_when_its_picture_says_more(page, poor):
    assert is_poor(page) is poor


async def test_a_picture_has_as_many_dots_as_its_size_allows():
    asked = []

    async def draw(page, dpi):
        asked.append((page, dpi))
        return png()

    await drawn(draw, [Page(1, "", **A4), Page(2, "", 2384.0, 3370.0), Page(3, "", 20.0, 30.0), Page(4, "")])
    assert [page for page, _ in asked] == [1, 2, 3, 4]
    for (_, dpi), (width, height) in zip(asked, ((595, 842), (2384, 3370), (20, 30)), strict=False):
        assert 0 < width * height * dpi * dpi / 72**2 <= PIXELS_PER_IMAGE and dpi <= 150
    assert asked[0][1] > 120


async def test_too_many_pixels_are_drawn_smaller():
    async def draw(page, dpi):
        return png(20 * dpi, 20 * dpi)

    made = await drawn(draw, [Page(1, "")])
    assert int.from_bytes(made[1][16:20]) ** 2 <= PIXELS_PER_IMAGE


async def test_too_many_bytes_are_drawn_smaller_or_left_out():
    async def draw(page, dpi):
        return png(size=MAX_PICTURE_BYTES * (2 if page == 1 or dpi > 100 else 0))

    made = await drawn(draw, [Page(1, "", **A4), Page(2, "", **A4)])
    assert list(made) == [2]


async def test_all_pictures_together_have_so_many_bytes_and_are_so_few(monkeypatch):
    async def draw(page, dpi):
        return png(size=1000)

    pages = [Page(number, "", **A4) for number in range(1, 30)]
    assert len(await drawn(draw, pages)) == MAX_PICTURES
    monkeypatch.setattr(pictures, "MAX_BYTES", 2500)
    assert len(await drawn(draw, pages)) == 2


@pytest.mark.parametrize("error", [DamagedDocument("x"), NotFound("x"), UnsupportedType("x")])
async def test_a_page_that_cannot_be_drawn_is_left_out(error):
    async def draw(page, dpi):
        if page == 1:
            raise error
        return png()

    assert list(await drawn(draw, [Page(1, ""), Page(2, "")])) == [2]
