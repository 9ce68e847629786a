"""`clientes.csv` (semicolons, decimal commas, Latin-1, as Brazilian programs write it) and `recibo.txt` (UTF-8)."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from samples.recipes.numbers import cpf, reais
from samples.recipes.people import STATIONER

CUSTOMERS = [
    ("Ângela Conceição Dutra", "114785203", "angela.dutra", "Maceió", "1984-07-12", "3500"),
    ("Breno Galvão Sampaio", "220913458", "breno.sampaio", "São Luís", "1991-01-30", "1250.5"),
    ("Célia Muniz Brandão", "339046172", "celia.brandao", "Goiânia", "1976-11-03", "8000"),
    ("Davi Simões Açucena", "448120937", "davi.acucena", "Belém", "1999-05-21", "640.75"),
    ("Eunice Patrícia Lobo", "557238401", "eunice.lobo", "Vitória", "1968-02-14", "5420"),
    ("Fábio Antunes Córrego", "661305984", "fabio.corrego", "Cuiabá", "1987-09-08", "2100.9"),
    ("Graça Heloísa Pontes", "770462815", "graca.pontes", "João Pessoa", "1993-12-25", "975"),
    ("Inácio Valadão Freitas", "882514039", "inacio.freitas", "Macapá", "1980-06-17", "4310.35"),
]
PAYER, PAYER_CPF, PAID = "Joaquim Bastos Andrade", cpf("926403718"), Decimal("1850.00")


def make_customers(folder: Path) -> dict[str, Any]:
    lines, answer = ["nome;cpf;email;cidade;nascimento;limite_de_credito"], []
    for name, base, mailbox, city, born, limit in CUSTOMERS:
        year, month, day = born.split("-")
        amount = Decimal(limit)
        lines.append(f"{name};{cpf(base)};{mailbox}@clientes.example;{city};{day}/{month}/{year};{reais(amount)}")
        answer.append({"nome": name, "cpf": cpf(base), "limite_de_credito": float(amount)})
    (folder / "clientes.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("latin-1"))
    return {
        "file": "clientes.csv",
        "prompt": "Liste todos os clientes com nome, CPF e limite de crédito.",
        "format_response": [{"nome": "", "cpf": "", "limite_de_credito": 0}],
        "answer": answer,
    }


def make_receipt(folder: Path) -> dict[str, Any]:
    text = f"""RECIBO Nº 0187

Recebi de {PAYER}, CPF {PAYER_CPF}, a importância de
R$ {reais(PAID)} (um mil, oitocentos e cinquenta reais), referente ao conserto de
duas impressoras, conforme a ordem de serviço 2026-044.

Forma de pagamento: Pix
Data: 05/03/2026
Valor: R$ {reais(PAID)}

{STATIONER.name}
CNPJ: {STATIONER.cnpj}
Telefone: {STATIONER.phone}
E-mail: {STATIONER.email}

(Pessoas, empresas e números inventados.)
"""
    (folder / "recibo.txt").write_bytes(text.encode("utf-8"))
    return {
        "file": "recibo.txt",
        "prompt": "Qual é o CPF do pagador, o valor, a data e o CNPJ de quem recebeu?",
        "format_response": {"cpf": "", "valor": 0, "data": "", "cnpj": ""},
        "answer": {"cpf": PAYER_CPF, "valor": float(PAID), "data": "05/03/2026", "cnpj": STATIONER.cnpj},
    }
