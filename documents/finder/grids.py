"""Tables that are drawn on a page: titles side by side and rows of cells under them, told by the boxes of their words."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from documents.finder.view import Cell, View

#: A row lies no farther under the one above it than so many times the height of the text.
_FIRST_ROW, _NEXT_ROW = 4.0, 3.5
#: A single cell that stands as closely under a row goes on with a text of it.
_WRAPPED = 1.6
_MIN_TITLES, _MAX_TITLES = 3, 40
_MAX_ROWS = 500
#: A cell under no title belongs to the nearest one when the next is so many times as far.
_CLEARLY_NEARER = 2.0
Line = list[Cell]


def lines_of(view: View) -> list[Line]:
    """The cells by visual line from the top, each line from left to right; `[]` for a page without geometry."""
    if "lines" not in view.cache:
        lines: list[Line] = []
        for cell in () if view.gridded else sorted(view.cells, key=lambda cell: cell.middle):
            if lines and cell.middle - lines[-1][0].middle <= 0.4 * max(min(cell.height, lines[-1][0].height), 4.0):
                lines[-1].append(cell)
            else:
                lines.append([cell])
        view.cache["lines"] = [sorted(line, key=lambda cell: cell.x0) for line in lines]
    return view.cache["lines"]


def grids(view: View, is_header: Callable[[Sequence[Cell]], bool]) -> Iterator[list[list[Cell | None]]]:
    """Every table whose titles `is_header` accepts, the titles first; all rows fill the same columns.

    A table that cannot be read for certain (a cell under no title or under two, two cells in one column, a text that goes
    on in the next line, a row with gaps between two rows without) is left out as a whole.
    """
    lines = lines_of(view)
    for place, line in enumerate(lines):
        if _MIN_TITLES <= len(line) <= _MAX_TITLES and is_header(line):
            rows = _body(line, lines[place + 1 : place + 1 + _MAX_ROWS])
            if rows:
                yield [list(line), *rows]


def _body(titles: Line, lines: Sequence[Line]) -> list[list[Cell | None]] | None:
    rows: list[list[Cell | None]] = []
    filled: set[int] = set()
    above, reach, ended = titles[0], _FIRST_ROW, False
    right = max(title.x1 for title in titles)
    for line in lines:
        size = max(max(cell.height for cell in line), 4.0)
        gap = line[0].middle - above.middle
        if gap > reach * size:
            break
        above, reach = line[0], _NEXT_ROW
        row = _placed(titles, line) if line[0].x0 < right else None
        columns = {place for place, cell in enumerate(row or ()) if cell is not None}
        if columns and row is not None and (columns == filled if rows else 5 * len(columns) >= 3 * len(titles)):
            if ended:
                return None
            rows.append(row)
            filled = columns
        elif not rows or (len(line) == 1 and columns <= filled and not ended and gap <= _WRAPPED * size):
            return None
        else:
            ended = True
    return rows


def _placed(titles: Line, line: Line) -> list[Cell | None] | None:
    """The cells of a line by column; None when a cell has no column of its own."""
    columns = [_column(titles, cell) for cell in line]
    if None in columns or any(len(list(same)) > 1 for _, same in groupby(columns)):
        return None
    row: list[Cell | None] = [None] * len(titles)
    for column, cell in zip(columns, line, strict=True):
        if column is not None:
            row[column] = cell
    return row


def _column(titles: Line, cell: Cell) -> int | None:
    over = [place for place, title in enumerate(titles) if title.x0 < cell.x1 and cell.x0 < title.x1]
    if len(over) == 1:
        return over[0]
    if over:
        return None
    gaps = sorted((max(title.x0 - cell.x1, cell.x0 - title.x1), place) for place, title in enumerate(titles))
    return gaps[0][1] if gaps[1][0] >= _CLEARLY_NEARER * max(gaps[0][0], 1.0) else None
