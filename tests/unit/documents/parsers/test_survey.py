from PIL import Image, ImageChops, ImageDraw

from documents.parsers.survey import survey, without_perforations
from tests.unit.documents.parsers.making import SENTENCES, picture


def ruled(columns: int, rows: int) -> Image.Image:
    page = Image.new("L", (1654, 2339), 255)
    drawing = ImageDraw.Draw(page)
    for row in range(rows + 1):
        y = 100 + row * 1800 // max(rows, 1)
        drawing.line((80, y, 1570, y), 0, 3)
    for column in range(columns + 1):
        x = 80 + column * 1490 // max(columns, 1)
        drawing.line((x, 100, x, 1900), 0, 3)
    return page


def test_a_form_is_known_by_its_boxes() -> None:
    assert survey(ruled(8, 12)).boxed
    assert not survey(ruled(0, 2)).boxed
    assert not survey(picture(SENTENCES * 3, size=(1300, 1400))).boxed


def test_the_size_of_print_is_that_of_its_letters() -> None:
    small, large = (survey(picture(SENTENCES * 2, size=(1300, 1000), height=height)).letters for height in (20, 40))
    assert 8 <= small < large <= 60
    assert survey(Image.new("L", (800, 600), 255)).letters == 0.0


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
