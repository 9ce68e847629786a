from PIL import Image, ImageChops, ImageDraw

from documents.parsers.survey import survey, without_perforations
from tests.unit.documents.parsers.making import SENTENCES, picture


def boxed(image: Image.Image, step: int = 120) -> Image.Image:
    """The picture with a grid of thin lines."""
    draw = ImageDraw.Draw(image)
    for x in range(20, image.width, step):
        draw.line((x, 20, x, image.height - 20), fill=0, width=2)
    for y in range(20, image.height, step):
        draw.line((20, y, image.width - 20, y), fill=0, width=2)
    return image


def test_lines_of_print_are_as_high_as_their_letters() -> None:
    for height in (14, 24, 32):
        seen = survey(picture(SENTENCES, height=height))
        assert 0.6 * height <= seen.letters <= 1.2 * height
        assert (seen.across, seen.down) == (0, 0) and not seen.boxed


def test_a_form_is_known_by_its_boxes() -> None:
    seen = survey(boxed(picture(SENTENCES * 2, size=(1300, 1000))))
    assert seen.boxed and 30 <= seen.across <= 60 and 30 <= seen.down <= 60  # quarters of 9 and 11 lines


def dashed(page: Image.Image, y: int, slope: int = 0) -> Image.Image:
    drawing = ImageDraw.Draw(page)
    for x in range(80, 1570, 14):
        drawing.rectangle((x, y + slope * x // 1570, x + 8, y + 1 + slope * x // 1570), 0)
    return page


def test_a_line_of_dashes_is_taken_out_and_nothing_else() -> None:
    clean = picture(SENTENCES * 2, size=(1654, 1400))
    clean.paste(255, (0, 1100, 1654, 1400))
    for slope in (0, 3):
        page = without_perforations(dashed(clean.copy(), 1200, slope))
        assert ImageChops.difference(page, clean).getbbox() is None
    assert without_perforations(clean) is clean


def test_a_dash_between_words_stays() -> None:
    page = Image.new("L", (1654, 400), 255)
    ImageDraw.Draw(page).rectangle((300, 200, 330, 203), 0)
    assert without_perforations(page) is page


def test_rules_in_one_direction_are_no_boxes() -> None:
    image = picture(SENTENCES * 2, size=(1300, 1000))
    draw = ImageDraw.Draw(image)
    for y in range(20, 1000, 60):
        draw.line((20, y, 1280, y), fill=0, width=2)
    seen = survey(image)
    assert seen.across >= 10 and not seen.boxed


def test_thick_bars_are_no_rules() -> None:
    image = Image.new("L", (1000, 800), 255)
    image.paste(0, (100, 100, 900, 700))
    assert survey(image) == (0, 0, 0.0)


def test_any_size_can_be_looked_over() -> None:
    for size in ((1, 1), (63, 200), (200, 63), (65, 65)):
        assert survey(Image.new("L", size, 255)) == (0, 0, 0.0)
