import pytest

from documents.parsed import Page
from documents.review import incomplete

LINES = [f"{day:02}/03/2026 PIX RECEBIDO CLIENTE {day} {day},00 {100 + day},50" for day in range(1, 21)]
ROWS = [{"data": line[:10], "valor": line.split()[-2]} for line in LINES]
HEAD = "Banco Fictício\nExtrato de março, agência 123, conta 4567-8"
FOOT = "31/03/2026 SOMA 2 210,00 2.310,00\nPágina 1 de 2"


def statement(lines=LINES):
    return [Page(1, "\n".join([HEAD, *lines[:12], FOOT])), Page(2, "\n".join([*lines[12:], FOOT]))]


@pytest.mark.parametrize("missing", [0, 1, 7])
def test_rows_that_the_answer_lacks_are_counted(missing):
    answer = {"lancamentos": ROWS[: len(ROWS) - missing]}
    found = [(warning.code, warning.path, warning.message) for warning in incomplete(answer, statement())]
    message = f"The document seems to have 20 such rows, the answer has {20 - missing}."
    assert found == ([("list_incomplete", "/lancamentos", message)] if missing else [])


def test_a_row_missing_in_the_middle_is_counted():
    assert len(incomplete([{"l": ROWS[:5] + ROWS[6:]}], statement())) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"l": ROWS[:2]},  # too few to know the form of a row
        {"l": [row["valor"] for row in ROWS[:9]]},
        {"l": [{"x": "nada"}, {"x": "disto"}, {"x": "existe"}]},
        {"l": [{"nome": "Banco Fictício"}, {"nome": "Página 1 de 2"}, {"nome": "Extrato de março"}]},
        "x",
        None,
        [],
    ],
)
def test_where_it_is_not_plain_nothing_is_said(answer):
    assert incomplete(answer, statement()) == []


def test_lines_with_one_number_are_not_rows():
    lines = [f"{name} {value},00" for value, name in enumerate(("Produtos", "Frete", "Seguro", "Desconto", "Imposto"), 1)]
    rows = [{"nome": line.split()[0], "valor": line.split()[1]} for line in lines[:3]]
    assert incomplete({"l": rows}, [Page(1, "\n".join(lines))]) == []


def test_lines_of_the_same_form_before_the_first_row_are_another_table():
    earlier = [line.replace("/03/", "/02/").replace("CLIENTE", "FORNECEDOR") for line in LINES[:4]]
    assert incomplete({"l": ROWS}, [Page(1, "\n".join([*earlier, HEAD, *LINES]))]) == []
