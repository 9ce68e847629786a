"""Values that prove their kind by their look, and the look of every kind at one place of a text.

All expressions are bounded and have no nested open repetition, so a hostile page costs linear time.
"""

import re
from dataclasses import dataclass

from documents.checks import valid_access_key, valid_cnpj, valid_cpf, valid_iban, valid_payment_line
from documents.finder.view import View
from documents.values import alphanumerics, digits, find_amounts, find_dates

_CNPJ = re.compile(
    r"(?<![0-9A-Za-z./-])(?:[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3} ?/ ?[0-9A-Z]{4} ?- ?\d{2}"
    r"|\d{8}/\d{4}-\d{2}|[0-9A-Z]{12}\d\d)(?![0-9A-Za-z]|[-./]\d)"
)
_CPF = re.compile(r"(?<![0-9A-Za-z./-])(?:\d{3}\.\d{3}\.\d{3} ?- ?\d{2}|\d{9}-\d{2}|\d{11})(?![0-9A-Za-z]|[-./]\d)")
_ACCESS_KEY = re.compile(
    r"(?<![0-9A-Za-z.-])(?:\d{6}[0-9A-Z]{14}\d{24}|\d{50}"
    r"|(?<!\d{4} )\d{4}(?:[ .\n]{1,2}[0-9A-Z]{4}){10}(?:[ .\n]{1,2}\d{4} ?\d{2})?)(?![0-9A-Za-z]|[ .]\d{4}(?!\d))"
)
_PAYMENT_LINE = re.compile(
    r"(?<![0-9A-Za-z.-])(?:\d{5}\.?\d{5}\s{0,2}\d{5}\.?\d{6}\s{0,2}\d{5}\.?\d{6}\s{0,2}\d\s{0,2}\d{14}"
    r"|8\d{10}[ -]{0,3}\d(?:[ \n]{0,2}\d{11}[ -]{0,3}\d){3})(?![0-9A-Za-z])"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_PHONE = re.compile(
    r"(?<![\w.,/-])(?:\+\d{1,3}[ -]?)?(?:\(\d{2,3}\)[ -]{0,3}\d{3,5}[ -]?\d{4}|\d{2} 9?\d{4}-\d{4}"
    r"|\+?\d{1,3}[ -]\d{2,4}(?:[ -]\d{2,4}){1,4})(?![\w/]|[-.,]\d)"
)
_LABELLED_PHONE = re.compile(r"\+?\(?\d[\d ()./-]{5,22}\d(?!\w)")
_CEP = re.compile(r"(?<![\w.,/-])(?:\d{5}-\d{3}|\d{2}\.\d{3}-\d{3})(?![\w/-]|[.,]\d)")
_LABELLED_CEP = re.compile(r"(?:\d{2}\.?\d{3}-?\d{3}|\d{5}(?:-\d{4})?)(?!\w)")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?:[ ]?[0-9A-Z]{2,6}){2,8}(?![0-9A-Za-z])")
_URL = re.compile(r"(?<![@\w.])(?:https?://[^\s<>\"']{4,200}|www\.[\w.-]{3,100}(?:/[^\s<>\"']{0,100})?)")
_CODE = re.compile(r"#?\s?(?:[A-Z]{1,4} )?[A-Za-z0-9#][\w./\-]{0,59}")
_DIGITS = re.compile(r"\d[\d.\-]{4,30}(?!\w)")
_PLATE = re.compile(r"[A-Z]{2,3}[- ]?\d[A-Z0-9]\d{2,4}(?!\w)")
_PERCENT = re.compile(r"\d{1,3}(?:[.,]\d{1,4})?\s?%")
_STATE = re.compile(r"[A-Z]{2}(?!\w)")
_AFTER_CURRENCY = re.compile(r"(?:R\$|US\$|[$€£₹¥]|RM|Rs\.?|[A-Z]{3})?\s{0,3}")
_GOES_ON = re.compile(r"[^\W_ºª]|[.,]\d|\s?%")
_BEGUN = re.compile(r"[^\W_ºª°]\Z|\d[.,]\Z")
_ZEROS = re.compile(r"0*O[O0]*")
_CURRENCY_SIGN = re.compile(r"[$€£₹¥]\s{0,2}\Z")
_CENTS = re.compile(r"\.\d{3},\d\d\Z|,\d{3}\.\d\d\Z")


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text[start:end]` looks like a value of the kind; `proven` when its form or check digits leave no doubt."""

    start: int
    end: int
    proven: bool


def _cnpj(text: str) -> list[Candidate]:
    found = []
    for match in _CNPJ.finditer(text):
        formatted = "/" in match[0]
        # A bare run proves itself only as a numeric number with right digits and a usual branch.
        proven = formatted or (match[0][8:11] == "000" and match[0].isdigit() and valid_cnpj(match[0]))
        if any(character.isdigit() for character in match[0][:12]):
            found.append(Candidate(*match.span(), proven))
    return found


def _cpf(text: str) -> list[Candidate]:
    return [
        Candidate(*match.span(), "." in match[0] or ("-" in match[0] and valid_cpf(match[0]))) for match in _CPF.finditer(text)
    ]


def _access_key(text: str) -> list[Candidate]:
    found = []
    for match in _ACCESS_KEY.finditer(text):
        bare = alphanumerics(match[0])
        if len(bare) == 50 or re.fullmatch(r"\d{6}[0-9A-Z]{14}\d{24}", bare):
            found.append(Candidate(*match.span(), valid_access_key(bare)))
    return found


def _payment_line(text: str) -> list[Candidate]:
    found = (Candidate(*match.span(), valid_payment_line(match[0])) for match in _PAYMENT_LINE.finditer(text))
    return [one for one in found if one.proven or any(mark in text[one.start : one.end] for mark in ". -")]


def _iban(text: str) -> list[Candidate]:
    found = []
    for match in _IBAN.finditer(text):
        end = match.end()
        # A word may follow the number closely: give groups back until the check digits are right.
        while end > match.start() + 14 and not valid_iban(text[match.start() : end]):
            shorter = text.rfind(" ", match.start(), end)
            if shorter < 0:
                break
            end = shorter
        found.append(Candidate(match.start(), end, valid_iban(text[match.start() : end])))
    return found


def _plain(pattern: re.Pattern[str], text: str) -> list[Candidate]:
    return [Candidate(*match.span(), True) for match in pattern.finditer(text)]


def _phone(text: str) -> list[Candidate]:
    return [one for one in _plain(_PHONE, text) if 8 <= len(digits(text[one.start : one.end])) <= 14]


def scan(view: View, kind: str) -> list[Candidate]:
    """Every value on the page that looks like `kind` by itself, in order; `[]` for kinds that need a label."""
    if kind not in view.cache:
        view.cache[kind] = _scan(view, kind)
    return view.cache[kind]


def _scan(view: View, kind: str) -> list[Candidate]:
    text = view.text
    match kind:
        case "cnpj":
            return _cnpj(text)
        case "cpf":
            return _cpf(text)
        case "cpf_cnpj":
            return sorted((*scan(view, "cnpj"), *scan(view, "cpf")), key=lambda one: one.start)
        case "access_key":
            return _access_key(text)
        case "payment_line":
            return _payment_line(text)
        case "iban":
            return _iban(text)
        case "email":
            return _plain(_EMAIL, text)
        case "phone":
            return _phone(text)
        case "cep":
            return _plain(_CEP, text)
        case "url":
            return _plain(_URL, text)
        case "date":
            return [Candidate(found.start, found.end, True) for found in find_dates(text)]
        case "amount":
            return [
                Candidate(found.start, found.end, has_cents(text, found.end))
                for found in find_amounts(text)
                if not text.startswith("%", view.skip_blanks(found.end))
            ]
    return []


def has_cents(text: str, end: int) -> bool:
    """Whether a number that ends at `end` shows two decimals."""
    return end > 3 and text[end - 3] in ",."


_AT = {
    "code": _CODE,
    "digits": _DIGITS,
    "plate": _PLATE,
    "percent": _PERCENT,
    "state": _STATE,
    "phone": _LABELLED_PHONE,
    "cep": _LABELLED_CEP,
}


def read_at(view: View, kind: str, offset: int, end: int) -> tuple[int, int] | None:
    """The value of `kind` that begins at `offset` (currency signs skipped) and ends by `end`; None when there is none."""
    text = view.text
    if kind == "phone" and text[max(0, offset - 1) : offset] == "(":
        offset -= 1
    if kind in _AT:
        match = _AT[kind].match(text, offset, end)
        if match is None or (kind == "code" and not _is_code(match[0])):
            return None
        start, stop = match.span()
        while text[start] in "# " and start < stop - 1:
            start += 1
        while text[stop - 1] in ".,/-" and stop - 1 > start:
            stop -= 1
        whole = _is_whole(text, start, stop) and not _is_money(text, kind, start, stop) and not _is_group(view, start, stop)
        return (start, stop) if whole else None
    if kind == "amount":
        match = _AFTER_CURRENCY.match(text, offset, end)
        offset = match.end() if match else offset
        offset -= text[max(0, offset - 1) : offset] in ("-", "\u2212")
    starts = view.cache.get(f"{kind} starts")
    if starts is None:
        starts = view.cache[f"{kind} starts"] = {one.start: one.end for one in scan(view, kind)}
    stop = starts.get(offset)
    return (offset, stop) if stop is not None and stop <= end else None


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether no letter, digit or decimal part of the same token stands outside `text[start:end]`."""
    if text[end - 1].isalnum() and _GOES_ON.match(text, end):
        return False
    return not (text[start].isdigit() and _BEGUN.search(text, max(0, start - 3), start))


def _is_money(text: str, kind: str, start: int, end: int) -> bool:
    """A sum in place of a code: `R$ 7.000,00`."""
    if kind not in ("code", "digits"):
        return False
    return _CURRENCY_SIGN.search(text, max(0, start - 4), start) is not None or _CENTS.search(text, start, end) is not None


def _is_group(view: View, start: int, end: int) -> bool:
    """A group of the digits of an access key or of a payment line: `3526` of `3526 0348 …`."""
    longer = (one for kind in ("access_key", "payment_line") for one in scan(view, kind))
    return any(one.start <= start and end <= one.end and end - start < one.end - one.start for one in longer)


def _is_code(text: str) -> bool:
    """`O0` is a zero that recognition doubled, as of a box to tick."""
    return any(character.isdigit() for character in text) and _ZEROS.fullmatch(text.strip(".,/-")) is None
