import pytest

from documents.checks import valid_payment_line
from documents.evidence.crosschecks import crosschecks, disagreements
from documents.skeleton import AnswerWarning

# FEBRABAN's own example, a bank slip of R$ 1,00: the amount is in the last ten digits.
LINE = "00190.50095 40144.816069 06809.350314 3 37370000000100"


@pytest.mark.parametrize(
    "total, differs", [(30, False), ("R$ 30,00", False), (30.01, False), (31, True), (None, False), ("x", False)]
)
def test_rows_must_add_up_to_the_total(total, differs):
    answer = [{"total": total, "itens": [{"nome": "a", "valor_total": "10,00"}, {"nome": "b", "valor_total": 20}]}]
    found = list(crosschecks(answer))
    assert found == (
        [AnswerWarning("sum_differs", "/0/total", "The 2 rows add up to 30.00, the total says 31.")] if differs else []
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"total": 1, "a": [{"total": 1}, {"total": 2}], "b": [{"total": 1}, {"total": 2}]},
        {"total": 1, "subtotal": 2, "a": [{"total": 1}, {"total": 2}]},
        {"total": 1, "a": [{"total": 1}, {"total": None}]},
        {"total": 9, "a": [{"total": 1}]},
        {"total": 9, "a": [1, 2]},
        {"total": True},
        {"total": 10**400, "a": [{"total": 1}, {"total": 2}]},
        "x",
        None,
        [[]],
    ],
)
def test_where_it_is_not_plain_nothing_is_said(answer):
    assert list(crosschecks(answer)) == []


@pytest.mark.parametrize("valor, differs", [("R$ 1,00", False), (1, False), ("10,00", True), (None, False)])
def test_a_payment_line_must_carry_the_amount_beside_it(valor, differs):
    found = list(crosschecks({"boleto": {"linha_digitavel": LINE, "valor": valor}}))
    message = "The payment line carries the amount 1.00, which no amount beside it has."
    assert found == ([AnswerWarning("amount_differs", "/boleto/linha_digitavel", message)] if differs else [])


@pytest.mark.parametrize(
    "due, differs",
    [("31/12/2007", False), ("2007-12-31", False), ("01/01/2008", True), (None, False), ("em breve", False)],
)
def test_a_payment_line_must_carry_the_due_date_beside_it(due, differs):
    found = list(crosschecks({"linha_digitavel": LINE, "data_vencimento": due}))
    message = "The payment line carries the due date 2007-12-31, which no due date beside it has."
    assert found == ([AnswerWarning("due_date_differs", "/linha_digitavel", message)] if differs else [])


def test_the_due_factor_began_again_in_2025():
    line = "00190.00009 01234.567004 00000.001180 1 10000000010000"
    assert valid_payment_line(line)
    assert list(crosschecks({"linha_digitavel": line, "vencimento": "22/02/2025"})) == []
    assert [one.code for one in crosschecks({"linha_digitavel": line, "vencimento": "23/02/2025"})] == ["due_date_differs"]


def test_what_disagrees_is_named():
    (found,) = disagreements({"x": {"total": 31, "itens": [{"total": 10}, {"total": 20}]}})
    assert found.paths == ("/x/total", "/x/itens")
    (found,) = disagreements({"linha": LINE, "valor": 2})
    assert found.paths == ("/linha", "/valor")
