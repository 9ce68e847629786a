import math

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from documents.parsers import ocr, secondreader, transcription
from documents.parsers.layout import Placed
from documents.parsers.transcription import transcribe
from tests.unit.documents.parsers.making import FONT, SENTENCES, picture
from tests.unit.documents.parsers.test_survey import boxed

LANGUAGES = "por+eng"
SHEET = (1300, 1700)  # pixels at 200 dpi


def sheet(lines: tuple[str, ...] = SENTENCES * 2) -> Image.Image:
    return picture(lines, size=SHEET)


def words_of(image: Image.Image) -> list[Placed]:
    return transcribe(lambda dpi: resized(image, dpi / 200), image.width * 72 / 200, LANGUAGES)


def resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def only(words: list[Placed], text: str) -> Placed:
    return next(word for word in words if word.text == text)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_that_lies_on_its_side_is_read_and_its_boxes_are_those_of_the_page_as_shown(turn: int) -> None:
    image = sheet().rotate(turn, expand=True)
    found = only(words_of(image), "12.345.678/0001-95")
    ink = crop(image, found, margin=2)
    upright = ink.rotate(-turn, expand=True)
    assert upright.width > 4 * upright.height
    (again,) = ocr.read(padded(upright), LANGUAGES, 7, 200)
    assert again.text == "12.345.678/0001-95"


@pytest.mark.parametrize("angle", [-3, 3])
def test_a_slanted_page_is_read_and_its_boxes_cover_the_ink(angle: int) -> None:
    image = sheet().rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    words = words_of(image)
    assert {"12.345.678/0001-95", "1.234,56", "05/03/2026", "preferência"} <= {word.text for word in words}
    found = only(words, "Prestador:")
    straight = 60, 50 + 64, 60 + ImageDraw.Draw(image).textlength("Prestador:", ImageFont.truetype(FONT, 32)), 50 + 64 + 32
    centre = shifted(straight, angle, image.size)
    assert ((found.x0 + found.x1) / 0.72, (found.y0 + found.y1) / 0.72) == pytest.approx(centre, abs=8)


def test_the_box_of_every_word_holds_its_ink_to_the_pixel() -> None:
    image = picture(("alfa", "bravo", "delta"), size=(700, 500), height=40)
    words = words_of(image)
    for row, text in enumerate(("alfa", "bravo", "delta")):
        top = 40 + 80 * row
        x0, y0, x1, y1 = ImageOps.invert(image.crop((0, top, 700, top + 70))).getbbox()
        found = only(words, text)
        ink = [value * 0.36 for value in (x0, y0 + top, x1, y1 + top)]
        assert (found.x0, found.y0, found.x1, found.y1) == pytest.approx(ink, abs=0.72)  # two pixels


def test_a_form_is_read_box_by_box_and_in_rows() -> None:
    image, font = boxed(Image.new("L", (1300, 1000), 255), step=150), ImageFont.truetype(FONT, 24)
    draw = ImageDraw.Draw(image)
    for column, (label, value) in enumerate((("SÉRIE", "001"), ("NÚMERO", "4711"), ("VALOR", "98,50"), ("FOLHA", "2/3"))):
        draw.text((40 + 300 * column, 190), label, fill=0, font=font)
        draw.text((40 + 300 * column, 260), value, fill=0, font=font)
    lines: dict[int, list[str]] = {}
    for word in words_of(image):
        lines.setdefault(word.line, []).append(word.text)
    assert [text for text in lines[min(lines)] if text in ("NÚMERO", "VALOR", "FOLHA")] == ["NÚMERO", "VALOR", "FOLHA"]
    assert any([text for text in line if text in ("4711", "98,50", "2/3")] == ["4711", "98,50", "2/3"] for line in lines.values())


def test_small_print_is_read_from_a_finer_picture() -> None:
    asked: list[int] = []
    large = picture(SENTENCES * 4, size=(2200, 1800), height=28)

    def render(dpi: int) -> Image.Image:
        asked.append(dpi)
        return resized(large, dpi / 500)

    words = transcribe(render, 2200 * 72 / 500, LANGUAGES)
    assert asked == [transcription.READING_DPI, transcription.FINE_DPI]
    assert sum(word.text == "12.345.678/0001-95" for word in words) == 4
    assert max(word.x1 for word in words) < 2200 * 72 / 500


def test_a_clear_page_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    read = ocr.read
    monkeypatch.setattr(ocr, "read", lambda *given: passes.append(given) or read(*given))
    words_of(sheet())
    assert len(passes) == 1


def test_a_blank_page_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "read", None)
    assert words_of(Image.new("L", SHEET, 240)) == []


def test_a_receipt_of_dots_on_grey_paper_is_read() -> None:
    lines = ("MERCADO DA ESQUINA", "05/03/2026 14:22", "PAO FRANCES 2,40", "CAFE 500G 18,90", "TOTAL 21,30")
    receipt = picture(lines, size=(520, 1100), height=32)
    dots = Image.effect_noise(receipt.size, 60).point(lambda level: 255 if level > 178 else 0)
    receipt.paste(255, mask=dots)
    grey = receipt.point(lambda level: 120 + level // 3)
    text = " ".join(word.text for word in words_of(grey))
    assert "21,30" in text and "05/03/2026" in text


class Sure:
    """A second engine that always reads the same."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, image: Image.Image) -> list[Placed]:
        self.asked += 1
        return [Placed("9.876,54", 60, 60, 200, 90, 0, 0.99)]


def test_the_second_engine_is_asked_only_for_a_page_that_is_read_badly(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = Sure()
    monkeypatch.setattr(secondreader, "loaded", lambda: sure)
    words_of(sheet())
    assert sure.asked == 0
    spoilt = sheet().reduce(6).resize(SHEET, Image.Resampling.BICUBIC)
    assert "9.876,54" in {word.text for word in words_of(spoilt)} and sure.asked == 1


def crop(image: Image.Image, word: Placed, margin: int) -> Image.Image:
    x0, y0, x1, y1 = (value * 200 / 72 for value in word[1:5])
    return image.crop((math.floor(x0) - margin, math.floor(y0) - margin, math.ceil(x1) + margin, math.ceil(y1) + margin))


def padded(image: Image.Image) -> Image.Image:
    result = Image.new("L", (image.width + 60, image.height + 60), 255)
    result.paste(image, (30, 30))
    return result


def shifted(box: tuple[float, ...], angle: float, size: tuple[int, int]) -> tuple[float, float]:
    """Where the middle of a box of the straight sheet is after the turn."""
    x, y = (box[0] + box[2]) / 2 - SHEET[0] / 2, (box[1] + box[3]) / 2 - SHEET[1] / 2
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return x * cos + y * sin + size[0] / 2, -x * sin + y * cos + size[1] / 2
