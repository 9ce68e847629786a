"""The till receipt that `teste.jpg` shows: 80 mm of thermal paper with a QR code."""

import io
from decimal import Decimal

from reportlab.lib.units import mm

from samples.recipes.form import Sheet
from samples.recipes.numbers import reais
from samples.recipes.people import GROCER

WIDTH, HEIGHT = 84, 164
DAY = "14/03/2026"
ITEMS = [
    ("ARROZ TIPO 1 5KG", 1, Decimal("27.90")),
    ("FEIJAO CARIOCA 1KG", 2, Decimal("8.49")),
    ("CAFE TORRADO 500G", 1, Decimal("21.75")),
    ("LEITE INTEGRAL 1L", 6, Decimal("5.29")),
    ("PAO DE QUEIJO 400G", 2, Decimal("16.80")),
]
TOTAL = sum((count * price for _, count, price in ITEMS), Decimal(0))
FONT, STRONG = "Courier", "Courier-Bold"


def make() -> bytes:
    """A PDF of one page of 84 × 164 mm."""
    file = io.BytesIO()
    sheet = Sheet(file, "Cupom", (WIDTH * mm, HEIGHT * mm))
    middle = WIDTH / 2
    sheet.text(middle, 11, GROCER.name, 12, STRONG, "center")
    sheet.text(middle, 17, f"CNPJ: {GROCER.cnpj}", 11, STRONG, "center")
    sheet.text(middle, 22, f"{GROCER.street} - {GROCER.quarter}", 9, FONT, "center")
    sheet.text(middle, 26.5, f"{GROCER.city} - {GROCER.state} - CEP {GROCER.cep}", 9, FONT, "center")
    sheet.text(middle, 31, f"IE: {GROCER.registration}", 9, FONT, "center")
    sheet.line(4, 34, WIDTH - 4, 34, dashed=True)
    sheet.text(middle, 38.5, "CUPOM FISCAL DE EXEMPLO", 10, STRONG, "center")
    sheet.text(middle, 43, "SEM VALOR FISCAL", 9, FONT, "center")
    sheet.line(4, 45.5, WIDTH - 4, 45.5, dashed=True)
    y = _items(sheet, 50)
    sheet.line(4, y - 1.5, WIDTH - 4, y - 1.5, dashed=True)
    for label, value, font, size in (
        ("VALOR TOTAL R$", reais(TOTAL), STRONG, 12), ("CARTAO DE DEBITO", reais(TOTAL), FONT, 10), ("TROCO", "0,00", FONT, 10),
    ):  # fmt: skip
        y += 5.5
        sheet.text(5, y, label, size, font)
        sheet.text(58, y, value, size, font, "right")
    sheet.text(middle, y + 8, f"DATA: {DAY}   HORA: 11:27:05", 10, FONT, "center")
    sheet.barcode("QR", f"https://bomexemplo.example/cupom/000417/{TOTAL}", middle - 15, y + 11, 30, 30)
    sheet.text(middle, y + 46, "OBRIGADO E VOLTE SEMPRE", 10, FONT, "center")
    sheet.save()
    return file.getvalue()


def _items(sheet: Sheet, y: float) -> float:
    for number, (name, count, price) in enumerate(ITEMS, 1):
        sheet.text(5, y, f"{number:03} {name}", 9.5, FONT)
        sheet.text(12, y + 4, f"{count} UN x {reais(price)}", 9.5, FONT)
        sheet.text(WIDTH - 5, y + 4, reais(count * price), 9.5, FONT, "right")
        y += 9.5
    return y
