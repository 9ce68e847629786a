"""Tables drawn on a page: all values of one element stand in one row, or there is no element."""

from typing import Any

import pytest

from documents.parsed import Page
from tests.unit.documents.finder.layouts import form
from tests.unit.documents.finder.test_search import ask

ITEM = {"codigo": "", "descricao": "", "quantidade": 0, "valor_unitario": 0, "valor_total": 0}
TITLES = ["CÓDIGO", "DESCRIÇÃO DO PRODUTO / SERVIÇO", "NCM", "QUANT.", "V. UNITÁRIO", "V. TOTAL"]
LEFTS = [10, 60, 250, 300, 350, 420]
ROWS = [
    ["7001", "Papel A4, 500 folhas", "48025610", "40", "27,90", "1.116,00"],
    ["7014", "Caneta azul", "96081000", "6", "48,75", "292,50"],
]
READ = [
    dict(zip(ITEM, ("7001", "Papel A4, 500 folhas", 40, 27.9, 1116), strict=True)),
    dict(zip(ITEM, ("7014", "Caneta azul", 6, 48.75, 292.5), strict=True)),
]


def table(*rows: list[str], by_column: bool = False, more: tuple[tuple[float, float, str], ...] = ()) -> Page:
    cells = [
        (left, 100 + 15 * line, text)
        for line, row in enumerate([TITLES, *rows])
        for left, text in zip(LEFTS, row, strict=True)
        if text
    ]
    return form((10, 50, "VALOR TOTAL DA NOTA"), (10, 62, "9.999,00"), *(sorted(cells) if by_column else cells), *more)


@pytest.mark.parametrize("by_column", [False, True])
@pytest.mark.parametrize("skeleton", [[ITEM], {"itens": [ITEM]}])
def test_rows_are_read_by_their_boxes_whatever_the_order_of_the_text(skeleton: Any, by_column: bool) -> None:
    answer = ask(skeleton, table(*ROWS, by_column=by_column), question="Liste os itens")
    assert (answer["itens"] if isinstance(skeleton, dict) else answer) == READ


def test_no_row_is_invented_from_other_parts_of_the_page() -> None:
    page = form((10, 50, "VALOR TOTAL DA NOTA"), (10, 62, "9.999,00"), (10, 90, "CÓDIGO"), (10, 102, "77"))
    assert ask([ITEM], page, question="Liste os itens") == []
    both = {"descricao": "", "valor_total": 0}
    assert ask([both], page, question="Liste os itens") == []


@pytest.mark.parametrize(
    "rows, more",
    [
        (ROWS, ((60, 145, "com tampa"),)),
        ((ROWS[0], ["", "com brinde", "", "", "", ""], ROWS[1]), ()),
        ((ROWS[0], ["7014", "Caneta azul", "96081000", "", "48,75", "292,50"], ROWS[1]), ()),
        (([*ROWS[0][:3], "x", *ROWS[0][4:]],), ()),
        ((["7001 Papel A4 com quinhentas folhas de setenta e cinco gramas", "", *ROWS[0][2:]],), ()),
    ],
    ids=["wrapped", "wrapped between", "a gap between", "no number", "over two columns"],
)
def test_a_table_that_is_not_certain_is_left_out(rows: Any, more: Any) -> None:
    assert ask({"itens": [ITEM]}, table(*rows, more=more)) == {"itens": []}


def test_the_sums_under_a_table_are_no_row() -> None:
    sums = ((250, 145, "Total"), (420, 145, "1.408,50"))
    assert ask({"itens": [ITEM]}, table(*ROWS, more=sums)) == {"itens": READ}


def test_a_key_that_two_columns_answer_stays_null() -> None:
    page = table(*ROWS)
    assert ask({"itens": [{"codigo": "", "preco": 0, "ncm": ""}]}, page)["itens"][0] == {
        "codigo": "7001",
        "preco": None,
        "ncm": "48025610",
    }


def test_a_list_of_one_document_is_no_table() -> None:
    page = form((10, 10, "Nome: Casa Azul Ltda"), (10, 30, "Valor total: 10,00"))
    assert ask([{"nome": "", "valor_total": 0}], page) == [{"nome": "Casa Azul Ltda", "valor_total": 10}]
