import math
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase.pdfmetrics import stringWidth

from core.errors import DamagedDocument, DocumentTooComplex, PasswordRequired
from documents.parsed import Page
from documents.parsers import ocr
from documents.parsers.base import Context
from documents.parsers.pictures import skew
from tests.unit.documents.parsers.making import A4, SENTENCES, canvas, picture, read, scan, word, written


def test_a_digital_page_gives_its_text_with_exact_offsets_and_boxes(tmp_path: Path) -> None:
    pages, notices, total = read(written(tmp_path / "a.pdf"))
    page = pages[0]
    assert (len(pages), notices, total, page.source, (page.width, page.height)) == (1, [], 1, "native", A4)
    assert page.text.split("\n") == list(SENTENCES)
    found = word(page, "12.345.678/0001-95")
    assert found.confidence is None
    before, itself = (stringWidth(text, "Helvetica", 12) for text in ("Registro ", "12.345.678/0001-95"))
    assert (found.x0, found.x1) == pytest.approx((72 + before, 72 + before + itself), abs=1)
    assert found.y0 < 842 - (842 - 100 - 48) < found.y1  # the baseline, from the top
    assert 8 < found.y1 - found.y0 < 18
    assert Page.from_json(page.to_json()) == page


@pytest.mark.parametrize(("rotation", "size"), [(0, (595, 842)), (90, (842, 595)), (180, (595, 842)), (270, (842, 595))])
def test_boxes_lie_where_the_rotated_page_shows_the_word(tmp_path: Path, rotation: int, size: tuple[int, int]) -> None:
    path = written(tmp_path / "a.pdf", ("alfa", "beta"))
    _changed(path, lambda page: page.set_rotation(rotation))
    page = read(path)[0][0]
    assert (round(page.width), round(page.height)) == size
    _assert_ink(path, page, "alfa")


def test_boxes_start_at_the_crop_box(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", ("alfa", "beta"))
    whole = word(read(path)[0][0], "alfa")
    _changed(path, lambda page: page.set_cropbox(50, 400, 350, 800))
    page = read(path)[0][0]
    assert (page.width, page.height) == (300, 400)
    assert (word(page, "alfa").x0, word(page, "alfa").y0) == pytest.approx((whole.x0 - 50, whole.y0 - 42), abs=0.1)
    _assert_ink(path, page, "alfa")


def test_words_off_the_page_are_not_read(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.drawString(72, 700, "seen")
    page.drawString(-400, 700, "hidden")
    page.save()
    assert read(tmp_path / "a.pdf")[0][0].text == "seen"


def test_a_value_stays_behind_its_label_in_a_boxed_form(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for column, (label, value) in enumerate([("NUMERO", "4711"), ("SERIE", "2"), ("EMISSAO", "05/03/2026"), ("TOTAL", "9,90")]):
        page.drawString(50 + 120 * column, 700, label)
        page.drawString(50 + 120 * column, 688, value)
    page.save()
    assert read(tmp_path / "a.pdf")[0][0].text == "NUMERO\n4711\nSERIE\n2\nEMISSAO\n05/03/2026\nTOTAL\n9,90"


def test_words_drawn_out_of_order_are_read_as_rows(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for column, texts in ((300, ("4711", "05/03/2026", "Maria", "9,90")), (50, ("Numero:", "Emissao:", "Cliente:", "Total:"))):
        for row, text in enumerate(texts):
            page.drawString(column, 700 - 20 * row, text)
    page.save()
    assert read(tmp_path / "a.pdf")[0][0].text == "Numero:   4711\nEmissao:   05/03/2026\nCliente:   Maria\nTotal:   9,90"


def test_form_fields_and_comments_are_read(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.drawString(72, 700, "Formulario")
    page.acroForm.textfield(name="cidade", tooltip="Cidade", value="São Paulo", x=200, y=600, width=120, height=20)
    page.acroForm.checkbox(name="aceite", tooltip="Aceite", checked=False, x=200, y=560)
    page.freeTextAnnotation("visto em maio", DA="/Helv 12 Tf", Rect=(100, 500, 200, 520))
    page.save()
    read_page = read(tmp_path / "a.pdf")[0][0]
    assert read_page.text == "Formulario\nCidade: São Paulo\n[ ] Aceite\nvisto em maio"
    box = word(read_page, "Paulo")
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((200, 222, 320, 242), abs=2)


def test_a_scan_is_read_page_by_page_beside_pages_with_text(tmp_path: Path) -> None:
    path = scan(tmp_path / "a.pdf", picture())
    mixed = pypdfium2.PdfDocument.new()
    for part in (written(tmp_path / "b.pdf", ("first page",)), path):
        mixed.import_pages(pypdfium2.PdfDocument(part))
    mixed.save(tmp_path / "c.pdf")
    pages, notices, total = read(tmp_path / "c.pdf")
    assert ([page.source for page in pages], notices, total) == (["native", "ocr"], [], 2)
    text = pages[1].text
    assert "12.345.678/0001-95" in text and "Padaria São João" in text and "1.234,56" in text
    found = word(pages[1], "12.345.678/0001-95")
    assert 0.7 < found.confidence <= 1
    assert found.y0 < (50 + 2 * 64 + 17) * 72 / 200 < found.y1


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_scan_that_lies_on_its_side_is_turned_and_its_boxes_are_not(tmp_path: Path, turn: int) -> None:
    lines = SENTENCES * 2
    image = picture(lines, size=(1100, 960)).rotate(turn, expand=True)
    page = read(scan(tmp_path / "a.pdf", image))[0][0]
    assert page.text.count("12.345.678/0001-95") == 2
    spot = next(word for word in page.words if page.text[word.start : word.end].startswith("Obrigado"))
    centre = (spot.x0 + spot.x1) / 2 * 200 / 72, (spot.y0 + spot.y1) / 2 * 200 / 72
    x, y = 60 + 80, 50 + 5 * 64 + 18  # where it was written, before the turn
    expected = {90: (y, 1100 - x), 180: (1100 - x, 960 - y), 270: (960 - y, x)}[turn]
    assert math.dist(centre, expected) < 40


def test_a_skewed_scan_is_levelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Image.Image] = []
    plain_read = ocr.read
    monkeypatch.setattr(ocr, "read", lambda image, *rest: seen.append(image) or plain_read(image, *rest))
    straight = picture(SENTENCES, size=(1300, 720))
    skewed = straight.rotate(5.5, Image.Resampling.BICUBIC, fillcolor=255)
    page = read(scan(tmp_path / "a.pdf", skewed))[0][0]
    assert [skew(image) for image in seen] == [0.0]
    assert "12.345.678/0001-95 emitido em 05/03/2026" in page.text
    box = word(page, "12.345.678/0001-95")
    ink = skewed.crop(tuple(round(value * 200 / 72) for value in box[2:6]))
    assert ink.getextrema()[0] < 60
    assert box.y1 - box.y0 < 35


def test_a_text_layer_of_nonsense_is_read_as_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture()
    page = canvas(tmp_path / "a.pdf", (396, 187.2))
    page.drawInlineImage(image, 0, 0, 396, 187.2)
    text = page.beginText(20, 100)
    text.setTextRenderMode(3)
    text.textOut("(cid:12)(cid:7)(cid:44)(cid:3)" * 12)
    page.drawText(text)
    page.save()
    result = read(tmp_path / "a.pdf")[0][0]
    assert result.source == "ocr"
    assert "12.345.678/0001-95" in result.text and "cid" not in result.text


def test_a_blank_page_needs_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.showPage()
    page.drawString(72, 700, "second")
    page.save()
    monkeypatch.setattr(ocr, "read", lambda *_: pytest.fail("a blank page was sent to Tesseract"))
    assert [(page.text, page.source) for page in read(tmp_path / "a.pdf")[0]] == [("", "native"), ("second", "native")]


def test_without_tesseract_a_scanned_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "TESSDATA", (str(tmp_path),))
    mixed = pypdfium2.PdfDocument.new()
    for part in (written(tmp_path / "b.pdf", ("first page",)), scan(tmp_path / "a.pdf", picture())):
        mixed.import_pages(pypdfium2.PdfDocument(part))
    mixed.save(tmp_path / "c.pdf")
    pages, notices, _ = read(tmp_path / "c.pdf", Context(ocr_languages="por"))
    assert [page.number for page in pages] == [1]
    assert [(notice.code, notice.page) for notice in notices] == [("ocr_unavailable", 2)]
    with pytest.raises(ocr.OcrUnavailable) as raised:
        read(tmp_path / "a.pdf", Context(ocr_languages="por"))
    assert "apt-get install" in raised.value.hint


def test_more_pages_than_allowed_are_announced(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for number in range(4):
        page.drawString(72, 700, f"page {number}")
        page.showPage()
    page.save()
    pages, notices, total = read(tmp_path / "a.pdf", Context(max_pages=2))
    assert ([page.number for page in pages], total) == ([1, 2], 4)
    assert [notice.code for notice in notices] == ["too_many_pages"]


def test_a_page_that_needs_a_huge_picture_is_refused(tmp_path: Path) -> None:
    path = scan(tmp_path / "a.pdf", Image.new("1", (900, 900), 1))
    with pytest.raises(DocumentTooComplex):
        read(path, Context(max_pixels=100_000))


def test_an_owner_password_is_no_hindrance_a_user_password_is(tmp_path: Path) -> None:
    for name, user in (("open.pdf", ""), ("closed.pdf", "segredo")):
        page = canvas(tmp_path / name, encrypt=StandardEncryption(user, ownerPassword="dono"))
        page.drawString(72, 700, "aberto")
        page.save()
    assert read(tmp_path / "open.pdf")[0][0].text == "aberto"
    with pytest.raises(PasswordRequired):
        read(tmp_path / "closed.pdf")


def test_garbage_is_damaged_and_a_cut_file_is_read_or_damaged(tmp_path: Path) -> None:
    (tmp_path / "garbage.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    with pytest.raises(DamagedDocument):
        read(tmp_path / "garbage.pdf")
    whole = written(tmp_path / "a.pdf").read_bytes()
    for share in (0.3, 0.6, 0.9, 0.99):
        (tmp_path / "cut.pdf").write_bytes(whole[: int(len(whole) * share)])
        try:
            pages, _, _ = read(tmp_path / "cut.pdf")
        except DamagedDocument:
            continue
        assert len(pages) == 1


def test_a_damaged_page_costs_a_notice_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = canvas(tmp_path / "a.pdf")
    for number in range(3):
        page.drawString(72, 700, f"page {number}")
        page.showPage()
    page.save()
    get_page = pypdfium2.PdfDocument.get_page

    def fail_on_second(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
        if index == 1:
            raise pypdfium2.PdfiumError("Failed to load page.")
        return get_page(document, index)

    monkeypatch.setattr(pypdfium2.PdfDocument, "get_page", fail_on_second)
    monkeypatch.setattr(pypdfium2.PdfDocument, "__getitem__", fail_on_second)
    pages, notices, _ = read(tmp_path / "a.pdf")
    assert [page.text for page in pages] == ["page 0", "page 2"]
    assert [(notice.code, notice.page) for notice in notices] == [("page_damaged", 2)]


def _changed(path: Path, change) -> None:
    document = pypdfium2.PdfDocument(path)
    change(document[0])
    content = path.with_suffix(".changed")
    document.save(content)
    document.close()
    content.replace(path)


def _assert_ink(path: Path, page: Page, text: str) -> None:
    """The box of a word holds ink in the page as it is drawn, and a box shifted by its own size does not."""
    drawn = pypdfium2.PdfDocument(path)[0].render(scale=2, grayscale=True).to_pil()
    box = word(page, text)
    x0, y0, x1, y1 = (value * 2 for value in box[2:6])
    assert drawn.crop((round(x0), round(y0), round(x1), round(y1))).getextrema()[0] < 100
    ink = drawn.point(lambda value: 255 - value)
    middle = (box.x0 + box.x1, box.y0 + box.y1)
    assert ink.getbbox()[0] - 2 <= middle[0] <= ink.getbbox()[2] + 2 and ink.getbbox()[1] - 2 <= middle[1] <= ink.getbbox()[3] + 2
    assert (x1 - x0) * (y1 - y0) < 0.01 * drawn.width * drawn.height


def test_reading_begins_at_the_page_that_is_asked_for(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for number in range(1, 5):
        page.drawString(72, 700, f"page {number}")
        page.showPage()
    page.save()
    pages, _, total = read(tmp_path / "a.pdf", Context(first_page=3))
    assert ([page.text for page in pages], total) == (["page 3", "page 4"], 4)
    assert read(tmp_path / "a.pdf", Context(first_page=5))[0] == []
