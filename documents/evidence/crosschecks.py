"""Values of one answer that must agree with each other: rows with their total, a payment line with its amount."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from documents.checks import payment_line_amount, valid_payment_line
from documents.skeleton import AnswerWarning, pointer
from documents.values import fold, parse_amount

_TOTALS = frozenset(
    (
        "total",
        "valortotal",
        "vltotal",
        "totalgeral",
        "valortotalnota",
        "valortotaldanota",
        "valortotaldosprodutos",
        "valordosprodutos",
        "amount",
        "totalamount",
        "grandtotal",
        "subtotal",
        "vtotal",
        "vrtotal",
    )
)
_AMOUNTS = _TOTALS | {"valor", "valordocumento", "valordodocumento", "valorcobrado", "valorapagar", "valordoboleto"}
_LARGEST = Decimal(10) ** 15


def _named(key: str) -> str:
    return "".join(character for character in fold(key) if character.isalnum())


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, str):
        amount = parse_amount(value) if len(value) <= 60 else None
    else:
        amount = Decimal(str(value)) if not isinstance(value, int) or value.bit_length() < 60 else None
    return amount if amount is not None and abs(amount) < _LARGEST else None


def _amounts_under(record: dict[str, Any], names: frozenset[str]) -> dict[str, Decimal]:
    named = {key: _amount(value) for key, value in record.items() if _named(key) in names}
    return {key: amount for key, amount in named.items() if amount is not None}


def _rows_and_total(record: dict[str, Any], path: str) -> Iterator[AnswerWarning]:
    totals = _amounts_under(record, _TOTALS)
    lists = [value for value in record.values() if isinstance(value, list) and len(value) > 1]
    tables = [rows for rows in lists if all(isinstance(row, dict) for row in rows)]
    if len(totals) != 1 or len(tables) != 1:
        return
    rows = [_amounts_under(row, _TOTALS) for row in tables[0]]
    if not all(len(row) == 1 for row in rows):
        return
    added = sum((next(iter(row.values())) for row in rows), Decimal(0))
    key, total = next(iter(totals.items()))
    if abs(added - total) > Decimal("0.01") * len(rows):
        yield AnswerWarning("sum_differs", pointer(path, key), f"The {len(rows)} rows add up to {added}, the total says {total}.")


def _line_and_amount(record: dict[str, Any], path: str) -> Iterator[AnswerWarning]:
    amounts = _amounts_under(record, _AMOUNTS)
    for key, value in record.items():
        if not isinstance(value, str) or len(value) > 80 or not amounts or not valid_payment_line(value):
            continue
        carried = payment_line_amount(value)
        if carried is not None and carried not in amounts.values():
            message = f"The payment line carries the amount {carried}, which no amount beside it has."
            yield AnswerWarning("amount_differs", pointer(path, key), message)


def crosschecks(answer: Any, path: str = "") -> Iterator[AnswerWarning]:
    """Warnings `sum_differs` and `amount_differs`; only where it is plain which values belong together."""
    if isinstance(answer, dict):
        yield from _rows_and_total(answer, path)
        yield from _line_and_amount(answer, path)
        for key, value in answer.items():
            yield from crosschecks(value, pointer(path, key))
    elif isinstance(answer, list):
        for index, value in enumerate(answer):
            yield from crosschecks(value, pointer(path, index))
