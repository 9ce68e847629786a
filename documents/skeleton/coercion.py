"""A scalar as a model wrote it, in the type that was wanted, when nothing is lost on the way."""

import math
import re
from decimal import Decimal
from typing import Any, Final

from documents.skeleton.nodes import Scalar
from documents.values import fold, parse_amount


class _Mismatch:
    def __repr__(self) -> str:
        return "MISMATCH"


#: What `to_scalar` gives for a value that cannot take the wanted type without loss.
MISMATCH: Final = _Mismatch()

#: Largest integer that every JSON reader keeps exactly (RFC 8259 §6).
_SAFE_INTEGER = 2**53
_LONG_DIGITS = 17
_NOTHING_WORDS = """
n/a|n.a|n/d|null|none|nil|nulo|nula|undefined|unknown|desconhecido|desconhecida|indisponivel|missing|no data|sem informacao
nao informado|nao informada|nao encontrado|nao encontrada|nao especificado|nao especificada|nao identificado|nao identificada
nao mencionado|nao mencionada|nao localizado|nao localizada|nao presente|nao ha|nao consta
nao disponivel|nao aplicavel|nao se aplica
not found|not available|not applicable|not provided|not specified|not mentioned|not stated|not present|not given
"""
_NOTHING = frozenset(_NOTHING_WORDS.strip().replace("\n", "|").split("|"))
_TRUE = frozenset(("true", "sim", "yes", "verdadeiro", "1"))
_FALSE = frozenset(("false", "nao", "no", "falso", "0"))


def clean_text(text: str) -> str:
    """`text` that UTF-8 can carry: surrogate pairs joined, lone halves replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def means_nothing(text: str) -> bool:
    """Whether `text` only says that there is no value: empty, dashes, "N/A", "não informado", "<not found>"."""
    if len(text) > 60:
        return not text.strip()
    bare = fold(text).strip(" \t\r\n.<>[](){}\"'*_?-")
    return not bare or bare in _NOTHING


def to_scalar(node: Scalar, value: Any) -> Any:
    """`value` as `node` wants it: the scalar, None for null and for words that mean nothing, or MISMATCH.

    A list of one scalar is that scalar. Texts become numbers by the rule of `values.parse_amount` (`"R$ 1.234,56"` is
    1234.56), numbers become texts as JSON writes them.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, (dict, list)):
        return None if not value else MISMATCH
    if isinstance(value, str):
        value = clean_text(value).strip()
        if value not in node.choices and means_nothing(value):
            return None
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if node.choices:
        return _choice(node.choices, _to_text(value))
    match node.type:
        case "string":
            return _to_text(value)
        case "number" | "integer":
            return _to_number(value, whole=node.type == "integer")
        case "boolean":
            return _to_boolean(value)
    return _unchanged(value)


def _choice(choices: tuple[str, ...], text: str) -> Any:
    if text in choices:
        return text
    alike = [choice for choice in choices if fold(choice).strip() == fold(text).strip()]
    return alike[0] if len(alike) == 1 else MISMATCH


def _to_text(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer_text(value)
    return value if isinstance(value, str) else repr(value)


def _integer_text(value: int) -> str:
    # str() of an int refuses beyond 4300 digits.
    return str(value) if value.bit_length() < 10_000 else hex(value)


def _to_number(value: str | int | float | bool, whole: bool) -> Any:
    if isinstance(value, bool):
        return MISMATCH
    if isinstance(value, str):
        amount = parse_amount(value) if len(value) <= 60 else None
        plain = _plain_number(value) if amount is None else amount
        if plain is None or len(plain.as_tuple().digits) >= _LONG_DIGITS:
            return MISMATCH
        value = int(plain) if plain == plain.to_integral_value() and _no_fraction(plain) else float(plain)
    if isinstance(value, float) and value.is_integer() and whole:
        value = int(value)
    if isinstance(value, int):
        return value if abs(value) <= _SAFE_INTEGER else MISMATCH
    return MISMATCH if whole else value


def _plain_number(text: str) -> Decimal | None:
    """A number as programs write it, for what no document prints: `1e3`."""
    return Decimal(text) if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,15})?[eE][-+]?\d{1,2}", text) else None


def _no_fraction(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= 0


def _to_boolean(value: str | int | float | bool) -> Any:
    if isinstance(value, bool):
        return value
    word = fold(_to_text(value)).strip(" .")
    if word in _TRUE:
        return True
    return False if word in _FALSE else MISMATCH


def _unchanged(value: str | int | float | bool) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return _integer_text(value)
    return value
