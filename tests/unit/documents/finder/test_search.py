"""The whole finder: skeleton, question and pages in, answer and findings out."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.finder import find
from documents.finder.rows import table_rows
from documents.parsed import Page
from documents.skeleton import Leaf, Skeleton
from tests.unit.documents.finder.layouts import DANFE, KEY, form, plain, view


def ask(skeleton: Any, *pages: Page | str, question: str = "") -> Any:
    read = [plain(page, number) if isinstance(page, str) else page for number, page in enumerate(pages, 1)]
    answer, findings = find(Skeleton.parse(json.dumps(skeleton)), question, read)
    for finding in findings.values():
        printed = " ".join(read[finding.page - 1].text[finding.start : finding.end].split())
        assert not isinstance(finding.value, str) or finding.value == printed
    return answer


def test_a_fiscal_document() -> None:
    asked = {
        "chave": "",
        "cnpj_emitente": "",
        "cnpj_destinatario": "",
        "nome_emitente": "",
        "nome_destinatario": "",
        "numero": 0,
        "serie": "",
        "data_emissao": "",
        "valor_total": 0,
        "valor_produtos": "",
        "valor_icms": 0.0,
        "natureza_operacao": "",
        "protocolo": "",
        "cep_destinatario": "",
        "telefone_emitente": "",
        "cnpj_transportadora": "",
    }
    assert ask(asked, DANFE) == {
        "chave": KEY,
        "cnpj_emitente": "48.291.735/0001-48",
        "cnpj_destinatario": "30.551.882/0001-44",
        "nome_emitente": "Papelaria Aurora Ltda",
        "nome_destinatario": "Bento Doces e Salgados Ltda",
        "numero": 1482,
        "serie": "1",
        "data_emissao": "01/02/2026",
        "valor_total": 1950,
        "valor_produtos": "1.940,00",
        "valor_icms": 171.6,
        "natureza_operacao": "Venda",
        "protocolo": "135260000123456",
        "cep_destinatario": "18047-607",
        "telefone_emitente": "(11) 5550-0142",
        "cnpj_transportadora": "61.740.298/0001-60",
    }


def test_what_is_not_in_the_document_is_null_or_an_empty_list() -> None:
    asked = {
        "iban": "",
        "email": "",
        "passport_number": "",
        "linha_digitavel": "",
        "telefone_destinatario": "",
        "emails": [""],
        "itens": [{"descricao": "", "valor": 0}],
        "pago": True,
        "tomador": {"nome": "", "cpf": ""},
    }
    assert ask(asked, DANFE) == {
        "iban": None,
        "email": None,
        "passport_number": None,
        "linha_digitavel": None,
        "telefone_destinatario": None,
        "emails": [],
        "itens": [],
        "pago": None,
        "tomador": {"nome": "Bento Doces e Salgados Ltda", "cpf": None},
    }


def test_the_example_of_the_upload() -> None:
    assert ask([{"CNPJ": ""}], "Empresa X CNPJ: 12.345.678/0001-95", question="Extraia o número do CNPJ") == [
        {"CNPJ": "12.345.678/0001-95"}
    ]
    assert ask([{"CNPJ": ""}], "nada") == []


def test_findings_point_at_the_values() -> None:
    page = plain("Total: R$ 1.234,50")
    answer, findings = find(Skeleton.parse('[{"total": 0, "a/b": ""}]'), "", [page])
    assert answer == [{"total": 1234.5, "a/b": None}]
    ((path, finding),) = findings.items()
    assert (path, finding.value, finding.page, page.text[finding.start : finding.end]) == ("/0/total", 1234.5, 1, "1.234,50")


def test_the_question_decides_for_a_generic_key() -> None:
    assert ask({"resposta": ""}, DANFE, question="Qual o CNPJ do destinatário?") == {"resposta": "30.551.882/0001-44"}
    assert ask({"valor": ""}, DANFE, question="What is the total?") == {"valor": "1.950,00"}
    assert ask({"resposta": ""}, DANFE, question="Qual a cor do cavalo?") == {"resposta": None}


def test_a_list_with_one_key_takes_all_distinct_values_unless_a_party_is_named() -> None:
    text = "Emitente: Alfa\nCNPJ 11.222.333/0001-81\nDestinatário: Beta\nCNPJ 30.551.882/0001-44\nCNPJ 30.551.882/0001-44"
    assert ask([{"CNPJ": ""}], text) == [{"CNPJ": "11.222.333/0001-81"}, {"CNPJ": "30.551.882/0001-44"}]
    assert ask([{"CNPJ": ""}], text, question="CNPJ do destinatário") == [{"CNPJ": "30.551.882/0001-44"}]
    assert ask({"cnpjs": [""]}, text) == {"cnpjs": ["11.222.333/0001-81", "30.551.882/0001-44"]}


def test_a_list_at_the_root_with_several_keys_is_one_document() -> None:
    assert ask([{"cnpj": "", "total": 0}], "CNPJ 11.222.333/0001-81\nTotal: 10,00") == [
        {"cnpj": "11.222.333/0001-81", "total": 10}
    ]
    assert ask([{"cnpj": "", "total": 0}], "nada aqui") == []


def test_rows_of_a_sheet() -> None:
    text = "Clientes\nNome | CPF | Limite de crédito\nÂngela Dutra | 114.785.203-02 | 3500,00\nBreno Sampaio |  | 1.250,50\n"
    assert ask([{"nome": "", "cpf": "", "limite_de_credito": 0}], text) == [
        {"nome": "Ângela Dutra", "cpf": "114.785.203-02", "limite_de_credito": 3500},
        {"nome": "Breno Sampaio", "cpf": None, "limite_de_credito": 1250.5},
    ]
    assert ask({"itens": [{"nome": "", "limite": ""}]}, text)["itens"][1] == {"nome": "Breno Sampaio", "limite": "1.250,50"}
    assert ask({"limite_de_credito": 0}, text) == {"limite_de_credito": None}, "which row would be a guess"


def test_a_sheet_with_other_columns_has_no_rows() -> None:
    leaves = [Leaf("/cor", "cor", (), "string"), Leaf("/peso", "peso", (), "string")]
    assert table_rows([view("Nome | CPF | Limite\nA | 1 | 2\n")], leaves) == []


@pytest.mark.parametrize(
    ("skeleton", "text", "value"),
    [
        ({"total": "integer"}, "Total: 10,00", 10),
        ({"total": "integer"}, "Total: 10,50", None),
        ({"total": 0}, "Total: 10,50", 10.5),
        ({"total": ""}, "Total: 10,50", "10,50"),
        ({"numero": 0}, "Número: 000.482", 482),
        ({"numero": 0}, "Número: AB-482", None),
        ({"uf": "SP|RJ"}, "UF: SP", "SP"),
        ({"uf": "RJ|MG"}, "UF: SP", None),
        ({"aliquota": 0}, "Alíquota: 5,00%", 5),
        ({"total": True}, "Total: 10,00", None),
    ],
)
def test_values_take_the_type_of_the_leaf(skeleton: dict, text: str, value: Any) -> None:
    assert list(ask(skeleton, text).values()) == [value]


def test_a_key_over_two_lines_comes_back_on_one() -> None:
    assert ask({"chave": ""}, f"CHAVE DE ACESSO\n{KEY[:29]}\n{KEY[30:]}") == {"chave": KEY}


def test_later_pages_are_read_too() -> None:
    assert ask({"email": "", "cnpj": ""}, "nada", "a@b.com", "CNPJ 11.222.333/0001-81") == {
        "email": "a@b.com",
        "cnpj": "11.222.333/0001-81",
    }


EVERYTHING = dict.fromkeys(
    [
        "cnpj",
        "cpf",
        "chave",
        "linha_digitavel",
        "email",
        "telefone",
        "cep",
        "iban",
        "data",
        "vencimento",
        "valor_total",
        "numero",
        "serie",
        "nome_emitente",
        "nome_cliente",
        "placa",
        "protocolo",
        "natureza",
        "endereco",
        "apolice",
        "aliquota",
    ],
    "",
) | {"emails": [""], "rows": [{"a": "", "b": ""}]}
PIECES = st.sampled_from(
    [
        "CNPJ",
        "11.222.333/0001-81",
        "Total",
        "1.950,00",
        "DESTINATÁRIO",
        "Emitente:",
        "nome",
        "|",
        "\n",
        "   ",
        "01/02/2026",
        "R$",
        "a@b.com",
        "Nº",
        "-",
        ":",
    ]
)


@settings(max_examples=150)
@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=60), st.text(max_size=60))
def test_any_page_gives_an_answer_of_the_right_shape_with_verbatim_values(pieces: list[str], question: str) -> None:
    skeleton = Skeleton.parse(json.dumps(EVERYTHING))
    page = plain(" ".join(pieces))
    answer, findings = find(skeleton, question, [page])
    assert list(answer) == list(EVERYTHING)
    whole = " ".join(page.text.split())
    assert all(value is None or value in whole for key, value in answer.items() if isinstance(value, str))
    assert all(0 <= finding.start < finding.end <= len(page.text) for finding in findings.values())
    assert find(skeleton, question, [page]) == (answer, findings)


@pytest.mark.parametrize(
    "unit",
    [
        "total 1,00 ",
        "CNPJ 11.222.333/0001-81 ",
        "EMITENTE CNPJ 11.222.333/0001-81 NOME Fulano TOTAL 1,00 a@b.com ",
        "NOME\nFulano\nDESTINATARIO\n",
        "a | b | c\n",
    ],
)
@pytest.mark.parametrize("boxed", [False, True])
def test_hostile_pages_take_linear_time(unit: str, boxed: bool) -> None:
    text = unit * (80_000 // len(unit))
    page = form((0, 0, text.replace("\n", " "))) if boxed else plain(text)
    began = time.process_time()
    find(Skeleton.parse(json.dumps(EVERYTHING)), "", [page])
    assert time.process_time() - began < 2


def test_a_row_of_a_thousand_labels_takes_linear_time() -> None:
    page = form(
        *((place * 400.0, 10.0, content) for place, content in enumerate(["VALOR TOTAL", "CNPJ", "1,00", "Emitente"] * 6000))
    )
    began = time.process_time()
    find(Skeleton.parse(json.dumps(EVERYTHING)), "", [page])
    assert time.process_time() - began < 2
