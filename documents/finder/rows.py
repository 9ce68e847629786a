"""Rows of tables, written as lines of ` | ` or drawn on a page: the header names the keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from documents.finder.grids import grids
from documents.finder.view import Cell, View
from documents.finder.vocabulary import words
from documents.finder.wanted import canonical, split_words
from documents.skeleton import Leaf
from documents.values import parse_amount

#: Short words of columns, beside those of keys (`vocabulary.SYNONYMS`).
_SHORT = {
    "v": "valor",
    "vunit": "unitario",
    "vtotal": "total",
    "preco": "valor",
    "unit": "unitario",
    "un": "unidade",
    "unid": "unidade",
    "quant": "quantidade",
    "qtd": "quantidade",
    "qtde": "quantidade",
    "qty": "quantidade",
    "quantity": "quantidade",
    "cod": "codigo",
    "code": "codigo",
    "desc": "descricao",
    "discriminacao": "descricao",
    "line": "total",
}
_CURRENCIES = words("eur usd brl gbp rs rm r us")
#: Keys that only a line of a table has, and words of a question that ask for the lines.
_LINE_KEYS = words("quantidade unitario")
_LINES_ASKED = words("itens item items produtos produto linhas linha lines line rows mercadorias products")
_NUMBERS = ("number", "integer")
_LISTED = words("liste listar lista list enumere relacione all todos todas every cada each")


@dataclass(slots=True)
class Row:
    """One line of a table: the cell of each leaf (None: no such column, or an empty cell)."""

    view: View
    cells: list[Cell | None]


def _names(text: str) -> frozenset[str]:
    """The words of a key or of a column's title in one form."""
    named = frozenset(_SHORT.get(word, word) for word in canonical(split_words(text)) if word not in _CURRENCIES)
    return named | {"valor"} if "total" in named else named


def asks_for_lines(leaves: Sequence[Leaf], question: str) -> bool:
    """Whether objects of these keys are lines of a table and not documents: the keys or the question say so."""
    if any(_names(leaf.key) & _LINE_KEYS for leaf in leaves):
        return True
    said = set(split_words(question))
    return bool(said & _LISTED) and bool(said & _LINES_ASKED)


def _fit(header: frozenset[str], wanted: frozenset[str]) -> float:
    """How well a column's title answers a key: 1 for the same words, less for more or fewer."""
    if not header or not wanted or not (header <= wanted or wanted <= header):
        return 0.0
    return len(header & wanted) / len(header | wanted)


def _columns(titles: Sequence[frozenset[str]], leaves: Sequence[Leaf]) -> list[int | None]:
    """The best free column for each leaf; none where two fit equally well."""
    keys = [_names(leaf.key) for leaf in leaves]
    pairs = sorted(
        ((_fit(title, key), -row, column) for row, key in enumerate(keys) for column, title in enumerate(titles)), reverse=True
    )
    chosen: list[int | None] = [None] * len(leaves)
    for fit, negative_row, column in pairs:
        if fit > 0.3 and chosen[-negative_row] is None and column not in chosen:
            key = keys[-negative_row]
            equal = [other for other, title in enumerate(titles) if other not in chosen and _fit(title, key) == fit]
            chosen[-negative_row] = column if len(equal) == 1 else None
    return chosen


def _named(columns: Sequence[int | None], leaves: Sequence[Leaf]) -> bool:
    named = sum(column is not None for column in columns)
    return named >= min(2, len(leaves)) and named * 2 >= len(leaves)


def _titles(view: View, header: Sequence[Cell | None]) -> list[frozenset[str]]:
    return [_names(view.text[cell.start : cell.end]) if cell else frozenset() for cell in header]


def table_rows(views: Sequence[View], leaves: Sequence[Leaf], drawn: bool = True) -> list[Row]:
    """The rows of every table that has a column for most of the leaves (two at least, where two are wanted).

    `drawn` says whether tables without ` | ` count too.
    """
    found: list[Row] = []
    for view in views:
        for header, *lines in view.tables:
            columns = _columns(_titles(view, header), leaves)
            if _named(columns, leaves):
                found += _rows(view, columns, lines)
        if drawn and not view.gridded and not view.tables:
            found += _drawn_rows(view, leaves)
    return found


def _rows(view: View, columns: Sequence[int | None], lines: Sequence[Sequence[Cell | None]]) -> list[Row]:
    rows = [[line[column] if column is not None else None for column in columns] for line in lines]
    return [Row(view, cells) for cells in rows if any(cells)]


def _drawn_rows(view: View, leaves: Sequence[Leaf]) -> list[Row]:
    """The rows of drawn tables; none of a table whose numbers are no numbers."""
    found: list[Row] = []
    for header, *lines in grids(view, lambda cells: _named(_columns(_titles(view, cells), leaves), leaves)):
        columns = _columns(_titles(view, header), leaves)
        rows = _rows(view, columns, lines)
        if all(_is_number(view, row, place) for row in rows for place, leaf in enumerate(leaves) if leaf.type in _NUMBERS):
            found += rows
    return found


def _is_number(view: View, row: Row, place: int) -> bool:
    cell = row.cells[place]
    return cell is None or parse_amount(view.text[cell.start : cell.end]) is not None
