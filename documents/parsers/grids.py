"""Tables whose cells say of themselves that they go on with the cell above, as in Word and RTF."""

from dataclasses import dataclass, field

from documents.parsers.tables import Cell, Table


@dataclass(slots=True)
class Grid:
    """Rows of (lines, columns, goes on with the cell above). `nested` rows hold another table and become its lines."""

    _table: Table = field(default_factory=Table)
    _above: dict[int, Cell] = field(default_factory=dict)

    def add(self, cells: list[tuple[list[str], int, bool]], *, nested: bool = False) -> None:
        below: dict[int, Cell] = {}
        column = 0
        self._table.new_row()
        for lines, columns, continues in cells:
            cell = self._above.get(column)
            if continues and cell is not None and not any(line.strip() for line in lines):
                cell.rows += 1
            else:
                cell = Cell(lines, columns)
                self._table.nested = nested
                self._table.add(cell)
            below[column] = cell
            column += columns
        self._above = below

    def lines(self, max_cells: int) -> list[str]:
        """`cell | cell` for each row; a cell that covers several rows is told in each."""
        return self._table.lines(max_cells)
