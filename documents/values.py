"""Pure readings of what documents print: amounts, dates, digits, and text without case and accents.

Everything here is total: what cannot be read is None, never an exception. The expressions are linear (bounded groups, no
nested repetition), so they may run over hostile text.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class FoundAmount(NamedTuple):
    """`text[start:end]` prints a number; `value` is that number."""

    start: int
    end: int
    value: Decimal


class FoundDate(NamedTuple):
    """`text[start:end]` prints a date; `value` is that day."""

    start: int
    end: int
    value: date


def _folded(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0].lower()
    return base if len(base) == 1 else character


_FOLD = {code: _folded(chr(code)) for code in (*range(0x80, 0x250), *range(0x1E00, 0x1F00), *range(0xFF01, 0xFF5F))}
_FOLD |= {ord(mark): " " for mark in "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"}
_FOLD |= {ord(mark): "-" for mark in "\u2010\u2011\u2012\u2013\u2014\u2212\u00ad"}
_FOLD |= {ord(mark): "'" for mark in "\u2018\u2019\u00b4\u0060"} | {ord(mark): '"' for mark in "\u201c\u201d"}
_FOLD |= {0xDF: "s", 0xE6: "a", 0xC6: "a", 0xF8: "o", 0xD8: "o", 0x142: "l", 0x141: "l", 0x131: "i", 0xB0: "o"}


def fold(text: str) -> str:
    """`text` in lower case without accents, **of the same length**, so that offsets stay valid.

    Dashes become `-`, kinds of blanks become a blank, `º`, `°` and `ª` become `o` and `a`. `fold("Nº ÇÃO")` is `"no cao"`.
    """
    return text.translate(_FOLD).lower() if not text.isascii() else text.lower()


def digits(text: str) -> str:
    """Only the characters 0 to 9 of `text`."""
    return re.sub(r"[^0-9]", "", text)


def alphanumerics(text: str) -> str:
    """Only the ASCII letters and digits of `text`, in upper case: the bare form of a CNPJ, an access key, an IBAN."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


_CURRENCY = r"(?:R\$|US\$|[A-Z]{2}\$|[$€£¥₹]|\b(?:BRL|USD|EUR|GBP|INR|MYR|PLN|CHF|CAD|AUD|JPY|RM|Rs\.?)(?![A-Za-z]))"
_INDIAN = r"\d{1,2}(?:,\d{2}){1,5},\d{3}(?:\.\d{1,4})?(?!\d)"
_FRACTION = r"(?:[.,]\d{1,10})?(?!\d)"
_NUMBER = rf"{_INDIAN}|\d{{1,3}}(?:(?P<group>%s)\d{{3}})(?:(?P=group)\d{{3}}){{0,6}}{_FRACTION}|\d{{1,18}}{_FRACTION}"
# A blank groups thousands only where the value stands alone: in running text `2 100,00` may be a quantity and a price.
_IN_TEXT = _NUMBER % "[.,'\u2019\u00a0\u202f]"
_ALONE = _NUMBER % "[.,'\u2019 \u00a0\u202f]"
_GLUED_CURRENCY = "|".join(rf"(?<=\b{name})" for name in ("RM", "Rs", "BRL", "USD", "EUR", "GBP", "INR", "R\\$", "US\\$"))
_AMOUNT = re.compile(
    rf"(?=[\d\u2212-])(?:(?<![\w.,/\u2212-])|{_GLUED_CURRENCY})(?P<minus>[-\u2212])?(?P<number>{_IN_TEXT})(?![\w/]|[.,]\d)"
)
_WHOLE_AMOUNT = re.compile(
    rf"\s{{0,9}}(?P<open>\()?\s{{0,3}}(?P<sign>[-+\u2212])?\s{{0,3}}"
    rf"(?:{_CURRENCY}\s{{0,3}})?(?P<minus>[-\u2212])?(?P<number>{_ALONE})"
    rf"\s{{0,3}}(?:{_CURRENCY}|%)?\s{{0,3}}(?P<trailing>-)?(?P<close>\))?\s{{0,9}}",
    re.IGNORECASE,
)


def _number(text: str, decimal: str | None) -> Decimal | None:
    body = re.sub(r"[ '\u2019\u00a0\u202f]", "", text)
    last = max(body.rfind("."), body.rfind(","))
    if last < 0:
        return Decimal(body)
    mark = body[last]
    tail = len(body) - last - 1
    whole = body[:last]
    if decimal is not None:
        fraction = mark == decimal
    elif body.count(mark) > 1:
        if tail != 3 and not re.fullmatch(_INDIAN, body):
            return None
        fraction = False
    else:
        # One mark before exactly three digits groups thousands, unless another mark or a leading zero says otherwise.
        fraction = tail != 3 or not whole.isdigit() or whole.startswith("0") or len(whole) > 3
    if not fraction:
        return Decimal(re.sub(r"[.,]", "", body))
    return Decimal(re.sub(r"[.,]", "", whole) + "." + body[last + 1 :])


def parse_amount(text: str, decimal: str | None = None) -> Decimal | None:
    """The number that `text` prints as a whole, currency, percent sign and brackets allowed; else None.

    The last separator is the decimal one (`1.234,56`, `1,234.56`), except that a single separator before exactly three
    digits groups thousands (`1.234`). `decimal` (`","` or `"."`) settles it where the document's habit is known.
    """
    match = _WHOLE_AMOUNT.fullmatch(text)
    if match is None or (match["sign"] and match["minus"]):
        return None
    number = _number(match["number"], decimal)
    negative = match["sign"] in ("-", "\u2212") or match["minus"] or match["trailing"] or (match["open"] and match["close"])
    return -number if number is not None and negative else number


def find_amounts(text: str, decimal: str | None = None) -> Iterator[FoundAmount]:
    """Every number printed in `text`, in order, without its currency; parts of dates, ids and words are left out."""
    for match in _AMOUNT.finditer(text):
        number = _number(match["number"], decimal)
        if number is not None:
            yield FoundAmount(match.start(), match.end(), -number if match["minus"] else number)


_MONTHS = {
    1: "janeiro jan january enero ene janvier januar gennaio januari styczen",
    2: "fevereiro fev february feb febrero fevrier februar febbraio februari luty",
    3: "marco mar march marzo mars maerz marz maart mrt",
    4: "abril abr april apr avril aprile avr",
    5: "maio mai may mayo maggio mei maj",
    6: "junho jun june junio juin juni giugno",
    7: "julho jul july julio juillet juli luglio juil",
    8: "agosto ago august aug aout augustus",
    9: "setembro set september sep sept septiembre septembre settembre",
    10: "outubro out october oct octubre octobre oktober okt ottobre",
    11: "novembro nov november noviembre novembre",
    12: "dezembro dez december dec diciembre decembre dezember dicembre dic",
}
_MONTH_OF = {name: number for number, names in _MONTHS.items() for name in names.split()}
_MONTH = "(?:" + "|".join(sorted(_MONTH_OF, key=len, reverse=True)) + ")"
_DATE = re.compile(
    r"(?<![\w.,/-])(?:"
    r"(?P<y1>(?:19|20|21)\d\d)(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})(?=t\d\d:\d\d|(?!\w))"
    r"|(?P<a>\d{1,2})(?P<s2>\s?[-/.]\s?)(?P<b>\d{1,2})(?P=s2)(?P<y2>(?:19|20|21)\d\d|\d\d)(?!\w|[-/]\d|[.,]\d)"
    rf"|(?P<d3>\d{{1,2}})(?:o|st|nd|rd|th|er|\.)?(?:\s{{1,3}}|\s?[-/]\s?|(?=[a-z]))"
    rf"(?:de\s{{1,3}}|of\s{{1,3}})?(?P<m3>{_MONTH})\.?"
    r"(?:\s{1,3}|\s?[-/,]\s{0,2}|(?<=[a-z])(?=\d))(?:de\s{1,3}|del\s{1,3}|of\s{1,3})?(?P<y3>(?:19|20|21)\d\d|\d\d)(?!\w|[.,]\d)"
    rf"|(?P<m4>{_MONTH})\.?(?:\s{{1,3}}|\s?[-/]\s?)"
    rf"(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?\s{{0,2}}(?:,|[-/]|\s)\s{{0,2}}(?P<y4>(?:19|20|21)\d\d)(?!\w|[.,]\d)"
    r")"
)
_COMPACT_DATE = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")


def _year(text: str) -> int:
    year = int(text)
    return year if year > 99 else 2000 + year if year < 70 else 1900 + year


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _date(match: re.Match[str], month_first: bool) -> date | None:
    if match["y1"]:
        return _day(int(match["y1"]), int(match["m1"]), int(match["d1"]))
    if match["y2"]:
        year, first, second = _year(match["y2"]), int(match["a"]), int(match["b"])
        orders = ((first, second), (second, first)) if month_first else ((second, first), (first, second))
        return _day(year, *orders[0]) or _day(year, *orders[1])
    if match["y3"]:
        return _day(_year(match["y3"]), _MONTH_OF[match["m3"]], int(match["d3"]))
    return _day(int(match["y4"]), _MONTH_OF[match["m4"]], int(match["d4"]))


def find_dates(text: str, month_first: bool = False) -> Iterator[FoundDate]:
    """Every date printed in `text`, in order; the time of an ISO time stamp is left out.

    `03/04/2026` is the 3rd of April, unless `month_first`; an order that the calendar forbids is read the other way.
    """
    for match in _DATE.finditer(fold(text)):
        day = _date(match, month_first)
        if day is not None:
            yield FoundDate(match.start(), match.end(), day)


def parse_date(text: str, month_first: bool = False) -> date | None:
    """The day that `text` prints as a whole (a time behind it is allowed, `20260305` too); else None."""
    stripped = fold(text.strip())
    match = _DATE.match(stripped)
    if match is not None and re.fullmatch(r"(?:[t ,]{1,3}(?:as |at )?\d\d?[:h]\d\d.{0,20})?", stripped[match.end() :]):
        return _date(match, month_first)
    compact = _COMPACT_DATE.fullmatch(stripped)
    return _day(*map(int, compact.groups())) if compact else None
