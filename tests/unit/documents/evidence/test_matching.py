import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from documents.evidence.matching import MAX_PLACES, Matcher
from documents.evidence.pageindex import deconfused
from documents.parsed import Page

TEXT = (
    "DANFE Nota Fiscal nº 000.123.456 série 1\nEmitente: Padaria São João Comércio\nde Pães Ltda\nCNPJ: 12.345.678/0001-95\n"
    "Emissão: 05/03/2026 às 10:30\nItem 15 unidades a 27,80\nTotal R$ 1.234,50\nDesconto (10,00)\nChave 3526 0312 3456 7800 0195"
)


def match(value, *texts, source="native"):
    return Matcher([Page(number, text, source=source) for number, text in enumerate(texts or (TEXT,), 1)]).match(value)


def printed(value, *texts, source="native"):
    found = match(value, *texts, source=source)
    return found.kind, [(texts or (TEXT,))[place.page][place.start : place.end] for place in found.places]


@pytest.mark.parametrize(
    "value, kind, text",
    [
        ("12.345.678/0001-95", "exact", "12.345.678/0001-95"),
        ("Padaria São João", "exact", "Padaria São João"),
        ("PADARIA SAO JOAO COMERCIO DE PAES LTDA", "normalised", "Padaria São João Comércio\nde Pães Ltda"),
        ("12345678000195", "normalised", "12.345.678/0001-95"),
        ("35260312345678000195", "normalised", "3526 0312 3456 7800 0195"),
        ("R$ 1234,50", "number", "1.234,50"),
        ("1,234.50", "number", "1.234,50"),
        (1234.5, "number", "1.234,50"),
        (15, "exact", "15"),
        (27.8, "number", "27,80"),
        (-10, "number", "10,00"),
        ("123456", "number", "000.123.456"),
        ("2026-03-05", "date", "05/03/2026"),
        ("5 de março de 2026", "date", "05/03/2026"),
        ("Padaria Sao Joao Comercoi", "fuzzy", "Padaria São João Comércio"),
    ],
)
def test_a_value_is_found_in_its_own_spelling_or_another(value, kind, text):
    assert printed(value) == (kind, [text])


@pytest.mark.parametrize(
    "value",
    [
        "5",
        5,
        "3",
        30,
        12,
        "345.678",
        "12.345.678/0001-96",
        "1234",
        1234,
        "123450",
        "152780",
        "João Silva",
        "marca",
        "2026-05-03",
        "06/03/2026",
        0,
        27.81,
        "Padaria São José Comércio de Pães Ltda",
        "Padaria São João Comércio de Carnes Ltda",
        "Item 16 unidades",
        "Emitente A",
        "",
        "  ",
        "ab",
        10**400,
        "9" * 6000,
    ],
)
def test_a_value_that_is_not_there_is_not_found(value):
    assert match(value).kind == "none"


def test_numbers_side_by_side_are_no_identifier_unless_it_is_long():
    assert match("100200", "100 200").kind == "none"
    assert printed("16999991234", "(16) 99999-1234") == ("normalised", ["16) 99999-1234"])


@pytest.mark.parametrize(
    "value, text, kind",
    [("1.234,50", "Total R$ 1.234,5O", "number"), (115, "Qtd l15 un", "number"), ("2026-03-05", "Emissão O5/O3/2026", "date")],
)
def test_numbers_and_dates_with_letters_of_ocr_are_read_on_scanned_pages_only(value, text, kind):
    assert match(value, text, source="ocr").kind == kind
    assert match(value, text).kind == "none"


@pytest.mark.parametrize("text", ["SOL", "Bl0Is", "B0L0", "1SO", "ISO-9", "x1O5"])
def test_words_and_codes_do_not_become_numbers(text):
    assert deconfused(text) == text


def test_letters_that_ocr_takes_for_digits_are_forgiven_on_pages_read_by_ocr_only():
    assert printed("12.345.678/0001-95", "CNPJ l2.345.67B/OOO1-9S", source="ocr") == ("normalised", ["l2.345.67B/OOO1-9S"])
    assert match("12.345.678/0001-95", "CNPJ l2.345.67B/OOO1-9S").kind == "none"


def test_the_documents_own_habit_says_whether_the_month_comes_first():
    assert match("2026-04-03", "Due 04/03/2026, paid 12/25/2026").kind == "date"
    assert match("2026-04-03", "Vence 04/03/2026, pago 25/12/2026").kind == "none"


def test_places_are_in_reading_order_and_bounded():
    found = match("10", "10 20 10", "10")
    assert [(place.page, place.start) for place in found.places] == [(0, 0), (0, 6), (1, 0)]
    assert len(match("10", "10 " * 5000).places) == MAX_PLACES


def test_a_long_text_is_matched_loosely_by_its_ends():
    sentence = "O fornecimento ininterrupto de farinha especial e fermento para a produção artesanal de pães, na forma do anexo. "
    clause = sentence * 3
    misread = clause.replace("farinha", "farlnha").replace("forma", "forrna")
    assert printed(misread, "Objeto: " + clause) == ("fuzzy", [clause.strip()])
    another = clause.replace("farinha especial e fermento", "carne bovina e refrigerante").replace("artesanal", "industrial")
    assert match(another, "Objeto: " + clause).kind == "none"
    assert match("outra coisa inteiramente diferente desta que se lê ali " * 5, "Objeto: " + clause).kind == "none"


WORD = st.text(alphabet="abcdeçã019.,-/R$", min_size=1, max_size=9)


@given(st.lists(WORD, min_size=1, max_size=30), st.data())
def test_what_was_copied_from_the_text_is_always_found(words, data):
    text = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    value = " ".join(words[first : last + 1])
    found = match(value, text)
    assert found.kind == "exact"
    assert all(text[place.start : place.end] == value for place in found.places)


@given(st.lists(WORD, min_size=1, max_size=30), st.text(alphabet="fghijk234 ", min_size=1, max_size=20))
def test_what_is_made_of_other_letters_is_never_found(words, lie):
    assume(lie.strip())
    assert match(lie, " ".join(words)).kind == "none"


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(0, 10**6))
def test_a_number_is_found_only_where_it_is_printed(numbers, number):
    text = " ".join(map(str, numbers))
    assert bool(match(number, text).places) is (number in numbers)
    assert bool(match(str(number), text).places) is (number in numbers)


@given(st.text(max_size=60), st.text(max_size=30) | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_value_can_be_looked_up_in_any_text(text, value):
    found = match(value, text)
    assert bool(found.places) is (found.kind != "none")


def test_loose_comparison_of_a_book_is_bounded():
    pages = [Page(1, "x" * 100), Page(2, "Padaria São João")]
    assert Matcher(pages, loose_budget=200).match("Padaria Sao Joaao").kind == "fuzzy"
    assert Matcher(pages, loose_budget=100).match("Padaria Sao Joaao").kind == "none"
    assert Matcher(pages, loose_budget=0).match("Padaria Sao Joao").kind == "normalised"


def test_the_digits_of_a_loose_match_are_those_of_the_value():
    assert match("Rua das Flores, 123, centto", "Rua das Flores, 123, centro").kind == "fuzzy"
    assert match("Rua das Flores, 128, centro", "Rua das Flores, 123, centro").kind == "none"


@pytest.mark.parametrize("value", ["maria@exemplo.com.br", "ABCDE123FG", "abc"])
def test_addresses_and_codes_are_never_matched_loosely(value):
    assert match(value[:-1] + "x", f"contato {value} fim").kind == "none"
