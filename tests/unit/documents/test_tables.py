from documents.parsed import Page
from documents.tables import markdown, tables_of
from tests.unit.documents.finder.layouts import form

ITEMS = [["Código", "Descrição", "Total"], ["1", "Café | chá", "3,00"], ["2", "Pão", "1,50"]]


def test_a_table_that_is_written() -> None:
    page = Page(1, "Pedido\nCódigo | Descrição | Total\n1 | Café | 3,00\n2 |  | 1,50\n")
    assert tables_of(page) == [[["Código", "Descrição", "Total"], ["1", "Café", "3,00"], ["2", "", "1,50"]]]


def test_a_table_that_is_drawn() -> None:
    cells = [(10 + 150 * column, 10 + 15 * row, text) for row, line in enumerate(ITEMS) for column, text in enumerate(line)]
    page = form(*((x, y, text.replace(" | ", " ")) for x, y, text in cells))
    assert tables_of(page) == [[[text.replace(" | ", " ") for text in line] for line in ITEMS]]


def test_free_columns_and_texts_are_no_table() -> None:
    assert tables_of(form((10, 10, "Rua A, 1"), (200, 10, "12345"), (400, 10, "a@b.c"), (10, 25, "x"))) == []
    assert tables_of(Page(1, "Um texto sem tabela.\nE outra linha.")) == []


def test_markdown_escapes_bars() -> None:
    assert markdown(ITEMS) == ("| Código | Descrição | Total |\n|---|---|---|\n| 1 | Café \\| chá | 3,00 |\n| 2 | Pão | 1,50 |")
