"""How Brazilian fiscal documents print what their XML holds: `12.345.678/0001-95`, `05/03/2026`, `1.234,56`."""

import re
from decimal import Decimal

DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?([+-]\d\d:\d\d|Z)?)?")
NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")
ALPHANUMERIC = re.compile(r"[0-9A-Z]+")


def printed(name: str, text: str) -> str:
    """The value of the element `name` as it is printed. The names tell what is what: `v…` money, `q…` quantities, `p…` and
    `peso…` numbers, `d…` dates (Manual de Orientação do Contribuinte, NF-e 4.00, Anexo I)."""
    if name.startswith("CNPJ") and len(text) == 14:
        return cnpj(text)
    if name.startswith("CPF") and len(text) == 11:
        return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"
    if name == "CEP" and len(text) == 8 and text.isdecimal():
        return f"{text[:5]}-{text[5:]}"
    if name == "fone":
        return phone(text)
    if name.startswith("d") and (match := DATE.fullmatch(text)):
        return date(match)
    if NUMBER.fullmatch(text):
        if _names(name, "v"):
            return number(text, 2)
        if _names(name, "p", "peso", "q", "tara", "TU") and "." in text:
            return number(text, 2) if _names(name, "p") else number(text, None)
    return text


def _names(name: str, *prefixes: str) -> bool:
    """True for names such as `vNF`, made of one of the prefixes and a capital (or of nothing else)."""
    return any(name.startswith(prefix) and not name[len(prefix) :][:1].islower() for prefix in prefixes)


def cnpj(text: str) -> str:
    """Also the alphanumeric ones (IN RFB 2.229/2024)."""
    return f"{text[:2]}.{text[2:5]}.{text[5:8]}/{text[8:12]}-{text[12:]}" if ALPHANUMERIC.fullmatch(text) else text


def phone(text: str) -> str:
    """National numbers with their area code; others as they are."""
    if not text.isdecimal() or len(text) not in (10, 11):
        return text
    return f"({text[:2]}) {text[2:-4]}-{text[-4:]}"


def date(match: re.Match[str]) -> str:
    year, month, day, time, zone = match.groups()
    told = f" (UTC{zone})" if zone and zone != "Z" else " (UTC)" if zone else ""
    return f"{day}/{month}/{year}" + (f" {time}{told}" if time else "")


def number(text: str, decimals: int | None) -> str:
    """With points at the thousands and a decimal comma. Zeros at the end go, down to `decimals`; None keeps them all."""
    whole, _, fraction = text.partition(".")
    if decimals is not None:
        fraction = fraction.rstrip("0").ljust(decimals, "0")
    grouped = f"{abs(int(whole)):,}".replace(",", ".")
    sign = "-" if Decimal(text) < 0 else ""
    return f"{sign}{grouped},{fraction}" if fraction else f"{sign}{grouped}"
