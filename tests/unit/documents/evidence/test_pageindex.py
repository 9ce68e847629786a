from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.evidence.pageindex import PageIndex, code_of, confuse, edges_are_whole, normalise
from documents.parsed import Page, Word


@given(st.text(alphabet="aÉç \n\t\u00a01.-ªß", max_size=40), st.data())
def test_offsets_of_the_normalised_text_point_back_to_the_page(text, data):
    index = PageIndex(Page(1, text))
    for normal, form in ((index.normal, normalise), (index.code, code_of)):
        assert normal.text == form(text)
        spots = [spot for spot, character in enumerate(normal.text) if character != " "]
        if spots:
            first = data.draw(st.sampled_from(spots))
            last = data.draw(st.sampled_from([spot for spot in spots if spot >= first]))
            start, end = normal.offsets(first, last + 1)
            assert form(text[start:end]) == normal.text[first : last + 1]


def test_amounts_and_dates_are_found_by_value():
    index = PageIndex(Page(1, "R$ 1.234,50 (10,00) 7,00- em 05/03/2026 e 2026-03-05"))
    assert index.amounts[Decimal("1234.50")] == [(3, 11)]
    assert index.amounts[Decimal("-10")] == [(13, 18)] and Decimal("-7") in index.amounts
    assert len(index.dates(False)[date(2026, 3, 5)]) == 2


def test_confusions_of_ocr():
    assert confuse(code_of("O1.lI5-SZB")) == "01115528"


@pytest.mark.parametrize(
    "text, value, whole",
    [
        ("15", "5", False),
        ("5,00", "5", False),
        ("5.000", "5", False),
        ("-5", "5", False),
        ("5/10", "5", False),
        ("a5", "5", False),
        ("10:30", "30", False),
        ("R$5", "5", True),
        ("(5)", "5", True),
        ("5.", "5", True),
        ("5, e", "5", True),
        ("nº5", "5", True),
        ("item-5", "5", True),
        ("05/03/2026", "2026", True),
        ("12345-6", "12345", True),
        ("1.234,56", "1.234", False),
        ("12.345.678", "12.345", False),
        ("comarca", "marca", False),
        ("ação", "aç", False),
        ("ação.", "ação", True),
        ("***", "*", True),
        ("CNPJ12.345.678/0001-95", "12.345.678/0001-95", True),
        ("01/01/2020HORA 10", "01/01/2020", True),
        ("34567800ABCD1", "34567800", False),
        ("CEP5", "5", False),
        ("AB345678000195", "345678000195", False),
        ("01ABC345678000195", "345678000195", False),
        ("34567800ABC1", "34567800", False),
    ],
)
def test_only_whole_tokens_count(text, value, whole):
    start = text.index(value)
    assert edges_are_whole(text, start, start + len(value)) is whole


@pytest.mark.parametrize("order", [1, -1])
def test_words_between_are_those_of_the_page(order):
    words = tuple(Word(start, start + 3, start, 0, start + 3, 1) for start in range(0, 40, 4))[::order]
    page = Page(1, "abc " * 10, words=words)
    index = PageIndex(page)
    for start in range(0, 40):
        for end in range(start + 1, 41, 5):
            assert index.words_between(start, end) == page.words_between(start, end)
