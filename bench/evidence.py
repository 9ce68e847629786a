"""How long the evidence of an answer takes: `python bench/evidence.py` prints milliseconds per document.

A contract of 30 pages (about 90,000 characters, every word with its box) and an answer of 20 leaves: copied, re-spelled,
converted and untrue ones. The index of the pages is made anew in each run, as it is for each upload.
"""

import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from documents.evidence import locate
from documents.parsed import Page, Word

_WORDS = [
    "contrato",
    "cláusula",
    "partes",
    "obrigação",
    "prestação",
    "serviços",
    "vigência",
    "prazo",
    "multa",
    "rescisão",
    "foro",
    "comarca",
    "contratante",
    "contratada",
    "pagamento",
    "valor",
    "mensal",
    "reajuste",
    "índice",
    "anual",
    "garantia",
    "seguro",
    "responsabilidade",
    "confidencialidade",
    "dados",
    "pessoais",
    "notificação",
    "presente",
    "instrumento",
    "particular",
    "mediante",
    "conforme",
    "disposto",
    "parágrafo",
    "único",
    "inciso",
    "alínea",
    "fica",
    "eleito",
    "testemunhas",
]
_PLANTED = (
    (1, "CONTRATANTE: Padaria São João Comércio de Pães Ltda, CNPJ 11.222.333/0001-81"),
    (1, "CONTRATADA: Oficina Irmãos Conceição S.A., CNPJ 45.997.418/0001-53"),
    (2, "Valor mensal: R$ 12.345,67 com vencimento em 05/03/2026"),
    (9, "Multa de 10% sobre o saldo de R$ 1.048.576,00"),
    (17, "Representada por José Antônio Nogueira, CPF 529.982.247-25"),
    (29, "Foro da comarca de Ribeirão Preto, em 12 de agosto de 2026"),
)
_ANSWER = [
    {
        "contratante": "Padaria São João Comércio de Pães Ltda",
        "cnpj_contratante": "11222333000181",
        "contratada": "OFICINA IRMAOS CONCEICAO S.A.",
        "cnpj_contratada": "45.997.418/0001-53",
        "valor_mensal": 12345.67,
        "vencimento": "2026-03-05",
        "multa": "10%",
        "saldo": "1048576.00",
        "representante": "Jose Antonio Nogueria",
        "cpf": "529.982.247-25",
        "foro": "Ribeirão Preto",
        "assinatura": "2026-08-12",
        "renovado": None,
        "sigiloso": True,
        "fiador": "Maximiliano Albuquerque Teixeira",
        "telefone": "(16) 99999-1234",
        "email": "ninguem@example.com",
        "limite": 987654.32,
        "inicio": "01/02/2019",
        "objeto": "O fornecimento ininterrupto de farinha especial e fermento biológico para a produção artesanal",
    }
]


def _page(number: int, text: str) -> Page:
    words, position, line = [], 0, 0
    for row in text.split("\n"):
        for word in row.split(" "):
            left = 72.0 + (position % 97)
            words.append(Word(position, position + len(word), left, 72.0 + line, left + 5 * len(word), 84.0 + line))
            position += len(word) + 1
        line += 14
    return Page(number, text, 595.0, 842.0, words=tuple(words))


def contract(pages: int = 30, seed: int = 7) -> list[Page]:
    """Pages of about 3,000 characters, with the planted lines in their places."""
    chance = random.Random(seed)
    made = []
    for number in range(1, pages + 1):
        lines = [" ".join(chance.choices(_WORDS, k=9)) for _ in range(36)]
        lines[18:18] = [line for page, line in _PLANTED if page == number]
        made.append(_page(number, "\n".join(lines)))
    return made


def _milliseconds(pages: list[Page], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        locate(_ANSWER, pages)
        times.append((time.perf_counter() - begun) * 1000)
    return times


def main() -> None:
    print(f"{'document':<22}{'characters':>12}{'leaves':>8}{'p50 ms':>9}{'worst ms':>10}{'grounded':>10}")
    for count in (1, 30, 300):
        pages = contract(count)
        times = _milliseconds(pages, 20 if count < 300 else 5)
        evidence = locate(_ANSWER, pages)
        grounded = sum(entry["grounded"] is True for entry in evidence.values())
        size = sum(len(page.text) for page in pages)
        name, middle, worst = f"contract, {count} pages", statistics.median(times), max(times)
        print(f"{name:<22}{size:>12}{len(evidence):>8}{middle:>9.1f}{worst:>10.1f}{grounded:>10}")


if __name__ == "__main__":
    main()
