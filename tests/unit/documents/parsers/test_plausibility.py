import pytest

from documents.parsers.plausibility import spoilt, unlikely

TEXTS = {
    "pt": "O contrato vigora por doze meses a contar da data da assinatura e será renovado por iguais períodos, salvo aviso.",
    "en": "This agreement is in force for twelve months from the date of its signature and shall be renewed for equal terms.",
    "de": "Die Rechnung ist innerhalb von vierzehn Tagen ohne Abzug zu bezahlen, sofern nichts anderes vereinbart wurde, danke.",
    "pl": "Faktura powinna zostać opłacona w ciągu czternastu dni od daty wystawienia, chyba że strony uzgodniły inaczej w umowie.",
    "form": "CNPJ EMITENTE NATUREZA DA OPERAÇÃO VENDA DE MERCADORIA INSCRIÇÃO ESTADUAL BASE DE CÁLCULO DO ICMS VALOR DO IPI FRETE",
    "items": "Parafuso sextavado zincado M8x40, caixa com cem unidades; bucha de nylon 8 mm, pacote; arruela lisa M8 inox, quilo",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_real_text_is_likely_and_shifted_letters_are_not(text: str) -> None:
    assert not unlikely(text) and not unlikely(text.upper())
    assert unlikely(_shifted(text, 3)) or unlikely(_shifted(text, 29))
    assert unlikely(_shifted(text, 1))


def _shifted(text: str, by: int) -> str:
    return "".join(chr(97 + (ord(letter) - 97 + by) % 26) if "a" <= letter <= "z" else letter for letter in text.lower())


@pytest.mark.parametrize(
    "text",
    ["", "zxq kvw", "Договор действует в течение двенадцати месяцев " * 4, "契約は十二ヶ月間有効です。" * 20, "1.234,56 " * 80],
)
def test_little_text_numbers_and_other_scripts_are_not_judged(text: str) -> None:
    assert not unlikely(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Total 9,90\r\n\tok", 0), ("a\x02b", 0), ("\ufffd\ufffdx", 2), ("\ue012\uf8ff", 2), ("\x03\x1f", 2), ("(cid:12)(cid:7)", 15),
        ("/G12/G4 x", 7), ("/g7", 3), ("and/Good", 0), ("(cid:x)", 0),
    ],
)  # fmt: skip
def test_characters_that_stand_for_unknown_letters(text: str, count: int) -> None:
    assert spoilt(text) == count
