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


@pytest.mark.parametrize(
    "page, key, value",
    [
        (form((10, 10, "RNTRC DA EMPRESA"), (10, 22, "23920392")), "rntrc", "23920392"),
        ("RNTRC DA EMPRESA", "rntrc", None),
        ("Objeto do contrato: limpeza", "objeto", "limpeza"),
        ("O objeto do contrato é a limpeza de todas as salas do 3º andar", "objeto", None),
        ("A multa de 2% por dia", "multa", "2% por dia"),
        ("Bairro do Limão", "bairro", "Limão"),
        ("VALOR DO SERVIÇO\nR$ 7.000,00", "codigo_servico", None),
        ("SERVIÇO R$ 7.000,00", "codigo_servico", None),
        ("SERVIÇO: 7.000,00", "codigo_servico", None),
        ("DESCRIÇÃO DO PRODUTO / SERVIÇO\n48025610", "codigo_servico", None),
        ("Código do serviço: 14.01", "codigo_servico", "14.01"),
        ("Apólice: 77.123-A", "numero_apolice", "77.123-A"),
    ],
)
def test_a_value_is_neither_the_rest_of_a_label_nor_a_part_of_a_number(page: Page | str, key: str, value: str | None) -> None:
    assert next(iter(values(page, key)), None) == value


@pytest.mark.parametrize(
    "page, key, value",
    [
        ("Net 100.00\nVAT 20% 20.00\nTotal 120.00", "vat", "20.00"),
        ("VAT\nTotal 120.00", "vat", None),
        (form((10, 10, "VAT"), (10, 22, "Total"), (100, 22, "120.00")), "vat", None),
        ("VAT 20% 100.00 20.00 120.00", "vat", None),
        ("Total incl. VAT 120.00", "vat", None),
        ("TOTAL C/ IVA 120,00", "iva", None),
        ("GST No: 002108047360", "gst", None),
        ("VAT 19", "vat", None),
        (form((10, 10, "Net"), (100, 10, "VAT"), (190, 10, "Total"), (10, 22, "10,00"), (100, 22, "2,00")), "iva", "2,00"),
        ("VALOR TOTAL DA NOTA\n10,00\nBASE DE CÁLCULO DO ICMS\n9,00", "icms", None),
        ("VALOR DO ICMS\n1,62", "icms", "1,62"),
    ],
)
def test_a_tax_has_a_label_of_its_own(page: Page | str, key: str, value: str | None) -> None:
    assert next(iter(values(page, key)), None) == value


def test_a_box_to_tick_is_no_value() -> None:
    assert values("Nota Fiscal\n[4]\n", "numero") == []
    assert values("Nota Fiscal\n4\n", "numero") == ["4"]
