"""Cells, their neighbours, and tables written with pipes."""

from documents.finder.view import View
from tests.unit.documents.finder.layouts import form, view


def texts(seen: View, cells) -> list[str]:
    return [seen.text[cell.start : cell.end] for cell in cells if cell is not None]


def test_words_close_together_are_one_cell_and_a_gap_parts_them() -> None:
    seen = view(form((10, 10, "VALOR DO ICMS"), (200, 10, "VALOR TOTAL")))
    assert texts(seen, seen.cells) == ["VALOR DO ICMS", "VALOR TOTAL"]
    seen = view("Número:    15     Série: 1")
    assert texts(seen, seen.cells) == ["Número:", "15", "Série: 1"]


def test_right_and_below_are_meant_geometrically() -> None:
    seen = view(form((10, 10, "A"), (100, 10, "B"), (10, 22, "um"), (105, 22, "dois"), (10, 90, "longe")))
    first, second, *_ = seen.cells
    assert texts(seen, [seen.right(first)]) == ["B"]
    assert texts(seen, seen.below(first)) == ["um"]
    assert texts(seen, seen.below(second)) == ["dois"]
    assert seen.right(second) is None
    assert seen.below(seen.cells[2]) == [], "a value far below belongs to something else"


def test_a_right_aligned_value_stands_under_its_label() -> None:
    seen = view(form((10, 10, "VALOR"), (200, 10, "DESCONTO"), (150, 22, "10,00"), (300, 22, "2,00")))
    assert texts(seen, seen.below(seen.cells[0])) == ["10,00"]
    assert texts(seen, seen.below(seen.cells[1])) == ["2,00"]


def test_text_without_boxes_lies_on_a_grid() -> None:
    seen = view("Cliente        Total\nMaria          10,00\n")
    assert texts(seen, seen.below(seen.cells[0])) == ["Maria"]
    assert texts(seen, seen.below(seen.cells[1])) == ["10,00"]


def test_lines_with_pipes_are_tables_with_a_header() -> None:
    seen = view("Vendas\nNome | Valor | Dia\nAna | 1,00 | 01/02/2026\nRui |  | 02/02/2026\n\nfim")
    (table,) = seen.tables
    assert [texts(seen, row) for row in table] == [["Nome", "Valor", "Dia"], ["Ana", "1,00", "01/02/2026"], ["Rui", "02/02/2026"]]
    assert table[2][1] is None
    assert seen.is_header(table[0][0]) and not seen.is_header(table[1][0])


def test_a_line_of_numbers_is_no_header() -> None:
    assert view("1 | 2 | 3\n4 | 5 | 6\n").tables == []


def test_an_empty_page_has_nothing() -> None:
    seen = view("")
    assert seen.cells == [] and seen.tables == [] and seen.cell_at(0) is None
