"""Values of one answer that must agree with each other: rows with their total, a payment line with its amount and due date."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from documents.checks import payment_line_amount, payment_line_due, valid_payment_line
from documents.skeleton import AnswerWarning, pointer
from documents.values import fold, parse_amount, parse_date

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
_DUE_DATES = frozenset(("vencimento", "datavencimento", "datadevencimento", "dtvencimento", "duedate", "datedue"))
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


class Disagreement(NamedTuple):
    """`warning` says what contradicts what; `paths` are the values that may be wrong."""

    warning: AnswerWarning
    paths: tuple[str, ...]


def _rows_and_total(record: dict[str, Any], path: str) -> Iterator[Disagreement]:
    totals = _amounts_under(record, _TOTALS)
    lists = {key: value for key, value in record.items() if isinstance(value, list) and len(value) > 1}
    tables = {key: rows for key, rows in lists.items() if all(isinstance(row, dict) for row in rows)}
    if len(totals) != 1 or len(tables) != 1:
        return
    name, table = next(iter(tables.items()))
    rows = [_amounts_under(row, _TOTALS) for row in table]
    if not all(len(row) == 1 for row in rows):
        return
    added = sum((next(iter(row.values())) for row in rows), Decimal(0))
    key, total = next(iter(totals.items()))
    if abs(added - total) > Decimal("0.01") * len(rows):
        place, message = pointer(path, key), f"The {len(rows)} rows add up to {added}, the total says {total}."
        yield Disagreement(AnswerWarning("sum_differs", place, message), (place, pointer(path, name)))


def _line_and_amount(record: dict[str, Any], path: str) -> Iterator[Disagreement]:
    amounts = _amounts_under(record, _AMOUNTS)
    for key, line in _payment_lines(record):
        carried = payment_line_amount(line)
        if amounts and carried is not None and carried not in amounts.values():
            place = pointer(path, key)
            message = f"The payment line carries the amount {carried}, which no amount beside it has."
            paths = (place, *(pointer(path, name) for name in amounts))
            yield Disagreement(AnswerWarning("amount_differs", place, message), paths)


def _line_and_due_date(record: dict[str, Any], path: str) -> Iterator[Disagreement]:
    days = {key: _day(value) for key, value in record.items() if _named(key) in _DUE_DATES}
    dues = {key: day for key, day in days.items() if day is not None}
    for key, line in _payment_lines(record):
        carried = {payment_line_due(line, day) for day in dues.values()}
        if dues and None not in carried and carried.isdisjoint(dues.values()):
            place = pointer(path, key)
            told = " or ".join(sorted(day.isoformat() for day in carried if day))
            message = f"The payment line carries the due date {told}, which no due date beside it has."
            paths = (place, *(pointer(path, name) for name in dues))
            yield Disagreement(AnswerWarning("due_date_differs", place, message), paths)


def _payment_lines(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if isinstance(value, str) and len(value) <= 80 and valid_payment_line(value):
            yield key, value


def _day(value: Any) -> date | None:
    return parse_date(value) if isinstance(value, str) and len(value) <= 60 else None


def disagreements(answer: Any, path: str = "") -> Iterator[Disagreement]:
    """`sum_differs`, `amount_differs` and `due_date_differs`; only where it is plain which values belong together."""
    if isinstance(answer, dict):
        yield from _rows_and_total(answer, path)
        yield from _line_and_amount(answer, path)
        yield from _line_and_due_date(answer, path)
        for key, value in answer.items():
            yield from disagreements(value, pointer(path, key))
    elif isinstance(answer, list):
        for index, value in enumerate(answer):
            yield from disagreements(value, pointer(path, index))


def crosschecks(answer: Any) -> Iterator[AnswerWarning]:
    """The warnings of `disagreements`."""
    return (disagreement.warning for disagreement in disagreements(answer))
