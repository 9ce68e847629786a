"""Labels with values behind, beside and under them."""

import pytest

from documents.finder.labels import MAX_LABELS, free_text, hits, is_label, label_spans
from documents.finder.wanted import Wanted, phrase_of, resolve
from documents.parsed import Page
from documents.skeleton import Leaf
from tests.unit.documents.finder.layouts import form, view


def values(page: Page | str, key: str) -> list[str]:
    wanted = resolve(Leaf("/k", key, (), "string"), "", False)
    seen = view(page)
    return [seen.text[hit.start : hit.end] for hit in sorted(hits(seen, wanted), key=lambda hit: -hit.score)]


def test_labels_are_found_whatever_fills_them() -> None:
    seen = view("DATA DE EMISSÃO x DATA DA EMISSÃO x data\nemissao x data: emissao x dataemissao")
    assert len(list(label_spans(seen, phrase_of("data emissao")))) == 3


def test_a_word_all_over_the_page_is_no_label_everywhere() -> None:
    assert len(list(label_spans(view("total " * (MAX_LABELS + 50)), ("total",)))) == MAX_LABELS


@pytest.mark.parametrize(
    "page",
    [
        "VALOR TOTAL DA NOTA: R$ 1.950,00",
        "Valor total da nota      1.950,00",
        "VALOR TOTAL DA NOTA\n1.950,00",
        "valor total da nota\nR$\n1.950,00",
        form((10, 10, "VALOR TOTAL DA NOTA"), (60, 22, "1.950,00")),
        form((10, 10, "Total"), (300, 10, "1.950,00")),
        "O valor total é de R$ 1.950,00.",
    ],
)
def test_behind_beside_and_under(page: Page | str) -> None:
    assert values(page, "valor_total")[:1] == ["1.950,00"]


@pytest.mark.parametrize(
    "text",
    [
        "SUBTOTAL: 10,00",
        "SUB TOTAL 10,00",
        "TOTAL DOS TRIBUTOS 10,00",
        "TOTAL QTY: 2,00",
        "BASE DO TOTAL 10,00",
        "TOTAL 12,00%",
        "Totalizador 1,00",
    ],
)
def test_a_longer_label_is_another_label(text: str) -> None:
    assert values(text, "total") == []


def test_the_more_complete_label_wins() -> None:
    assert values("TOTAL: 10,00\nGRAND TOTAL: 12,00\nTotal 11,00", "total")[0] == "12,00"


def test_of_a_row_of_sums_the_last_is_the_total() -> None:
    assert values("Total     1     278.61     40.39     319.00", "total")[0] == "319.00"
    assert values("Exclusief BTW    593,36     Subtotaal    717,97", "net_amount")[0] == "593,36"


def test_a_sum_with_cents_is_believed_before_a_count() -> None:
    assert values("AMOUNT\n238\nTOTAL\n13.80", "total")[0] == "13.80"


def test_a_minus_belongs_to_its_sum_and_a_bracket_to_its_phone() -> None:
    assert values("Desconto: -10,00", "desconto") == ["-10,00"]
    assert values("Total - 10,00", "total") == ["10,00"]
    assert values("Fone: (11) 3881-7417", "telefone") == ["(11) 3881-7417"]


def test_an_empty_box_gives_nothing() -> None:
    page = form((10, 10, "PLACA DO VEÍCULO"), (150, 10, "UF"), (10, 40, "ENDEREÇO"), (150, 40, "MUNICÍPIO"))
    assert values(page, "placa") == [] and values(page, "uf") == [] and values(page, "endereco") == []


def test_free_text_stops_at_the_next_label() -> None:
    text = "NOME: Segurado Teste CPF: 529.982.247-25"
    seen = view(text)
    assert [text[start:end] for start, end in [free_text(seen, 5, len(text))]] == ["Segurado Teste"]


def test_words_of_labels_alone_are_no_value() -> None:
    assert is_label("data da emissao") and is_label("nome / razao social") and is_label("qualquer coisa:")
    assert not is_label("venda") and not is_label("rua 5")


def test_keys_outside_the_vocabulary_are_their_own_label() -> None:
    assert values("Número da apólice: 55-7781\nNúmero: 9", "numero_apolice") == ["55-7781"]
    assert values("Condição de pagamento: 30 dias", "condicao_pagamento") == ["30 dias"]
    assert values("Número: 9", "numero_apolice") == []


def test_a_two_line_label_is_read_as_one() -> None:
    assert values(form((10, 10, "DATA E HORA"), (10, 22, "DE EMISSÃO"), (10, 34, "27/03/2024 00:00:00")), "data_emissao") == [
        "27/03/2024"
    ]


def test_a_wanted_without_phrases_has_no_hits() -> None:
    assert list(hits(view("total 1,00"), Wanted("amount", ()))) == []
