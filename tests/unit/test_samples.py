"""The samples are what the script makes, say what `questions.json` says, and carry numbers whose check digits hold."""

import json
import re
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageStat
from validate_docbr import CNPJ, CPF

from samples import make
from samples.recipes import boleto, invoice_en, nota, receipt

FOLDER = Path(make.__file__).parent
QUESTIONS = {question["file"]: question for question in json.loads((FOLDER / "questions.json").read_text("utf-8"))}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    make.make(folder)
    return folder


def _text(path: Path) -> str:
    """What a careful reader sees in a sample that is not a picture."""
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        try:
            return "\n".join(page.get_textpage().get_text_range() for page in document)
        finally:
            document.close()
    if path.suffix in (".docx", ".xlsx"):
        with zipfile.ZipFile(path) as archive:
            return "\n".join(
                re.sub(r"<[^>]+>", " ", archive.read(name).decode()) for name in archive.namelist() if name.endswith(".xml")
            )
    return path.read_text("latin-1" if path.suffix == ".csv" else "utf-8")


def _leaves(value: object) -> list[str | int | float]:
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in _leaves(member)]
    if isinstance(value, list):
        return [leaf for member in value for leaf in _leaves(member)]
    return [value]


def _printed(leaf: str | float) -> set[str]:
    """The ways in which a sample may print the value."""
    if isinstance(leaf, str):
        return {leaf}
    english = f"{leaf:,.2f}"
    return {english, english.translate(str.maketrans(",.", ".,")), str(leaf)}


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])]
    return "text" if isinstance(value, str) else "number"


def test_the_folder_is_small_and_complete() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 3_000_000
    assert list(QUESTIONS) == [
        "nota.pdf",
        "boleto.pdf",
        "contrato.pdf",
        "invoice_en.pdf",
        "planilha.xlsx",
        "contrato.docx",
        "nota_escaneada.pdf",
        "teste.jpg",
        "clientes.csv",
        "recibo.txt",
    ]
    assert all((FOLDER / name).is_file() for name in QUESTIONS)


@pytest.mark.parametrize("name", [*QUESTIONS, "questions.json"])
def test_making_them_again_changes_nothing(name: str, made: Path) -> None:
    ours, again = FOLDER / name, made / name
    if ours.suffix in (".docx", ".xlsx"):  # compressed by whichever zlib is here: compare what is inside
        with zipfile.ZipFile(ours) as left, zipfile.ZipFile(again) as right:
            assert [(item.filename, item.date_time, item.CRC) for item in left.infolist()] == [
                (item.filename, item.date_time, item.CRC) for item in right.infolist()
            ]
    elif ours.suffix == ".jpg":
        assert max(ImageStat.Stat(ImageChops.difference(Image.open(ours), Image.open(again))).mean) < 1
    elif name != "nota_escaneada.pdf":  # pixels: its text is read by the OCR tests
        assert ours.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in ("nota_escaneada.pdf", "teste.jpg")])
def test_the_true_answer_stands_in_the_sample(name: str) -> None:
    text = " ".join(_text(FOLDER / name).split())
    for leaf in _leaves(QUESTIONS[name]["answer"]):
        assert any(form in text for form in _printed(leaf)), leaf


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_has_the_shape_of_the_skeleton(name: str) -> None:
    assert _shape(QUESTIONS[name]["answer"]) == _shape(QUESTIONS[name]["format_response"])


def test_the_scan_asks_what_the_invoice_asks_and_is_a_picture() -> None:
    assert QUESTIONS["nota_escaneada.pdf"] == QUESTIONS["nota.pdf"] | {"file": "nota_escaneada.pdf"}
    assert _text(FOLDER / "nota_escaneada.pdf").strip() == ""


def test_every_cnpj_and_cpf_has_valid_check_digits() -> None:
    text = "\n".join(_text(FOLDER / name) for name in QUESTIONS if name != "teste.jpg")
    firms = set(re.findall(r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}", text)) | {QUESTIONS["teste.jpg"]["answer"][0]["cnpj"]}
    people = set(re.findall(r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b", text))
    assert len(firms) == 5 and all(CNPJ().validate(number) for number in firms)
    assert len(people) == 13 and all(CPF().validate(number) for number in people)


def test_the_invoice_adds_up_and_its_key_holds() -> None:
    assert nota.TOTAL == nota.GOODS + nota.FREIGHT - nota.DISCOUNT == Decimal("3076.30")
    assert len(nota.KEY) == 44
    weighted = sum(int(digit) * (2 + index % 8) for index, digit in enumerate(reversed(nota.KEY[:43])))
    assert int(nota.KEY[43]) == (11 - weighted % 11 if weighted % 11 > 1 else 0)
    assert nota.KEY[:2] == "35" and nota.KEY[2:6] == "2603" and nota.KEY[6:20] == re.sub(r"\D", "", nota.STATIONER.cnpj)


def test_the_linha_digitavel_says_the_amount_and_the_due_date() -> None:
    digits = re.sub(r"\D", "", boleto.LINE)
    assert len(digits) == 47 and len(boleto.BARCODE) == 44
    for part in (digits[:10], digits[10:21], digits[21:32]):  # Luhn over each field with its check digit
        doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(part))]
        assert sum(value // 10 + value % 10 for value in doubled) % 10 == 0
    weighted = sum(int(digit) * (2 + index % 8) for index, digit in enumerate(reversed(boleto.BARCODE[:4] + boleto.BARCODE[5:])))
    assert int(boleto.BARCODE[4]) == int(digits[32]) == (11 - weighted % 11 if 11 - weighted % 11 < 10 else 1)
    assert date(2025, 2, 22) + timedelta(days=int(digits[33:37]) - 1000) == boleto.DUE
    assert Decimal(digits[37:]) / 100 == boleto.AMOUNT


def test_the_iban_holds_and_the_totals_add_up() -> None:
    compact = invoice_en.IBAN.replace(" ", "")
    assert int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1
    assert invoice_en.TOTAL == invoice_en.NET + invoice_en.VAT == Decimal("2564.45")
    assert sum(count * price for _, count, price in receipt.ITEMS) == receipt.TOTAL


def test_the_contract_has_thirty_pages() -> None:
    document = pypdfium2.PdfDocument(FOLDER / "contrato.pdf")
    try:
        assert len(document) == 30
        assert all(len(page.get_textpage().get_text_range()) > 400 for page in document)
    finally:
        document.close()
