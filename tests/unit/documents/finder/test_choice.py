"""One value, or all of them."""

import pytest

from documents.finder.choice import MAX_VALUES, choose, every, picks
from documents.finder.wanted import resolve
from documents.skeleton import Leaf
from tests.unit.documents.finder.layouts import form, plain, view


def one(key: str, *texts: str) -> str | None:
    pick = choose(
        [view(plain(text, number)) for number, text in enumerate(texts, 1)], resolve(Leaf("/k", key, (), "string"), "", False)
    )
    return pick.text if pick else None


def all_of(key: str, *texts: str) -> list[str]:
    return [pick.text for pick in every([view(text) for text in texts], resolve(Leaf("/k", key, (), "string"), "", False))]


def test_a_bare_number_needs_its_label() -> None:
    assert one("cnpj", "código 12345678901234") is None
    assert one("cnpj", "CNPJ: 12345678901234") == "12345678901234"
    assert one("cpf", "pedido 52998224725") is None
    assert one("cpf", "CPF 52998224725") == "52998224725"


def test_a_wrong_check_digit_is_still_what_is_printed() -> None:
    assert one("cnpj", "CNPJ 11.222.333/0001-99") == "11.222.333/0001-99"


def test_without_a_party_the_issuer_comes_first() -> None:
    assert (
        one("cnpj", "Cliente: Beta\nCNPJ: 30.551.882/0001-44\nEmitente: Alfa\nCNPJ: 48.291.735/0001-48") == "48.291.735/0001-48"
    )


def test_the_labelled_key_is_the_documents_own() -> None:
    own, other = "35260348291735000148550010000014821407182636", "42240302484555000343570020003396861082134657"
    assert one("chave", f"Documentos originários\n{other}\nCHAVE DE ACESSO\n{own}") == own


def test_a_single_day_needs_no_label_but_two_do() -> None:
    assert one("data", "12/03/18 20:29:59 obrigado 12/03/18") == "12/03/18"
    assert one("data", "de 12/03/18 a 15/03/18") is None
    assert one("vencimento", "12/03/18") is None


def test_a_document_may_be_dated_by_its_number() -> None:
    assert one("data_emissao", "Facture n°562044387 du 02 Juillet 2015\nlimite le 05 Juillet 2015") == "02 Juillet 2015"
    assert one("data_emissao", "ref. à Nota Fiscal nº 123 de 01/02/2026, vencimento 03/03/2026") == "01/02/2026"


def test_the_time_is_part_of_the_value_when_wanted() -> None:
    text = "DATA E HORA DE EMISSÃO: 27/03/2024 10:11:12"
    assert one("data_hora_emissao", text) == "27/03/2024 10:11:12"
    assert one("data_emissao", text) == "27/03/2024"


def test_of_equal_totals_the_last_on_the_last_page_counts() -> None:
    assert one("total", "Total: 10,00\nTotal: 20,00", "Total: 30,00") == "30,00"


def test_a_tax_summary_does_not_total_the_document() -> None:
    assert one("total", "TOTAL 11.60\nGST SUMMARY\nTOTAL 10.94") == "11.60"


def test_a_vague_label_over_a_column_of_numbers_is_no_total() -> None:
    cells = [
        (10, 10, "NOME"),
        (100, 10, "VALOR"),
        (300, 10, "NOME"),
        (400, 10, "VALOR"),
        (10, 22, "FPESO"),
        (100, 22, "117,78"),
        (100, 34, "4,24"),
    ]
    wanted = resolve(Leaf("/k", "valor_total", (), "string"), "", False)
    assert choose([view(form(*cells))], wanted) is None


def test_no_more_than_so_many_values_of_a_page_are_weighed() -> None:
    wanted = resolve(Leaf("/k", "emails", (), "string"), "", False)
    text = " ".join(f"a{number}@b.com" for number in range(2 * MAX_VALUES))
    assert len(picks([view(text)], wanted)) == MAX_VALUES


def test_every_distinct_value_in_reading_order() -> None:
    assert all_of("emails", "b@x.com a@x.com B@x.com", "c@x.com") == ["b@x.com", "a@x.com", "c@x.com"]
    assert all_of("cnpj", "11.222.333/0001-81 e 11222333/0001-81 e 30.551.882/0001-44") == [
        "11.222.333/0001-81",
        "30.551.882/0001-44",
    ]
    assert all_of("datas", "de 12/03/18 a 15/03/18") == ["12/03/18", "15/03/18"]
    assert all_of("cnpj_destinatario", "Emitente: Alfa\n11.222.333/0001-81\nDestinatário: Beta\n30.551.882/0001-44") == [
        "30.551.882/0001-44"
    ]


@pytest.mark.parametrize(
    "key",
    [
        "iban",
        "email",
        "passport_number",
        "linha_digitavel",
        "valor_total",
        "nome_emitente",
        "vencimento",
        "placa",
        "protocolo",
        "qualquer_coisa",
    ],
)
def test_what_is_not_there_is_none(key: str) -> None:
    assert one(key, "Um texto qualquer, sem valores, de 2 linhas\ne mais nada.") is None
