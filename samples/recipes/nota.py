"""`nota.pdf`: an invoice in the layout of the DANFE, with its chave de acesso and boxes of label above value."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from samples.recipes.form import BOLD, Sheet
from samples.recipes.numbers import access_key, grouped, reais
from samples.recipes.people import CLINIC, STATIONER

NUMBER, SERIES, ISSUED = 1482, 1, date(2026, 3, 10)
KEY = access_key("35", ISSUED, STATIONER.cnpj, SERIES, NUMBER, 40718263)
ITEMS = [
    ("7001", "Papel sulfite A4 75 g, pacote com 500 folhas", "48025610", "PCT", 40, Decimal("27.90")),
    ("7014", "Caneta esferográfica azul, caixa com 50", "96081000", "CX", 6, Decimal("48.75")),
    ("7022", "Toner preto para impressora laser, 2.600 páginas", "84439933", "UN", 4, Decimal("219.00")),
    ("7035", "Pasta suspensa marmorizada, caixa com 50", "48203000", "CX", 3, Decimal("112.40")),
    ("7048", "Grampeador de mesa para 25 folhas", "84729040", "UN", 5, Decimal("36.50")),
    ("7051", "Bloco adesivo 76 × 76 mm, embalagem com 12", "48201000", "EMB", 8, Decimal("31.20")),
]
FREIGHT, DISCOUNT = Decimal("35.00"), Decimal("12.50")
GOODS = sum((count * price for *_, count, price in ITEMS), Decimal(0))
TOTAL = GOODS + FREIGHT - DISCOUNT
TAX = (TOTAL * Decimal("0.18")).quantize(Decimal("0.01"))
PRINTED_NUMBER = grouped(f"{NUMBER:09}", 3).replace(" ", ".")
QUESTION: dict[str, Any] = {
    "file": "nota.pdf",
    "prompt": "Extraia a chave de acesso, o número, os CNPJ do emitente e do destinatário, a data de emissão "
    "e o valor total da nota.",
    "format_response": [
        {
            "chave_de_acesso": "",
            "numero": "",
            "cnpj_emitente": "",
            "cnpj_destinatario": "",
            "data_emissao": "",
            "valor_total_da_nota": 0,
        }
    ],
    "answer": [
        {
            "chave_de_acesso": grouped(KEY),
            "numero": PRINTED_NUMBER,
            "cnpj_emitente": STATIONER.cnpj,
            "cnpj_destinatario": CLINIC.cnpj,
            "data_emissao": f"{ISSUED:%d/%m/%Y}",
            "valor_total_da_nota": float(TOTAL),
        }
    ],
}


def make(folder: Path) -> dict[str, Any]:
    sheet = Sheet(folder / "nota.pdf", f"DANFE NF-e {NUMBER:09}")
    y = _receipt(sheet)
    y = _head(sheet, y)
    y = _receiver(sheet, y)
    y = _totals(sheet, y)
    y = _items(sheet, y)
    _foot(sheet, y)
    sheet.save()
    return QUESTION


def _receipt(sheet: Sheet) -> float:
    sheet.frame(10, 8, 150, 14)
    sheet.text(11, 11.4, f"RECEBEMOS DE {STATIONER.name} OS PRODUTOS CONSTANTES DA NOTA FISCAL INDICADA AO LADO", 5.8)
    sheet.box(10, 13, 45, 9, "DATA DE RECEBIMENTO", "")
    sheet.box(55, 13, 105, 9, "IDENTIFICAÇÃO E ASSINATURA DO RECEBEDOR", "")
    sheet.frame(160, 8, 40, 14)
    sheet.text(180, 12.5, "NF-e", 9, BOLD, "center")
    sheet.text(180, 16.5, f"Nº {PRINTED_NUMBER}", 8, BOLD, "center")
    sheet.text(180, 20.2, f"SÉRIE {SERIES}", 7, align="center")
    sheet.line(10, 24.5, 200, 24.5, dashed=True)
    return 27


def _head(sheet: Sheet, y: float) -> float:
    sheet.frame(10, y, 80, 34)
    sheet.text(50, y + 7, STATIONER.name, 10.5, BOLD, "center")
    for offset, line in enumerate((
        STATIONER.street, f"{STATIONER.quarter} - {STATIONER.city}/{STATIONER.state}",
        f"CEP {STATIONER.cep} - Fone {STATIONER.phone}", STATIONER.email,
    )):  # fmt: skip
        sheet.text(50, y + 13.5 + offset * 4.2, line, 7.5, align="center")
    sheet.frame(90, y, 32, 34)
    sheet.text(106, y + 6, "DANFE", 12, BOLD, "center")
    sheet.text(106, y + 9.6, "Documento Auxiliar da", 6, align="center")
    sheet.text(106, y + 12, "Nota Fiscal Eletrônica", 6, align="center")
    sheet.text(93, y + 17, "0 - ENTRADA", 6.5)
    sheet.text(93, y + 20, "1 - SAÍDA", 6.5)
    sheet.frame(114, y + 14.5, 5, 6)
    sheet.text(116.5, y + 19, "1", 9, BOLD, "center")
    sheet.text(106, y + 26, f"Nº {PRINTED_NUMBER}", 8.5, BOLD, "center")
    sheet.text(106, y + 29.4, f"SÉRIE {SERIES}", 7.5, BOLD, "center")
    sheet.text(106, y + 32.6, "FOLHA 1/1", 6.5, align="center")
    sheet.frame(122, y, 78, 14)
    sheet.barcode("Code128", KEY, 125, y + 1.5, 72, 11, quiet=False)
    sheet.box(122, y + 14, 78, 9, "CHAVE DE ACESSO", grouped(KEY), align="center", size=8, font=BOLD)
    sheet.frame(122, y + 23, 78, 11)
    sheet.text(161, y + 27.6, "Consulta de autenticidade no portal nacional da NF-e", 6.5, align="center")
    sheet.text(161, y + 31, "DOCUMENTO FICTÍCIO - SEM VALOR FISCAL", 6.5, BOLD, "center")
    y = sheet.row(y + 34, 8, [
        (112, "NATUREZA DA OPERAÇÃO", "VENDA DE MERCADORIA"),
        (78, "PROTOCOLO DE AUTORIZAÇÃO DE USO", "135260000148201 10/03/2026 09:42:17", "center"),
    ])  # fmt: skip
    return sheet.row(y, 8, [
        (63, "INSCRIÇÃO ESTADUAL", STATIONER.registration, "center"), (64, "INSCRIÇÃO ESTADUAL DO SUBST. TRIBUTÁRIO", ""),
        (63, "CNPJ", STATIONER.cnpj, "center"),
    ])  # fmt: skip


def _receiver(sheet: Sheet, y: float) -> float:
    sheet.text(10, y + 4, "DESTINATÁRIO / REMETENTE", 6.5, BOLD)
    day = f"{ISSUED:%d/%m/%Y}"
    y = sheet.row(
        y + 5,
        8,
        [
            (115, "NOME / RAZÃO SOCIAL", CLINIC.name),
            (43, "CNPJ / CPF", CLINIC.cnpj, "center"),
            (32, "DATA DA EMISSÃO", day, "center"),
        ],
    )
    y = sheet.row(y, 8, [
        (85, "ENDEREÇO", CLINIC.street), (45, "BAIRRO / DISTRITO", CLINIC.quarter), (28, "CEP", CLINIC.cep, "center"),
        (32, "DATA DA SAÍDA", day, "center"),
    ])  # fmt: skip
    return sheet.row(y, 8, [
        (70, "MUNICÍPIO", CLINIC.city), (42, "FONE / FAX", CLINIC.phone, "center"), (10, "UF", CLINIC.state, "center"),
        (36, "INSCRIÇÃO ESTADUAL", CLINIC.registration, "center"), (32, "HORA DA SAÍDA", "10:15:00", "center"),
    ])  # fmt: skip


def _totals(sheet: Sheet, y: float) -> float:
    sheet.text(10, y + 4, "CÁLCULO DO IMPOSTO", 6.5, BOLD)
    zero = "0,00"
    y = sheet.row(y + 5, 8, [
        (38, "BASE DE CÁLCULO DO ICMS", reais(TOTAL), "right"), (38, "VALOR DO ICMS", reais(TAX), "right"),
        (38, "BASE DE CÁLCULO DO ICMS ST", zero, "right"), (38, "VALOR DO ICMS ST", zero, "right"),
        (38, "VALOR TOTAL DOS PRODUTOS", reais(GOODS), "right"),
    ])  # fmt: skip
    return sheet.row(
        y,
        8,
        [
            (30, "VALOR DO FRETE", reais(FREIGHT), "right"),
            (30, "VALOR DO SEGURO", zero, "right"),
            (30, "DESCONTO", reais(DISCOUNT), "right"),
            (32, "OUTRAS DESPESAS", zero, "right"),
            (30, "VALOR DO IPI", zero, "right"),
            (38, "VALOR TOTAL DA NOTA", reais(TOTAL), "right"),
        ],
    )


def _items(sheet: Sheet, y: float) -> float:
    sheet.text(10, y + 4, "DADOS DOS PRODUTOS / SERVIÇOS", 6.5, BOLD)
    y += 5
    columns = [("CÓDIGO", 14), ("DESCRIÇÃO DO PRODUTO / SERVIÇO", 78), ("NCM", 18), ("CFOP", 11), ("UN", 10), ("QUANT.", 13),
               ("V. UNITÁRIO", 22), ("V. TOTAL", 24)]  # fmt: skip
    bottom = y + 5 + len(ITEMS) * 5.2 + 2
    x = 10.0
    for index, (title, width) in enumerate(columns):
        sheet.frame(x, y, width, 5)
        sheet.frame(x, y + 5, width, bottom - y - 5)
        sheet.text(x + width / 2, y + 3.4, title, 5.4, BOLD, "center")
        for line, (code, name, ncm, unit, count, price) in enumerate(ITEMS):
            value = (code, name, ncm, "5102", unit, str(count), reais(price), reais(count * price))[index]
            align = "left" if index == 1 else "right" if index > 4 else "center"
            at = {"left": x + 1.2, "center": x + width / 2, "right": x + width - 1.2}[align]
            sheet.text(at, y + 9 + line * 5.2, value, 7.4, align=align)
        x += width
    return bottom


def _foot(sheet: Sheet, y: float) -> None:
    sheet.text(10, y + 4, "DADOS ADICIONAIS", 6.5, BOLD)
    sheet.frame(10, y + 5, 125, 30)
    sheet.frame(135, y + 5, 65, 30)
    sheet.text(10.8, y + 7.4, "INFORMAÇÕES COMPLEMENTARES", 5.2)
    sheet.text(135.8, y + 7.4, "RESERVADO AO FISCO", 5.2)
    for offset, line in enumerate((
        "Pedido de compra 2026/0311. Entrega no endereço do destinatário, de segunda a sexta, das 8h às 17h.",
        "Condição de pagamento: 28 dias, boleto bancário com vencimento em 07/04/2026.",
        "Empresas, pessoas e números deste documento são inventados.",
    )):  # fmt: skip
        sheet.text(11.2, y + 12 + offset * 4, line, 6.8)
