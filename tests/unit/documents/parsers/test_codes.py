from pathlib import Path

import pytest
from PIL import Image

from documents.checks import valid_payment_line
from documents.parsers import codes as module
from documents.parsers.codes import Code, codes, with_codes
from documents.parsers.layout import Placed
from tests.unit.documents.parsers.making import picture, read

zxingcpp = pytest.importorskip("zxingcpp")

KEY = "35260348291735000148550010000014821407182636"
SLIP = "00193373700000001000500940144816060680935031"  # FEBRABAN's example of a bank slip
SLIP_LINE = "00190500954014481606906809350314337370000000100"
COLLECTION = "84670000001435900240200240500024384221010811"
FORMATS = zxingcpp.BarcodeFormat


def page(text: str, kind: object, *, turn: int = 0) -> Image.Image:
    """A page of print with a code in its middle."""
    drawn = zxingcpp.create_barcode(text, kind).to_image(scale=2)
    code = Image.fromarray(drawn) if hasattr(drawn, "__array_interface__") else Image.frombytes("L", drawn.shape[::-1], drawn)
    code = code.resize((code.width, max(code.height, 90)), Image.Resampling.NEAREST)
    sheet = picture(("Documento auxiliar", "", "", "", "", "", "Valor total 10,00"), size=(1300, 1000))
    sheet.paste(code, (200, 200))
    return sheet.rotate(turn, expand=True)


@pytest.mark.parametrize(
    ("text", "kind", "label", "shown"),
    [
        (KEY, FORMATS.Code128, "Chave de acesso", KEY), (SLIP, FORMATS.ITF, "Linha digitável", SLIP_LINE),
        ("12345678901231", FORMATS.ITF, "Código de barras", "12345678901231"),
        ("https://nfe.example/?p=1|2|3", FORMATS.QRCode, "QR code", "https://nfe.example/?p=1|2|3"),
        ("linha um\nlinha\x07dois", FORMATS.QRCode, "QR code", "linha um linha dois"),
        ("ABC-1234", FORMATS.Code128, "Código de barras", "ABC-1234"),
    ],
)  # fmt: skip
def test_what_a_code_holds_is_named_by_its_content(text: str, kind: object, label: str, shown: str) -> None:
    assert [(code.label, code.text) for code in codes(page(text, kind))] == [(label, shown)]


def test_the_box_of_a_code_is_where_its_bars_are() -> None:
    (code,) = codes(page(KEY, FORMATS.Code128))
    assert code.box[:2] == pytest.approx((200, 200), abs=45) and code.box[2] > 600
    ink = page(KEY, FORMATS.Code128).crop(tuple(map(int, code.box)))
    assert ink.getextrema() == (0, 255)


def test_a_collection_becomes_its_line_of_48_digits() -> None:
    (code,) = codes(page(COLLECTION, FORMATS.ITF))
    assert code.label == "Linha digitável" and len(code.text) == 48 and valid_payment_line(code.text)


def test_codes_become_lines_behind_the_page(tmp_path: Path) -> None:
    page(KEY, FORMATS.Code128).save(tmp_path / "a.png", dpi=(200, 200))
    (found,), _, _ = read(tmp_path / "a.png")
    assert found.text.splitlines()[-1] == f"Chave de acesso: {KEY}"
    value = found.words[-1]
    assert found.text[value.start : value.end] == KEY and value.x0 < 100 < value.x1 and value.confidence == 1
    assert "Valor total 10,00" in found.text


def test_what_is_printed_beside_a_code_is_not_said_twice_and_noise_in_the_bars_goes() -> None:
    code = Code("Chave de acesso", KEY, (200, 200, 800, 300))
    printed = [Placed(KEY[at : at + 4], 50 + at, 150, 60 + at, 160, 1, 0.9) for at in range(0, 44, 4)]
    noise, word = Placed("IIll|", 150, 90, 170, 100, 2, 0.4), Placed("Total", 20, 90, 40, 100, 3, 0.4)
    assert with_codes([*printed, noise, word], [code], 0.36) == [*printed, word]
    assert with_codes([word], [code], 0.36)[-1].text == KEY


def test_a_code_of_any_direction_is_read() -> None:
    for turn in (90, 180, 270):
        assert [code.text for code in codes(page(KEY, FORMATS.Code128, turn=turn))] == [KEY]


def test_without_the_library_pages_are_read_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "zxingcpp", None)
    assert codes(page(KEY, FORMATS.Code128)) == []


def test_bars_of_no_known_kind_of_document_are_no_line() -> None:
    assert codes(picture()) == []
