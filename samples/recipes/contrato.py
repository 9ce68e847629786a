"""`contrato.pdf`: a construction contract of thirty pages, its parties on the first, its signatures on the last."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table, TableStyle

from samples.recipes.numbers import cpf, reais
from samples.recipes.people import BUILDER, ENGINEERS

NUMBER, SIGNED, TOTAL, PARTS = "2026/0417", date(2026, 2, 18), Decimal("1284600.00"), 12
DIRECTOR, DIRECTOR_CPF = "Helena Prado Vasconcelos", cpf("318046275")
MANAGER, MANAGER_CPF = "Tomás Ribeiro Quintanilha", cpf("704915836")
PAGES = 30
TOPICS = [
    "Do objeto",
    "Dos documentos integrantes",
    "Do prazo de execução",
    "Do preço",
    "Do cronograma de pagamentos",
    "Das medições",
    "Do reajuste",
    "Das obrigações da contratante",
    "Das obrigações da contratada",
    "Da mão de obra",
    "Dos materiais e equipamentos",
    "Da segurança do trabalho",
    "Do meio ambiente",
    "Da subcontratação",
    "Das alterações de escopo",
    "Da fiscalização",
    "Do recebimento provisório e definitivo",
    "Da garantia dos serviços",
    "Dos seguros",
    "Das penalidades",
    "Da rescisão",
    "Do caso fortuito e da força maior",
    "Da confidencialidade",
    "Da proteção de dados pessoais",
    "Da propriedade intelectual",
    "Das comunicações",
    "Da solução de controvérsias",
    "Das disposições gerais",
]
SENTENCES = [
    "As partes observarão, nesta cláusula, a boa-fé, as normas técnicas aplicáveis e as instruções escritas da fiscalização.",
    "Qualquer tolerância quanto ao descumprimento do que aqui se ajusta não importará novação nem renúncia de direitos.",
    "A CONTRATADA responderá pelos atos de seus empregados, prepostos e subcontratados como se fossem seus.",
    "A CONTRATANTE poderá pedir esclarecimentos a qualquer tempo, com resposta por escrito em até {n} dias úteis.",
    "Os registros correspondentes serão mantidos no canteiro de obras e guardados por {n} anos após o recebimento definitivo.",
    "O descumprimento sujeitará a parte infratora às penalidades da Cláusula 20, sem prejuízo de perdas e danos.",
    "As despesas decorrentes correrão por conta da parte que lhes der causa, mediante comprovação documental idônea.",
    "Os prazos contam-se em dias corridos, excluído o do início e incluído o do vencimento.",
    "Nenhum pagamento será devido por serviço executado em desacordo com os projetos aprovados e com o memorial descritivo.",
    "Havendo divergência entre documentos, prevalecerá o de data mais recente assinado por ambas as partes.",
    "As reuniões de acompanhamento ocorrerão a cada {n} dias, com lavratura de ata assinada pelos representantes presentes.",
    "A aprovação de amostras pela fiscalização não exime a CONTRATADA da responsabilidade pela qualidade do conjunto.",
]
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15.5, alignment=TA_JUSTIFY, spaceAfter=7)
TITLE = ParagraphStyle("title", BODY, fontName="Helvetica-Bold", fontSize=14, leading=20, alignment=TA_CENTER, spaceAfter=16)
HEAD = ParagraphStyle("head", BODY, fontName="Helvetica-Bold", fontSize=11.5, spaceBefore=4, spaceAfter=9)


def make(folder: Path) -> dict[str, Any]:
    frame = Frame(25 * mm, 22 * mm, A4[0] - 50 * mm, A4[1] - 47 * mm, id="body")
    document = BaseDocTemplate(
        str(folder / "contrato.pdf"), pagesize=A4, pageCompression=0, invariant=1, title=f"Contrato {NUMBER}",
        author="Myelin samples (invented data)", pageTemplates=[PageTemplate(frames=[frame], onPage=_edges)],
    )  # fmt: skip
    document.build(_story())
    return {
        "file": "contrato.pdf",
        "prompt": "Qual é o CNPJ da contratante e o da contratada, o valor total e a data de assinatura?",
        "format_response": {"cnpj_contratante": "", "cnpj_contratada": "", "valor_total": 0, "data_de_assinatura": ""},
        "answer": {
            "cnpj_contratante": BUILDER.cnpj,
            "cnpj_contratada": ENGINEERS.cnpj,
            "valor_total": float(TOTAL),
            "data_de_assinatura": f"{SIGNED:%d/%m/%Y}",
        },
    }


def _edges(canvas: Canvas, document: BaseDocTemplate) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawString(25 * mm, A4[1] - 15 * mm, f"Contrato de prestação de serviços nº {NUMBER}")
    canvas.drawRightString(A4[0] - 25 * mm, A4[1] - 15 * mm, "Documento fictício")
    canvas.line(25 * mm, A4[1] - 17 * mm, A4[0] - 25 * mm, A4[1] - 17 * mm)
    canvas.drawCentredString(A4[0] / 2, 12 * mm, f"Página {document.page} de {PAGES}")


def _story() -> list[Flowable]:
    story = [*_parties(), PageBreak()]
    for number, topic in enumerate(TOPICS, 1):
        story += [Paragraph(f"CLÁUSULA {number} - {topic.upper()}", HEAD), *_clause(number), PageBreak()]
    return story + _signatures()


def _parties() -> list[Flowable]:
    def party(firm, role: str, person: str, person_cpf: str) -> Paragraph:
        return Paragraph(
            f"<b>{role}:</b> {firm.name}, inscrita no CNPJ sob o nº {firm.cnpj}, com sede na {firm.street}, {firm.quarter}, "
            f"{firm.city}/{firm.state}, CEP {firm.cep}, telefone {firm.phone}, e-mail {firm.email}, neste ato representada por "
            f"{person}, CPF nº {person_cpf}.", BODY,
        )  # fmt: skip

    return [
        Spacer(1, 12 * mm),
        Paragraph(f"CONTRATO DE PRESTAÇÃO DE SERVIÇOS DE ENGENHARIA Nº&nbsp;{NUMBER}", TITLE),
        Paragraph("Pelo presente instrumento particular, as partes abaixo qualificadas:", BODY),
        party(BUILDER, "CONTRATANTE", DIRECTOR, DIRECTOR_CPF),
        party(ENGINEERS, "CONTRATADA", MANAGER, MANAGER_CPF),
        Paragraph(
            "têm entre si justo e contratado o que se segue, obrigando-se por si e por seus sucessores ao fiel cumprimento das "
            f"{len(TOPICS)} cláusulas deste contrato, cujas empresas, pessoas e números são inventados.", BODY,
        ),
    ]  # fmt: skip


def _clause(number: int) -> list[Flowable]:
    chance = Random(number)
    opening = {
        1: "O objeto é a execução da estrutura e das instalações do Edifício Amostra, com 4.320 m² de área construída.",
        3: "O prazo de execução é de 365 dias, com início em 02/03/2026 e término em 02/03/2027.",
        4: f"Valor total: R$ {reais(TOTAL)} (um milhão, duzentos e oitenta e quatro mil e seiscentos reais).",
        5: f"O preço será pago em {PARTS} parcelas mensais de R$ {reais(TOTAL / PARTS)}, conforme o quadro desta cláusula.",
        20: "O atraso injustificado sujeita a CONTRATADA à multa de 0,5% por dia, limitada a 10% do preço.",
        27: "Fica eleito o foro da Comarca de Curitiba, Estado do Paraná, para dirimir as questões oriundas deste contrato.",
    }
    texts = [opening[number]] if number in opening else []
    for _ in range(7 if number != 5 else 3):
        chosen = chance.sample(SENTENCES, 3)
        texts.append(" ".join(sentence.format(n=chance.choice((3, 5, 10, 15))) for sentence in chosen))
    paragraphs: list[Flowable] = [Paragraph(f"{number}.{line} {text}", BODY) for line, text in enumerate(texts, 1)]
    return [*paragraphs, _schedule()] if number == 5 else paragraphs


def _schedule() -> Table:
    rows = [["Parcela", "Vencimento", "Valor (R$)"]]
    for part in range(1, PARTS + 1):
        month = SIGNED.month + part
        due = date(SIGNED.year + (month - 1) // 12, (month - 1) % 12 + 1, 10)
        rows.append([f"{part}/{PARTS}", f"{due:%d/%m/%Y}", reais(TOTAL / PARTS)])
    style = [
        ("GRID", (0, 0), (-1, -1), 0.5, "black"),
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold"),
        ("ALIGN", (0, 0), (-1, -1), "CENTER"),
    ]
    return Table(rows, colWidths=[30 * mm, 45 * mm, 45 * mm], style=TableStyle(style), spaceBefore=8)


def _signatures() -> list[Flowable]:
    line = "_" * 38
    cells = [
        [line, line], [BUILDER.name, ENGINEERS.name], [DIRECTOR, MANAGER], [f"CPF {DIRECTOR_CPF}", f"CPF {MANAGER_CPF}"],
        ["CONTRATANTE", "CONTRATADA"],
    ]  # fmt: skip
    style = [
        ("ALIGN", (0, 0), (-1, -1), "CENTER"),
        ("FONT", (0, 1), (-1, 1), "Helvetica-Bold", 7.5),
        ("FONT", (0, 2), (-1, -1), "Helvetica", 9),
    ]
    return [
        Paragraph("ASSINATURAS", TITLE),
        Paragraph(
            "E, por estarem assim justas e contratadas, as partes assinam este instrumento em duas vias de igual teor.", BODY
        ),
        Paragraph(f"Data de assinatura: {SIGNED:%d/%m/%Y}", BODY),
        Paragraph("Curitiba, 18 de fevereiro de 2026.", BODY),
        Spacer(1, 25 * mm),
        Table(cells, colWidths=[82 * mm, 82 * mm], style=TableStyle(style)),
    ]
