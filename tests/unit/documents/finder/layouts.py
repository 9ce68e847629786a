"""Pages for the finder's tests: forms with boxes, texts without, and a fiscal document as a whole."""

import re

from documents.finder.view import View
from documents.parsed import Page, Word

WIDTH, HEIGHT = 5.0, 10.0


def form(*cells: tuple[float, float, str], number: int = 1) -> Page:
    """A page of cells at (x, y), each on a line of its own in the text, five points a character."""
    text, words = "", []
    for x, y, content in cells:
        for match in re.finditer(r"\S+", content):
            left = x + match.start() * WIDTH
            words.append(
                Word(len(text) + match.start(), len(text) + match.end(), left, y, left + len(match[0]) * WIDTH, y + HEIGHT)
            )
        text += content + "\n"
    return Page(number, text, 600, 850, "native", tuple(words))


def plain(text: str, number: int = 1) -> Page:
    return Page(number, text)


def view(page: Page | str) -> View:
    return View(plain(page) if isinstance(page, str) else page)


KEY = "3526 0348 2917 3500 0148 5500 1000 0014 8214 0718 2636"

DANFE = form(
    (
        10,
        10,
        "RECEBEMOS DE Papelaria Aurora Ltda OS PRODUTOS CONSTANTES DA NOTA FISCAL. "
        "EMISSÃO: 01/02/2026 VALOR TOTAL: 1.950,00 DESTINATARIO: Bento Doces",
    ),
    (10, 22, "Sorocaba - SP, CNPJ: 30.551.882/0001-44"),
    (10, 60, "Papelaria Aurora Ltda"),
    (10, 75, "Avenida Paulista, 1"),
    (10, 90, "Fone: (11) 5550-0142"),
    (250, 60, "DANFE"),
    (250, 80, "Nº 000.001.482"),
    (250, 95, "SÉRIE 1"),
    (350, 60, "CHAVE DE ACESSO"),
    (350, 72, KEY),
    (10, 130, "NATUREZA DA OPERAÇÃO"),
    (350, 130, "PROTOCOLO DE AUTORIZAÇÃO DE USO"),
    (10, 142, "Venda"),
    (350, 142, "135260000123456 - 01/02/2026 10:00:00"),
    (10, 160, "INSCRIÇÃO ESTADUAL"),
    (350, 160, "CNPJ / CPF"),
    (10, 172, "110042490114"),
    (350, 172, "48.291.735/0001-48"),
    (10, 190, "DESTINATÁRIO / REMETENTE"),
    (10, 205, "NOME / RAZÃO SOCIAL"),
    (350, 205, "CNPJ / CPF"),
    (480, 205, "DATA DA EMISSÃO"),
    (10, 217, "Bento Doces e Salgados Ltda"),
    (350, 217, "30.551.882/0001-44"),
    (480, 217, "01/02/2026"),
    (10, 235, "ENDEREÇO"),
    (350, 235, "CEP"),
    (480, 235, "FONE / FAX"),
    (10, 247, "Rua do Bosque, 238"),
    (350, 247, "18047-607"),
    (10, 270, "CÁLCULO DO IMPOSTO"),
    (10, 285, "VALOR DO ICMS"),
    (150, 285, "VALOR DO FRETE"),
    (300, 285, "VALOR TOTAL DOS PRODUTOS"),
    (450, 285, "VALOR TOTAL DA NOTA"),
    (40, 297, "171,60"),
    (190, 297, "0,00"),
    (370, 297, "1.940,00"),
    (520, 297, "1.950,00"),
    (10, 320, "TRANSPORTADOR / VOLUMES TRANSPORTADOS"),
    (10, 335, "NOME / RAZÃO SOCIAL"),
    (350, 335, "CNPJ / CPF"),
    (10, 347, "Rápido Sul Ltda"),
    (350, 347, "61.740.298/0001-60"),
)
