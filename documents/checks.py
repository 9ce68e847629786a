"""Check digits and forms of the values that Brazilian and European documents print.

Sources: CPF and CNPJ after IN RFB 2.229/2024 (twelve letters or digits and two check digits, modulo 11 over ASCII code − 48);
access key after the NF-e manual (MOC) §2.2.6; linha digitável after FEBRABAN's rules for collection (47 digits) and for
`arrecadação` (48 digits); IBAN after ISO 13616 (modulo 97).
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle

from validate_docbr import CNPJ, CPF

from documents.values import alphanumerics, digits, fold, parse_date

_CPF = CPF()
_CNPJ = CNPJ()
_CPF_FORM = re.compile(r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}")
_CNPJ_FORM = re.compile(r"[0-9A-Za-z]{2}\.?[0-9A-Za-z]{3}\.?[0-9A-Za-z]{3}/?[0-9A-Za-z]{4}-?\d{2}")
_EMAIL_FORM = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}")
_IBAN_FORM = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")

#: Day 1000 of the due factor: FEBRABAN counted from 1997-10-07, ran out on 2025-02-21 (9999) and began again.
_FACTOR_CYCLES = (date(2000, 7, 3), date(2025, 2, 22))
#: How far back and ahead of the day of reading a due date may lie: FEBRABAN's window, narrower than one cycle.
_OVERDUE_DAYS, _AHEAD_DAYS = 3000, 5500


def valid_cpf(value: str) -> bool:
    """Eleven digits, formatted or bare, with right check digits and not all the same."""
    return _CPF_FORM.fullmatch(value.strip()) is not None and _CPF.validate(digits(value))


def valid_cnpj(value: str) -> bool:
    """Fourteen characters, formatted or bare, numeric or alphanumeric, with right check digits."""
    return _CNPJ_FORM.fullmatch(value.strip()) is not None and _CNPJ.validate(alphanumerics(value))


def _modulo11(body: str) -> int:
    """11 − (Σ character × 2..9 from the right) mod 11; characters count ASCII − 48. The result is 1 to 11."""
    weights = cycle(range(2, 10))
    return 11 - sum((ord(character) - 48) * weight for character, weight in zip(reversed(body), weights, strict=False)) % 11


def _modulo10(body: str) -> int:
    weights = cycle((2, 1))
    products = (int(digit) * weight for digit, weight in zip(reversed(body), weights, strict=False))
    return -sum(product // 10 + product % 10 for product in products) % 10


def valid_access_key(value: str) -> bool:
    """The 44 characters of an NF-e, NFC-e, CT-e or MDF-e key (grouped or not); the issuer's CNPJ may hold letters."""
    key = alphanumerics(value)
    if not re.fullmatch(r"\d{6}[0-9A-Z]{14}\d{24}", key):
        return False
    check = _modulo11(key[:43])
    return key[43] == str(check if check < 10 else 0)


def _barcode(line: str) -> str | None:
    """The 44 digits of the bar code that a linha digitável spells; None when it has neither 47 nor 48 digits."""
    number = digits(line)
    if len(number) == 47:
        return number[:4] + number[32:] + number[4:9] + number[10:20] + number[21:31]
    if len(number) == 48 and number[0] == "8":
        return "".join(number[start : start + 11] for start in range(0, 48, 12))
    return None


def valid_payment_line(value: str) -> bool:
    """A linha digitável of 47 digits (bank slip) or 48 digits (taxes and utilities): each block and the whole."""
    number, barcode = digits(value), _barcode(value)
    if barcode is None:
        return False
    if len(number) == 47:
        blocks = ((number[0:9], number[9]), (number[10:20], number[20]), (number[21:31], number[31]))
        whole = _modulo11(barcode[:4] + barcode[5:])
        return all(_modulo10(body) == int(check) for body, check in blocks) and int(barcode[4]) == (whole if whole < 10 else 1)
    if barcode[2] not in "6789":
        return False
    check_of = _modulo10 if barcode[2] in "67" else _collection_modulo11
    blocks_right = all(check_of(number[start : start + 11]) == int(number[start + 11]) for start in range(0, 48, 12))
    return blocks_right and check_of(barcode[:3] + barcode[4:]) == int(barcode[3])


def payment_line_of(barcode: str) -> str | None:
    """The linha digitável of the 44 digits of a bank slip's or a collection's bar code; None when they are neither."""
    if barcode[0] == "8":
        if barcode[2] not in "6789":
            return None
        check_of = _modulo10 if barcode[2] in "67" else _collection_modulo11
        line = "".join(f"{block}{check_of(block)}" for block in (barcode[start : start + 11] for start in range(0, 44, 11)))
    else:
        blocks = (barcode[:4] + barcode[19:24], barcode[24:34], barcode[34:44])
        line = "".join(f"{block}{_modulo10(block)}" for block in blocks) + barcode[4:19]
    return line if valid_payment_line(line) else None


def _collection_modulo11(body: str) -> int:
    check = _modulo11(body)
    return {11: 0, 10: 0}.get(check, check)


def payment_line_amount(value: str) -> Decimal | None:
    """The amount in reais that a linha digitável carries; None when it carries none (zero, or a quantity instead)."""
    barcode = _barcode(value)
    if barcode is None or (barcode[0] == "8" and len(digits(value)) == 48 and barcode[2] not in "68"):
        return None
    cents = int(barcode[4:15] if len(digits(value)) == 48 else barcode[9:19])
    return Decimal(cents).scaleb(-2) if cents else None


def payment_line_due(value: str, reference: date) -> date | None:
    """The due date that a bank slip's linha digitável carries; None when it carries none.

    The factor 1000..9999 names a day in each of two cycles; `reference` (the day of reading, or the document's own date)
    chooses the one from 3000 days before it to 5500 days after it.
    """
    number = digits(value)
    factor = int(number[33:37]) if len(number) == 47 else 0
    if factor < 1000:
        return None
    days = [start + timedelta(days=factor - 1000) for start in _FACTOR_CYCLES]
    near = [day for day in days if -_OVERDUE_DAYS <= (day - reference).days <= _AHEAD_DAYS]
    return near[0] if near else None


def valid_iban(value: str) -> bool:
    """ISO 13616: four first characters moved behind, letters as 10..35, remainder 1 modulo 97."""
    iban = alphanumerics(value)
    if not _IBAN_FORM.fullmatch(iban):
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def valid_email(value: str) -> bool:
    """The form of an address: a local part of up to 64 characters, a domain with a dot."""
    return _EMAIL_FORM.fullmatch(value.strip()) is not None and ".." not in value


def plausible_date(value: str) -> bool:
    """A day that exists, from 1900 to 2100."""
    day = parse_date(value)
    return day is not None and 1900 <= day.year <= 2100


_CHECKS = {
    "cpf": ("cpf_check_digits", valid_cpf),
    "cnpj": ("cnpj_check_digits", valid_cnpj),
    "access_key": ("access_key_check_digit", valid_access_key),
    "payment_line": ("payment_line_check_digits", valid_payment_line),
    "iban": ("iban_check_digits", valid_iban),
    "email": ("email_form", valid_email),
    "date": ("plausible_date", plausible_date),
}
_KINDS_OF_KEYS = (
    ("access_key", re.compile(r"chave|access.?key")),
    ("payment_line", re.compile(r"linha.?digitavel|codigo.?de.?barras|boleto.?line")),
    ("cpf_cnpj", re.compile(r"cpf.{0,6}cnpj|cnpj.{0,6}cpf")),
    ("cnpj", re.compile(r"cnpj")),
    ("cpf", re.compile(r"cpf")),
    ("iban", re.compile(r"iban")),
    ("email", re.compile(r"e-?mail")),
    ("date", re.compile(r"\bdata|data$|\bdate|date$|vencimento|emissao")),
)


def kind_of_key(key: str) -> str | None:
    """The kind of value that a key of a skeleton names, as `checks` takes it; None when it names none."""
    folded = fold(key).replace("_", " ")
    return next((kind for kind, pattern in _KINDS_OF_KEYS if pattern.search(folded)), None)


def _kind_of_value(value: str) -> str | None:
    """The kind that the printed form alone proves; bare runs of 11 or 14 digits prove nothing."""
    if "@" in value:
        return "email" if valid_email(value) else None
    if re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d{2}", value):
        return "cpf"
    if re.fullmatch(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}", value):
        return "cnpj"
    if re.fullmatch(r"\d{6}[0-9A-Z]{14}\d{24}", re.sub(r"[ .]", "", value)):
        return "access_key"
    if re.fullmatch(r"\d{47}|8\d{47}", re.sub(r"[ .-]", "", value)):
        return "payment_line"
    if re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", value.replace(" ", "")) and valid_iban(value):
        return "iban"
    return "date" if parse_date(value) else None


def checks(value: str, kind: str | None = None) -> dict[str, bool]:
    """What can be verified about one printed value: `{"cnpj_check_digits": True}`; `{}` when nothing applies.

    `kind` is one of cpf, cnpj, cpf_cnpj, access_key, payment_line, iban, email, date (see `kind_of_key`); without it only
    a form that proves its kind is checked. A kind that the value's length contradicts (an NFS-e key has 50 digits) is left out.
    """
    value = value.strip()
    if kind == "cpf_cnpj":
        kind = "cpf" if len(alphanumerics(value)) == 11 else "cnpj"
    if kind == "access_key" and len(alphanumerics(value)) == 50:
        return {}
    kind = kind if kind in _CHECKS else _kind_of_value(value)
    if kind is None or not value:
        return {}
    name, check = _CHECKS[kind]
    return {name: check(value)}
