import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.evidence import leaves_in, locate
from documents.finder.finding import Finding
from documents.parsed import Page, Word
from tests.unit.documents.skeleton.test_strictjson import JSON

MEMBERS = ["value", "page", "quote", "box", "page_size", "match", "ocr_confidence", "checks", "grounded"]


def words_of(text, confidence=None):
    words, position = [], 0
    for row, line in enumerate(text.split("\n")):
        for word in line.split(" "):
            words.append(Word(position, position + len(word), position, row * 10, position + len(word), row * 10 + 8, confidence))
            position += len(word) + 1
    return tuple(words)


def page(text, number=1, confidence=None):
    return Page(number, text, 595.0, 842.0, "native" if confidence is None else "ocr", words_of(text, confidence))


def test_the_entry_of_a_value_has_every_member():
    text = "Nota\nCNPJ: 12.345.678/0001-95 emitente"
    entry = locate([{"CNPJ": "12.345.678/0001-95"}], [page(text)])["/0/CNPJ"]
    assert entry == {
        "value": "12.345.678/0001-95",
        "page": 1,
        "quote": "CNPJ: 12.345.678/0001-95 emitente",
        "box": [11, 10, 29, 18],
        "page_size": [595, 842],
        "match": "exact",
        "ocr_confidence": None,
        "checks": {"cnpj_check_digits": True},
        "grounded": True,
    }
    assert list(entry) == MEMBERS


@pytest.mark.parametrize("value, grounded", [(None, None), (True, None), (False, None), ("outra coisa", False), (77, False)])
def test_what_is_not_in_the_document_has_an_entry_that_says_so(value, grounded):
    entry = locate({"a": value}, [page("texto")])["/a"]
    assert entry == dict.fromkeys(MEMBERS) | {"value": value, "match": "none", "checks": {}, "grounded": grounded}


def test_a_value_over_two_lines_has_both_in_its_quote_and_box():
    entry = locate({"nome": "Comercio de Paes"}, [page("razão: Comércio\nde Pães Ltda\nfim")])["/nome"]
    assert entry["quote"] == "razão: Comércio de Pães Ltda"
    assert entry["box"] == [7, 0, 23, 18]


def test_a_value_that_its_box_breaks_has_only_its_own_words_in_its_box():
    text = "Rua das Flores, 123 -      Banco do Norte\nCentro, São Paulo      Agência 77"
    broken = boxed_columns(text)
    entry = locate({"endereco": "Rua das Flores, 123 - Centro, São Paulo"}, [broken])["/endereco"]
    assert (entry["match"], entry["grounded"], entry["box"]) == ("normalised", True, [0, 0, 105, 18])


@pytest.mark.parametrize(
    "value",
    [
        "Rua das Flores, 123 - Agência 77 Centro",  # parts of two boxes
        "Rua das Flores, Centro, São Paulo",  # the first part does not reach the edge of its box
        "Banco do Norte São Paulo",  # the second does not begin at one
        "Centro, São Paulo Banco do Norte",  # upwards
    ],
)
def test_parts_that_are_no_broken_value_are_no_evidence(value):
    text = "Rua das Flores, 123 -      Banco do Norte\nCentro, São Paulo      Agência 77"
    assert locate({"a": value}, [boxed_columns(text)])["/a"]["grounded"] is False


def test_the_parts_of_a_broken_value_are_not_far_apart():
    text = "Rua das Flores, 123 -      Banco do Norte\nx      y\nx      y\nCentro, São Paulo      Agência 77"
    assert locate({"a": "Rua das Flores, 123 - Centro, São Paulo"}, [boxed_columns(text)])["/a"]["grounded"] is False


def boxed_columns(text):
    """Words where they stand in the text, five points a character."""
    words, start = [], 0
    for row, line in enumerate(text.split("\n")):
        for found in re.finditer(r"\S+", line):
            left, right = found.span()
            words.append(Word(start + left, start + right, 5 * left, 10 * row, 5 * right, 10 * row + 8))
        start += len(line) + 1
    return Page(1, text, 595.0, 842.0, "native", tuple(words))


def test_a_long_line_is_quoted_around_the_value_and_with_it():
    text = "palavra " * 100 + "CHAVE-77 " + "outra " * 100
    quote = locate({"a": "CHAVE-77"}, [page(text)])["/a"]["quote"]
    assert "CHAVE-77" in quote and len(quote) <= 170 and quote.startswith("palavra") and quote.endswith("outra")


def test_the_weakest_word_gives_the_confidence():
    text = "CNPJ 12.345.678/0001-95"
    words = tuple(word._replace(confidence=confidence) for word, confidence in zip(words_of(text), (0.5, 0.91), strict=True))
    scanned = Page(1, text, 595.0, 842.0, "ocr", words)
    assert locate({"a": "12.345.678/0001-95"}, [scanned])["/a"]["ocr_confidence"] == 0.91
    assert locate({"a": text}, [scanned])["/a"]["ocr_confidence"] == 0.5


def test_a_page_without_geometry_gives_a_quote_and_no_box():
    entry = locate({"a": "dois"}, [Page(2, "um;dois;três")])["/a"]
    assert (entry["page"], entry["quote"], entry["box"], entry["page_size"]) == (2, "um;dois;três", None, None)


def test_repeated_values_are_given_in_reading_order():
    pages = [page("valor 10,00\nvalor 10,00", 1), page("valor 10,00", 2)]
    evidence = locate({"valores": ["10,00", "10,00", "10,00", "10,00"]}, pages)
    assert [(entry["page"], entry["box"][1]) for entry in evidence.values()] == [(1, 0), (1, 10), (2, 0), (1, 0)]


def test_a_row_keeps_its_values_together():
    text = "Página 2\nProduto A 2 10,00\nProduto B 1 10,00\nProduto C 2 10,00"
    rows = [{"nome": "Produto C", "qtd": 2, "valor": 10}, {"nome": "Produto A", "qtd": 2, "valor": 10.0}]
    evidence = locate({"itens": rows}, [page(text)])
    assert [evidence[f"/itens/0/{key}"]["box"][1] for key in ("nome", "qtd", "valor")] == [30, 30, 30]
    assert [evidence[f"/itens/1/{key}"]["box"][1] for key in ("nome", "qtd", "valor")] == [10, 10, 10]


def test_rows_of_repeated_values_take_a_line_each():
    text = "Folha 1\nKit 2 10,00\nKit 1 10,00\nKit 2 20,00\nKit 1 20,00\n1 2 10,00"
    rows = [
        {"nome": "Kit", "qtd": 2, "valor": 10},
        {"nome": "Kit", "qtd": 1, "valor": 10},
        {"nome": "Kit", "qtd": 1, "valor": 20},
    ]
    evidence = locate({"itens": rows}, [page(text)])
    lines = [[evidence[f"/itens/{row}/{key}"]["box"][1] for key in ("nome", "qtd", "valor")] for row in range(3)]
    assert lines == [[10] * 3, [20] * 3, [40] * 3]


def test_the_words_of_the_key_choose_between_equal_values():
    text = "Subtotal 100,00\nFrete 0,00\nVencimento 05/03/2026\nEmissão 05/03/2026"
    evidence = locate({"data_emissao": "05/03/2026", "vencimento": "05/03/2026"}, [page(text)])
    assert evidence["/data_emissao"]["quote"] == "Emissão 05/03/2026"
    assert evidence["/vencimento"]["quote"] == "Vencimento 05/03/2026"


def test_a_finding_gives_the_exact_place_if_it_tells_the_truth():
    text = "total 10,00\ntotal 10,00"
    true, false = Finding(10.0, 1, 18, 23), Finding(10.0, 1, 0, 5)
    assert locate({"total": 10.0}, [page(text)], {"/total": true})["/total"]["box"][1] == 10
    assert locate({"total": 10.0}, [page(text)], {"/total": false})["/total"]["box"][1] == 0
    assert locate({"total": 77.0}, [page(text)], {"/total": true})["/total"]["grounded"] is False


@pytest.mark.parametrize(
    "finding", [Finding("x", 9, 0, 1), Finding("x", 1, -5, 2), Finding("x", 1, 3, 1), Finding("x", 1, 0, 10**9)]
)
def test_wrong_findings_do_no_harm(finding):
    assert locate({"a": "texto"}, [page("um texto")], {"/a": finding})["/a"]["quote"] == "um texto"


def test_checks_follow_the_key():
    evidence = locate({"CNPJ": "12345678000196", "nome": "12345678000196"}, [page("12345678000196")])
    assert evidence["/CNPJ"]["checks"] == {"cnpj_check_digits": False}
    assert evidence["/nome"]["checks"] == {}


@given(JSON, st.lists(st.text(max_size=40), max_size=3))
def test_every_leaf_of_any_answer_has_an_entry(answer, texts):
    evidence = locate(answer, [Page(number, text) for number, text in enumerate(texts, 1)])
    assert list(evidence) == list(dict.fromkeys(leaf.path for leaf in leaves_in(answer)))
    for entry in evidence.values():
        assert list(entry) == MEMBERS
        assert (entry["page"] is not None) is (entry["grounded"] is True) is (entry["match"] != "none")


def boxed(*cells):
    """Cells at (x, y), each on a line of its own, five points a character."""
    text, words = "", []
    for x, y, content in cells:
        position = 0
        for word in content.split():
            position = content.index(word, position)
            left, start = x + 5 * position, len(text) + position
            words.append(Word(start, start + len(word), left, y, left + 5 * len(word), y + 8, None))
            position += len(word)
        text += content + "\n"
    return Page(1, text, 595.0, 842.0, "native", tuple(words))


@pytest.mark.parametrize(
    "page, quote",
    [
        (boxed((10, 10, "CNPJ"), (10, 20, "48.291.735/0001-48")), "CNPJ 48.291.735/0001-48"),
        (Page(1, "Série\nCNPJ\n48.291.735/0001-48\nOutro"), "CNPJ 48.291.735/0001-48"),
        (boxed((10, 10, "INSCRIÇÃO ESTADUAL" + " " * 20 + "CNPJ"), (200, 20, "48.291.735/0001-48")), "CNPJ 48.291.735/0001-48"),
        (boxed((10, 10, "IE" + " " * 30 + "CNPJ"), (230, 20, "48.291.735/0001-48")), "CNPJ 48.291.735/0001-48"),
        (boxed((300, 10, "CNPJ"), (10, 20, "48.291.735/0001-48")), "48.291.735/0001-48"),
        (boxed((10, 10, "CNPJ"), (10, 200, "48.291.735/0001-48")), "48.291.735/0001-48"),
        (Page(1, "Rua 7\n48.291.735/0001-48"), "48.291.735/0001-48"),
        (Page(1, "palavra " * 20 + "\n48.291.735/0001-48"), "48.291.735/0001-48"),
        (Page(1, "Dados\nCNPJ:    48.291.735/0001-48"), "CNPJ: 48.291.735/0001-48"),
        (Page(1, "48.291.735/0001-48"), "48.291.735/0001-48"),
    ],
)
def test_a_value_alone_on_its_line_is_quoted_with_the_label_above_it(page, quote):
    assert locate({"CNPJ": "48.291.735/0001-48"}, [page])["/CNPJ"]["quote"] == quote
