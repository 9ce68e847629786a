"""Check digits: published examples, generated ones, and ones with an error."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.checks import (
    checks,
    kind_of_key,
    payment_line_amount,
    payment_line_due,
    plausible_date,
    valid_access_key,
    valid_cnpj,
    valid_cpf,
    valid_email,
    valid_iban,
    valid_payment_line,
)

DIGIT = st.sampled_from("0123456789")
CHARACTER = st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _weighted(body: str, weights: list[int]) -> int:
    return sum((ord(character) - 48) * weight for character, weight in zip(body, weights, strict=True))


def _check(total: int) -> str:
    return "0" if total % 11 < 2 else str(11 - total % 11)


def make_cnpj(root: str) -> str:
    first = _check(_weighted(root, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
    return root + first + _check(_weighted(root + first, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))


def make_cpf(root: str) -> str:
    first = _check(_weighted(root, [10, 9, 8, 7, 6, 5, 4, 3, 2]))
    return root + first + _check(_weighted(root + first, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]))


def make_key(body: str) -> str:
    return body + _check(_weighted(body, [(42 - place) % 8 + 2 for place in range(43)]))


def _luhn(body: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def make_slip(bank: str, factor: int, cents: int, free: str) -> str:
    """A linha digitável of 47 digits: `bank` is bank and currency (4 digits), `free` the free field (25 digits)."""
    barcode = f"{bank}{factor:04}{cents:010}{free}"
    remainder = 11 - _weighted(barcode, [(42 - place) % 8 + 2 for place in range(43)]) % 11
    whole = str(remainder if remainder < 10 else 1)
    first, second, third = bank + free[:5], free[5:15], free[15:]
    return f"{first}{_luhn(first)}{second}{_luhn(second)}{third}{_luhn(third)}{whole}{factor:04}{cents:010}"


@given(st.text(CHARACTER, min_size=12, max_size=12).filter(lambda root: len(set(root)) > 1), st.integers(0, 1), st.integers(1, 9))
def test_cnpj_numeric_and_alphanumeric(root: str, place: int, shift: int) -> None:
    cnpj = make_cnpj(root)
    formatted = f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
    assert valid_cnpj(cnpj) and valid_cnpj(formatted) and valid_cnpj(formatted.lower())
    wrong = list(cnpj)
    wrong[12 + place] = str((int(wrong[12 + place]) + shift) % 10)
    assert not valid_cnpj("".join(wrong))


def test_cnpj_examples() -> None:
    assert valid_cnpj("12.ABC.345/01DE-35")  # the example of IN RFB 2.229/2024
    assert valid_cnpj("11.222.333/0001-81")
    assert not valid_cnpj("12.345.678/0001-99")
    assert not any(
        map(valid_cnpj, ("00.000.000/0000-00", "", "11.222.333/0001", "11222333000181 ".strip() + "1", "１１.222.333/0001-81"))
    )


@given(st.text(DIGIT, min_size=9, max_size=9).filter(lambda root: len(set(root)) > 1), st.integers(0, 1), st.integers(1, 9))
def test_cpf(root: str, place: int, shift: int) -> None:
    cpf = make_cpf(root)
    assert valid_cpf(cpf) and valid_cpf(f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}")
    wrong = list(cpf)
    wrong[9 + place] = str((int(wrong[9 + place]) + shift) % 10)
    assert not valid_cpf("".join(wrong))


def test_cpf_of_one_digit_or_too_short_is_refused() -> None:
    assert not valid_cpf("111.111.111-11")
    assert not valid_cpf("1")


@given(
    st.text(DIGIT, min_size=6, max_size=6),
    st.text(CHARACTER, min_size=14, max_size=14),
    st.text(DIGIT, min_size=23, max_size=23),
    st.integers(1, 9),
)
def test_access_key(head: str, cnpj: str, tail: str, shift: int) -> None:
    key = make_key(head + cnpj + tail)
    assert valid_access_key(key)
    assert valid_access_key(" ".join(key[start : start + 4] for start in range(0, 44, 4)))
    assert not valid_access_key(key[:43] + str((int(key[43]) + shift) % 10))
    assert not valid_access_key(key[:43])


@given(
    st.text(DIGIT, min_size=25, max_size=25),
    st.integers(1000, 9999),
    st.integers(0, 10**10 - 1),
    st.integers(0, 31),
    st.integers(1, 9),
)
def test_payment_line_of_a_bank_slip(free: str, factor: int, cents: int, place: int, shift: int) -> None:
    line = make_slip("0019", factor, cents, free)
    assert valid_payment_line(line)
    assert payment_line_amount(line) == (Decimal(cents) / 100 if cents else None)
    wrong = list(line)
    wrong[place] = str((int(wrong[place]) + shift) % 10)
    assert not valid_payment_line("".join(wrong)), "modulo 10 finds every single wrong digit of the three fields"


def test_payment_line_as_printed() -> None:
    line = "00190.50095 40144.816069 06809.350314 3 37370000000100"
    assert valid_payment_line(line)
    assert payment_line_amount(line) == Decimal("1.00")
    assert payment_line_due(line, date(2007, 12, 1)) == date(2007, 12, 31)
    assert not valid_payment_line(line[:-1] + "1")


@pytest.mark.parametrize(
    ("factor", "reading", "due"),
    [
        (9999, date(2025, 2, 1), date(2025, 2, 21)),
        (1000, date(2025, 2, 21), date(2025, 2, 22)),
        (1000, date(2000, 7, 1), date(2000, 7, 3)),
        (1374, date(2026, 3, 1), date(2026, 3, 3)),
    ],
)
def test_the_due_factor_began_again_on_22_february_2025(factor: int, reading: date, due: date) -> None:
    assert payment_line_due(make_slip("0019", factor, 100, "0" * 25), reading) == due


@given(st.integers(1000, 9999), st.dates(date(2010, 1, 1), date(2040, 1, 1)))
def test_a_due_date_lies_in_the_window_of_its_reading(factor: int, reading: date) -> None:
    due = payment_line_due(make_slip("0019", factor, 100, "0" * 25), reading)
    assert due is None or reading - timedelta(days=3000) <= due <= reading + timedelta(days=5500)


def test_a_line_without_factor_has_no_due_date() -> None:
    assert payment_line_due(make_slip("0019", 0, 100, "0" * 25), date(2026, 1, 1)) is None


def _collection(identifier: str, body: str, modulo11: bool) -> str:
    """A line of 48 digits: the bar code's first three digits, then 40 more."""

    def check(text: str) -> str:
        if not modulo11:
            return _luhn(text)
        remainder = _weighted(text, [(len(text) - 1 - place) % 8 + 2 for place in range(len(text))]) % 11
        return {0: "0", 1: "0"}.get(remainder, str(11 - remainder))

    barcode = f"8{identifier}" + check(f"8{identifier}{body}") + body
    return "".join(barcode[start : start + 11] + check(barcode[start : start + 11]) for start in range(0, 44, 11))


@given(st.sampled_from("6789"), st.text(DIGIT, min_size=29, max_size=29), st.integers(0, 10**11 - 1))
def test_payment_line_of_taxes_and_utilities(rule: str, rest: str, cents: int) -> None:
    line = _collection(f"3{rule}", f"{cents:011}{rest}", rule in "89")
    assert valid_payment_line(line) and valid_payment_line(f"{line[:11]}-{line[11:24]} {line[24:]}")
    assert payment_line_amount(line) == (Decimal(cents) / 100 if cents and rule in "68" else None)
    assert payment_line_due(line, date(2026, 1, 1)) is None


def _iban(country: str, account: str) -> str:
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02}{account}"


@given(st.text(st.sampled_from("ABCDEFGH"), min_size=2, max_size=2), st.text(DIGIT, min_size=14, max_size=26), st.data())
def test_iban_finds_every_single_wrong_digit(country: str, account: str, data: st.DataObject) -> None:
    iban = _iban(country, account)
    assert valid_iban(iban)
    place = data.draw(st.integers(2, len(iban) - 1))
    wrong = iban[:place] + str((int(iban[place]) + data.draw(st.integers(1, 9))) % 10) + iban[place + 1 :]
    assert not valid_iban(wrong)


def test_iban_examples() -> None:
    assert valid_iban("GB82 WEST 1234 5698 7654 32") and valid_iban("DE30507500940000048567")
    assert not valid_iban("US1234567890")


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("a@b.com", True),
        ("nome.sobrenome+nf@empresa.com.br", True),
        ("a@b", False),
        ("a b@c.com", False),
        ("a..b@c.com", False),
        ("@c.com", False),
        ("a@-c.com", False),
    ],
)
def test_email_form(address: str, right: bool) -> None:
    assert valid_email(address) is right


def test_plausible_dates() -> None:
    assert plausible_date("29/02/2024")
    assert not plausible_date("29/02/2023")


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("11.222.333/0001-81", None, {"cnpj_check_digits": True}),
        ("11.222.333/0001-82", None, {"cnpj_check_digits": False}),
        ("11222333000181", None, {}),
        ("11222333000181", "cnpj", {"cnpj_check_digits": True}),
        ("529.982.247-25", "cpf_cnpj", {"cpf_check_digits": True}),
        ("11.222.333/0001-81", "cpf_cnpj", {"cnpj_check_digits": True}),
        ("9999 " * 10 + "9999", None, {"access_key_check_digit": False}),
        ("4" * 50, "access_key", {}),
        ("a@b.com", None, {"email_form": True}),
        ("05/03/2026", None, {"plausible_date": True}),
        ("31/02/2026", "date", {"plausible_date": False}),
        ("qualquer", None, {}),
        ("", "cnpj", {}),
    ],
)
def test_checks_say_what_can_be_verified(value: str, kind: str | None, expected: dict[str, bool]) -> None:
    assert checks(value, kind) == expected


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("CNPJ", "cnpj"),
        ("cnpjEmitente", "cnpj"),
        ("cpf_cnpj", "cpf_cnpj"),
        ("CNPJ/CPF", "cpf_cnpj"),
        ("chave_de_acesso", "access_key"),
        ("linhaDigitavel", "payment_line"),
        ("e-mail", "email"),
        ("data_emissao", "date"),
        ("dueDate", "date"),
        ("vencimento", "date"),
        ("nome", None),
        ("metadata_id", None),
    ],
)
def test_kind_of_key(key: str, kind: str | None) -> None:
    assert kind_of_key(key) == kind


@given(
    st.text(max_size=120),
    st.sampled_from([None, "cpf", "cnpj", "cpf_cnpj", "access_key", "payment_line", "iban", "email", "date", "other"]),
)
def test_checks_never_fail(value: str, kind: str | None) -> None:
    assert all(isinstance(result, bool) for result in checks(value, kind).values())
