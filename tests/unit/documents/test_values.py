"""Amounts, dates and folding, as documents print them."""

import time
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.values import alphanumerics, digits, find_amounts, find_dates, fold, parse_amount, parse_date

AMOUNTS = {
    "1.234,56": "1234.56",
    "1,234.56": "1234.56",
    "R$ 1.234,56": "1234.56",
    "R$1.234,56": "1234.56",
    "1 234,56 €": "1234.56",
    "1'234.56": "1234.56",
    "1.234": "1234",
    "1,234": "1234",
    "1.234.567": "1234567",
    "0.123": "0.123",
    "2,0000": "2.0000",
    "27,80": "27.80",
    "2,3": "2.3",
    "12,5%": "12.5",
    "-3,00": "-3.00",
    "(3,00)": "-3.00",
    "3,00-": "-3.00",
    "US$ 5": "5",
    "RM3.00": "3.00",
    "1,23,456.00": "123456.00",
    "12345,678": "12345.678",
}


@pytest.mark.parametrize(("text", "value"), AMOUNTS.items())
def test_amounts_are_read_by_their_last_separator(text: str, value: str) -> None:
    assert parse_amount(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "abc", "12.345.678/0001-95", "01/02/2020", "1.2.3", "1,2,3", "R$", "12 34", "--1", "1.234.56"]
)
def test_what_is_no_amount_is_none(text: str) -> None:
    assert parse_amount(text) is None


def test_a_known_decimal_mark_settles_the_ambiguous_ones() -> None:
    assert parse_amount("1.234", decimal=".") == Decimal("1.234")
    assert parse_amount("1,234", decimal=".") == 1234
    assert parse_amount("1.234", decimal=",") == 1234


@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_brazilian_and_english_print_of_any_amount_reads_back(value: Decimal) -> None:
    english = f"{value:,.2f}"
    brazilian = english.translate(str.maketrans(",.", ".,"))
    assert parse_amount(english) == parse_amount(brazilian) == parse_amount(f"R$ {brazilian}") == value


def test_amounts_in_running_text_leave_out_parts_of_dates_ids_and_words() -> None:
    text = "Total R$ 1.234,56 em 01/02/2020, CNPJ 12.345.678/0001-95, 2 100,00, IP 10.0.0.1, NF-e 4, RM3.00 -8,00"
    assert [str(found.value) for found in find_amounts(text)] == ["1234.56", "2", "100.00", "4", "3.00", "-8.00"]
    assert next(text[found.start : found.end] for found in find_amounts(text)) == "1.234,56"


DATES = {
    "05/03/2026": (2026, 3, 5),
    "5.3.2026": (2026, 3, 5),
    "05-03-26": (2026, 3, 5),
    "2026-03-05": (2026, 3, 5),
    "2026/03/05": (2026, 3, 5),
    "2026-03-05T10:11:12-03:00": (2026, 3, 5),
    "05/03/2026 10:11:12": (2026, 3, 5),
    "20260305": (2026, 3, 5),
    "5 de março de 2026": (2026, 3, 5),
    "1º de maio de 2020": (2020, 5, 1),
    "March 5, 2026": (2026, 3, 5),
    "Mar 5th, 2026": (2026, 3, 5),
    "5 March 2026": (2026, 3, 5),
    "5-Mar-26": (2026, 3, 5),
    "7. Mai 2014": (2014, 5, 7),
    "02 Juillet 2015": (2015, 7, 2),
    "19 april 2014": (2014, 4, 19),
    "12/31/2017": (2017, 12, 31),
    "31/12/1999": (1999, 12, 31),
    "August 3 , 2014": (2014, 8, 3),
}


@pytest.mark.parametrize(("text", "day"), DATES.items())
def test_dates_are_read_day_first_in_many_spellings(text: str, day: tuple[int, int, int]) -> None:
    assert parse_date(text) == date(*day)


@pytest.mark.parametrize("text", ["", "99/99/9999", "31/02/2026", "12.345.678", "1/2", "hoje", "2026", "05/03/2026 e mais"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_month_first_is_for_those_who_ask() -> None:
    assert parse_date("03/04/2026") == date(2026, 4, 3)
    assert parse_date("03/04/2026", month_first=True) == date(2026, 3, 4)


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31)))
def test_every_day_reads_back_from_the_usual_forms(day: date) -> None:
    for text in (
        f"{day:%d/%m/%Y}",
        f"{day:%Y-%m-%d}",
        f"{day:%d/%m/%y}",
        f"{day:%d.%m.%Y}",
        f"{day:%Y%m%d}",
        f"{day:%d %B %Y}",
        f"{day:%B %d, %Y}",
    ):
        assert parse_date(text) == day


def test_dates_in_text_stand_where_they_are_said_to_stand() -> None:
    text = "Emissão 01/02/2020 14:00 · vence em 3 de abril de 2020 · CEP 01310-100 · 12.345.678/0001-95"
    assert [(text[found.start : found.end], found.value) for found in find_dates(text)] == [
        ("01/02/2020", date(2020, 2, 1)),
        ("3 de abril de 2020", date(2020, 4, 3)),
    ]


@given(st.text(max_size=200))
def test_folding_keeps_every_offset(text: str) -> None:
    assert len(fold(text)) == len(text)


def test_folding_drops_case_accents_and_kinds_of_dashes() -> None:
    assert fold("Nº AÇÃO – São\u00a0João’s") == "no acao - sao joao's"


@given(st.text(max_size=300))
def test_reading_any_text_is_total(text: str) -> None:
    parse_amount(text)
    parse_date(text)
    for found in (*find_amounts(text), *find_dates(text)):
        assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize(
    "text", ["1.111" * 40_000, "1 " * 100_000, "1/1" * 60_000, "," * 200_000, "1,1" * 60_000, "5 de " * 40_000, "-" * 200_000]
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    began = time.process_time()
    list(find_amounts(text))
    list(find_dates(text))
    assert time.process_time() - began < 3


def test_bare_forms() -> None:
    assert digits("12.345.678/0001-95") == "12345678000195"
    assert alphanumerics("12.abc.345/01de-35") == "12ABC34501DE35"
