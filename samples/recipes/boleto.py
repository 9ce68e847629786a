"""`boleto.pdf`: a bank slip with its receipt above the cut, a linha digitável and the bar code it stands for."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from samples.recipes.form import BOLD, Sheet
from samples.recipes.numbers import boleto, reais
from samples.recipes.people import CLINIC, STATIONER

BANK, BANK_NAME = "999", "BANCO EXEMPLO S.A."
ISSUED, DUE, AMOUNT = date(2026, 3, 10), date(2026, 4, 7), Decimal("3076.30")
LINE, BARCODE = boleto(BANK, "0417120000148226000918273", DUE, AMOUNT)
OUR_NUMBER, DOCUMENT = "17/20000148226-0", "1482/1"


def make(folder: Path) -> dict[str, Any]:
    sheet = Sheet(folder / "boleto.pdf", f"Boleto {DOCUMENT}")
    y = _slip(sheet, 14, "Recibo do Pagador")
    sheet.line(10, y + 12, 200, y + 12, dashed=True)
    sheet.text(200, y + 10.6, "Corte na linha pontilhada", 6, align="right")
    y = _slip(sheet, y + 18, LINE)
    sheet.text(200, y + 4, "Autenticação mecânica - Ficha de compensação", 6.5, align="right")
    sheet.barcode("I2of5", BARCODE, 12, y + 3, 103, 13, checksum=0, bearers=0, quiet=False)
    sheet.text(105, 287, "BOLETO FICTÍCIO - BANCO, EMPRESAS E NÚMEROS INVENTADOS - NÃO PAGUE", 7, BOLD, "center")
    sheet.save()
    return {
        "file": "boleto.pdf",
        "prompt": "Qual é a linha digitável, o vencimento, o valor do documento, o CNPJ do beneficiário e o CNPJ do pagador?",
        "format_response": [
            {"linha_digitavel": "", "vencimento": "", "valor_documento": 0, "cnpj_beneficiario": "", "cnpj_pagador": ""}
        ],
        "answer": [
            {
                "linha_digitavel": LINE,
                "vencimento": f"{DUE:%d/%m/%Y}",
                "valor_documento": float(AMOUNT),
                "cnpj_beneficiario": STATIONER.cnpj,
                "cnpj_pagador": CLINIC.cnpj,
            }
        ],
    }


def _slip(sheet: Sheet, y: float, heading: str) -> float:
    """One copy of the slip with its top at `y`; returns its bottom."""
    sheet.text(12, y + 6, BANK_NAME, 11, BOLD)
    sheet.line(60, y, 60, y + 8, width=1)
    sheet.text(69, y + 6, f"{BANK}-9", 13, BOLD, "center")
    sheet.line(78, y, 78, y + 8, width=1)
    sheet.text(200, y + 6, heading, 10.5, BOLD, "right")
    sheet.line(10, y + 8, 200, y + 8, width=1)
    day, amount = f"{ISSUED:%d/%m/%Y}", reais(AMOUNT)
    y = sheet.row(y + 8, 8, [
        (145, "Local de pagamento", "Pagável em qualquer banco até o vencimento"), (45, "Vencimento", f"{DUE:%d/%m/%Y}", "right"),
    ])  # fmt: skip
    y = sheet.row(y, 8, [
        (95, "Beneficiário", STATIONER.name), (50, "CNPJ do beneficiário", STATIONER.cnpj, "center"),
        (45, "Agência / Código do beneficiário", "0417 / 120000-1", "right"),
    ])  # fmt: skip
    y = sheet.row(
        y,
        8,
        [
            (30, "Data do documento", day, "center"),
            (35, "Nº do documento", DOCUMENT, "center"),
            (25, "Espécie doc.", "DM", "center"),
            (20, "Aceite", "N", "center"),
            (35, "Data do processamento", day, "center"),
            (45, "Nosso número", OUR_NUMBER, "right"),
        ],
    )
    y = sheet.row(y, 8, [
        (30, "Uso do banco", ""), (25, "Carteira", "17", "center"), (25, "Espécie", "R$", "center"), (30, "Quantidade", ""),
        (35, "Valor", ""), (45, "(=) Valor do documento", amount, "right"),
    ])  # fmt: skip
    top = y
    for label in (
        "(-) Desconto / Abatimento",
        "(-) Outras deduções",
        "(+) Mora / Multa",
        "(+) Outros acréscimos",
        "(=) Valor cobrado",
    ):
        y = sheet.row(y, 7, [(45, label, "")], x=155)
    sheet.frame(10, top, 145, y - top)
    sheet.text(10.8, top + 2.4, "Instruções (texto de responsabilidade do beneficiário)", 5.2)
    for offset, line in enumerate((
        "Após o vencimento cobrar multa de 2% e juros de 0,033% ao dia.", "Não receber após 30 dias do vencimento.",
        "Referente à nota fiscal 000.001.482, série 1.",
    )):  # fmt: skip
        sheet.text(11.2, top + 7.5 + offset * 4, line, 7.4)
    sheet.frame(10, y, 190, 17)
    sheet.text(10.8, y + 2.4, "Pagador", 5.2)
    sheet.text(11.2, y + 6.6, f"{CLINIC.name}     CNPJ: {CLINIC.cnpj}", 8)
    sheet.text(11.2, y + 10.4, f"{CLINIC.street} - {CLINIC.quarter}", 7.4)
    sheet.text(11.2, y + 14, f"{CLINIC.cep} - {CLINIC.city} - {CLINIC.state}", 7.4)
    return y + 17
