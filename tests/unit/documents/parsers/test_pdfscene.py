from pathlib import Path

import pypdfium2
import pytest

from documents.parsers import pdfscene
from documents.parsers.pdfscene import Scene, scene
from documents.parsers.pdftext import Shown
from tests.unit.documents.parsers.making import canvas, picture


def of(path: Path) -> Scene:
    document = pypdfium2.PdfDocument(path)
    page = document[0]
    found = scene(page, Shown(page))
    page.close()
    document.close()
    return found


def test_pictures_and_areas_lie_where_they_are_seen_also_in_forms(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.drawString(10, 10, "text")
    page.setFillColorRGB(1, 0, 0)
    page.rect(100, 742, 50, 20, fill=1, stroke=0)
    page.line(100, 700, 300, 700)
    page.rect(100, 600, 50, 20, fill=0)
    page.beginForm("form")
    page.drawInlineImage(picture((), size=(30, 20)), 0, 0, 100, 50)
    page.endForm()
    page.translate(200, 100)
    page.scale(2, 2)
    page.doForm("form")
    page.save()
    found = of(tmp_path / "a.pdf")
    (area,) = found.areas
    assert area.box == pytest.approx((100, 80, 150, 100), abs=0.1) and area.colour == (255, 0, 0, 255)
    (image,) = found.pictures
    assert image.box == pytest.approx((200, 642, 400, 742), abs=0.1) and image.pixels == (30, 20)
    assert image.share == pytest.approx(200 * 100 / (595 * 842), abs=0.001)
    assert next(iter(found.orders.values())) < area.order < image.order and found.nested == set()


def test_a_drawing_without_end_is_looked_at_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = canvas(tmp_path / "a.pdf")
    for number in range(9):
        page.rect(50 * number, 700, 20, 20, fill=1, stroke=0)
    page.save()
    monkeypatch.setattr(pdfscene, "MAX_OBJECTS", 4)
    assert len(of(tmp_path / "a.pdf").areas) == 4


def test_forms_within_forms_are_followed_some_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = canvas(tmp_path / "a.pdf")
    for level in range(4):
        page.beginForm(f"form{level}")
        page.rect(20 * level, 100, 10, 10, fill=1, stroke=0)
        if level:
            page.doForm(f"form{level - 1}")
        page.endForm()
    page.doForm("form3")
    page.save()
    assert len(of(tmp_path / "a.pdf").areas) == 4
    monkeypatch.setattr(pdfscene, "MAX_DEPTH", 2)
    assert len(of(tmp_path / "a.pdf").areas) == 2
