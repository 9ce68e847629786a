"""`planilha.xlsx` (two sheets) and `contrato.docx` (header, footer, table)."""

import io
import re
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import docx
import openpyxl
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Pt
from openpyxl.styles import Font, PatternFill

from samples.recipes.numbers import cpf, reais
from samples.recipes.people import GROCER

MADE = datetime(2026, 4, 1, 9, 0, 0)
PRODUCTS = [("Arroz 5 kg", 27.9), ("Feijão 1 kg", 8.49), ("Café 500 g", 21.75), ("Azeite 500 ml", 38.9), ("Leite 1 l", 5.29)]
SHOPS = ["Centro", "Savassi", "Pampulha"]
LANDLORD, LANDLORD_CPF = "Cecília Amaral Figueira", cpf("209384751")
TENANT, TENANT_CPF = "Otávio Nunes Bragança", cpf("835617204")
LEASE, RENT, START = "58/2026", Decimal("2350.00"), date(2026, 5, 1)


def freeze(data: bytes, path: Path) -> None:
    """Writes a zip container again with the time of each member, and the time in its properties, set to `MADE`."""
    stamp = f">{MADE:%Y-%m-%dT%H:%M:%S}Z</dcterms:modified>".encode()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, MADE.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, re.sub(rb">[^<]*</dcterms:modified>", stamp, source.read(name)))


def make_workbook(folder: Path) -> dict[str, Any]:
    book = openpyxl.Workbook()
    book.properties.creator, book.properties.created = "Myelin samples (invented data)", MADE
    total = _sales(book.active)
    _summary(book.create_sheet("Resumo"), total)
    written = io.BytesIO()
    book.save(written)
    freeze(written.getvalue(), folder / "planilha.xlsx")
    return {
        "file": "planilha.xlsx",
        "prompt": "Qual é o CNPJ da empresa, o e-mail de contato e o total geral de vendas?",
        "format_response": {"cnpj": "", "email": "", "total_geral": 0},
        "answer": {"cnpj": GROCER.cnpj, "email": GROCER.email, "total_geral": float(total)},
    }


def _sales(sheet) -> Decimal:
    sheet.title = "Vendas"
    sheet.append(["Data", "Loja", "Produto", "Quantidade", "Preço unitário", "Valor"])
    chance, total = Random(2026), Decimal(0)
    for day in range(1, 31):
        name, price = chance.choice(PRODUCTS)
        count = chance.randint(4, 60)
        value = (Decimal(str(price)) * count).quantize(Decimal("0.01"))
        total += value
        sheet.append([date(2026, 3, day), chance.choice(SHOPS), name, count, price, float(value)])
    for row in sheet.iter_rows(min_row=2):
        row[0].number_format = "dd/mm/yyyy"
        row[4].number_format = row[5].number_format = "#,##0.00"
    _head(sheet, (12, 12, 18, 12, 15, 12))
    sheet.freeze_panes = "A2"
    return total


def _summary(sheet, total: Decimal) -> None:
    for row in [
        ["Campo", "Valor"], ["Empresa", GROCER.name], ["CNPJ", GROCER.cnpj], ["E-mail", GROCER.email], ["Telefone", GROCER.phone],
        ["Período", "01/03/2026 a 30/03/2026"], ["Número de vendas", 30], ["Total geral", float(total)],
    ]:  # fmt: skip
        sheet.append(row)
    sheet["B8"].number_format = "#,##0.00"
    _head(sheet, (20, 34))


def _head(sheet, widths: tuple[int, ...]) -> None:
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE6EF")
    for column, width in zip("ABCDEF", widths, strict=False):
        sheet.column_dimensions[column].width = width


def make_lease(folder: Path) -> dict[str, Any]:
    document = docx.Document()
    document.core_properties.author = "Myelin samples (invented data)"
    document.core_properties.title = f"Contrato de locação nº {LEASE}"
    document.core_properties.created = document.core_properties.modified = MADE
    document.styles["Normal"].font.name, document.styles["Normal"].font.size = "Calibri", Pt(11)
    section = document.sections[0]
    section.header.paragraphs[0].text = f"Contrato de locação nº {LEASE}\tDocumento fictício"
    section.footer.paragraphs[0].text = "Imobiliária Modelo - CRECI 00.000-J - atendimento@modelo.example - (51) 5550-0166"
    _lease(document)
    written = io.BytesIO()
    document.save(written)
    freeze(written.getvalue(), folder / "contrato.docx")
    return {
        "file": "contrato.docx",
        "prompt": "Informe o CPF do locador, o CPF do locatário, o valor do aluguel, a data de início e o e-mail da imobiliária.",
        "format_response": {"cpf_locador": "", "cpf_locatario": "", "valor_aluguel": 0, "data_inicio": "", "email": ""},
        "answer": {
            "cpf_locador": LANDLORD_CPF,
            "cpf_locatario": TENANT_CPF,
            "valor_aluguel": float(RENT),
            "data_inicio": f"{START:%d/%m/%Y}",
            "email": "atendimento@modelo.example",
        },
    }


def _lease(document) -> None:
    document.add_heading("Contrato de locação residencial", 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.add_paragraph("As partes abaixo identificadas ajustam a locação do imóvel descrito na cláusula primeira.")
    rows = [
        ("Locador", LANDLORD), ("CPF do locador", LANDLORD_CPF), ("Locatário", TENANT), ("CPF do locatário", TENANT_CPF),
        ("Valor do aluguel", f"R$ {reais(RENT)}"), ("Data de início", f"{START:%d/%m/%Y}"), ("Prazo", "30 meses"),
        ("Dia do vencimento", "5 de cada mês"),
    ]  # fmt: skip
    table = document.add_table(rows=0, cols=2, style="Light Grid Accent 1")
    for label, value in rows:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = label, value
    for title, text in [
        (
            "Cláusula primeira - Do imóvel",
            "Apartamento 302 da Rua do Modelo, 410, Bairro Exemplo, Porto Alegre/RS, CEP 90999-030.",
        ),
        ("Cláusula segunda - Do reajuste", "O aluguel será reajustado a cada doze meses pelo IPCA ou índice que o substitua."),
        (
            "Cláusula terceira - Da garantia",
            f"Caução de três aluguéis, no total de R$ {reais(RENT * 3)}, depositada em caderneta de poupança.",
        ),
        (
            "Cláusula quarta - Da devolução",
            "O imóvel será devolvido no estado descrito no laudo de vistoria, salvo desgaste natural.",
        ),
    ]:
        document.add_heading(title, 2)
        document.add_paragraph(text)
    document.add_paragraph("Porto Alegre, 24 de abril de 2026.")
