"""Rows of tables written as lines of ` | `: the header names the keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from documents.finder.view import Cell, View
from documents.finder.wanted import canonical, split_words
from documents.skeleton import Leaf


@dataclass(slots=True)
class Row:
    """One line of a table: the cell of each leaf (None: no such column, or an empty cell)."""

    view: View
    cells: list[Cell | None]


def _fit(header: frozenset[str], wanted: frozenset[str]) -> float:
    """How well a column's title answers a key: 1 for the same words, less for more or fewer."""
    if not header or not wanted or not (header <= wanted or wanted <= header):
        return 0.0
    return len(header & wanted) / len(header | wanted)


def _columns(titles: Sequence[frozenset[str]], leaves: Sequence[Leaf]) -> list[int | None]:
    """The best free column for each leaf."""
    keys = [frozenset(canonical(split_words(leaf.key))) for leaf in leaves]
    pairs = sorted(
        ((_fit(title, key), -row, column) for row, key in enumerate(keys) for column, title in enumerate(titles)), reverse=True
    )
    chosen: list[int | None] = [None] * len(leaves)
    for fit, negative_row, column in pairs:
        if fit > 0.3 and chosen[-negative_row] is None and column not in chosen:
            chosen[-negative_row] = column
    return chosen


def table_rows(views: Sequence[View], leaves: Sequence[Leaf]) -> list[Row]:
    """The rows of every table that has a column for most of the leaves (two at least, where two are wanted)."""
    found: list[Row] = []
    for view in views:
        for header, *lines in view.tables:
            titles = [
                frozenset(canonical(split_words(view.text[cell.start : cell.end]))) if cell else frozenset() for cell in header
            ]
            columns = _columns(titles, leaves)
            named = sum(column is not None for column in columns)
            if named < min(2, len(leaves)) or named * 2 < len(leaves):
                continue
            for line in lines:
                cells = [line[column] if column is not None else None for column in columns]
                if any(cells):
                    found.append(Row(view, cells))
    return found
