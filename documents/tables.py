"""The tables of a page as cells: written as lines of ` | ` (sheets, documents, web pages) or drawn as columns (PDF, scans)."""

from collections.abc import Sequence

from documents.finder.grids import grids
from documents.finder.view import Cell, View
from documents.parsed import Page

Table = list[list[str]]
_LONGEST_TITLE = 60


def tables_of(page: Page) -> list[Table]:
    """Each table as rows of texts, its titles first; a cell without text is "".

    What cannot be told for certain to be a table is left out: a row that fits under no titles, a page of free columns.
    """
    view = View(page)
    written = view.tables
    drawn = grids(view, lambda line: _is_header(view, line)) if page.words else ()
    return [[[_text(view, cell) for cell in row] for row in table] for table in (*written, *drawn)]


def markdown(table: Table) -> str:
    """The table as a table of GitHub Flavored Markdown, bars in cells escaped.

    >>> markdown([["item", "total"], ["café | chá", "3,00"]])
    '| item | total |\\n|---|---|\\n| café \\\\| chá | 3,00 |'
    """
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]])


def _text(view: View, cell: Cell | None) -> str:
    return "" if cell is None else " ".join(view.text[cell.start : cell.end].split())


def _is_header(view: View, line: Sequence[Cell]) -> bool:
    """Titles are words: a line with a number or an address in it is a row."""
    texts = [view.folded_of(cell) for cell in line]
    return all(
        len(text) <= _LONGEST_TITLE and any(map(str.isalpha, text)) and not text[0].isdigit() and "@" not in text
        for text in texts
    )
