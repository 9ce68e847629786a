import pytest

from documents.answers import Question
from documents.parsed import Page
from documents.review import Doubt, amended, doubts
from documents.review.doubts import MAX_DOUBTS
from documents.skeleton import AnswerWarning, Skeleton

PAGES = [Page(1, "CNPJ 11.222.333/0001-81 e 11.222.333/0001-99\nTotal 50,00\nPão 10,00\nLeite 20,00\nCafé 20,00")]


def asking(skeleton, prompt="x"):
    return Question(prompt, Skeleton.parse(skeleton))


def test_what_is_printed_and_passes_is_not_doubtful():
    assert doubts(asking('{"cnpj": "", "total": 0}'), {"cnpj": "11.222.333/0001-81", "total": 50}, PAGES) == []


def test_each_doubt_says_what_is_wrong():
    found = doubts(asking('{"cnpj": "", "total": 0, "nome": ""}'), {"cnpj": "11.222.333/0001-99", "total": 51}, PAGES)
    assert found == [
        Doubt("/cnpj", "check_failed", "11.222.333/0001-99", "cnpj_check_digits"),
        Doubt("/total", "ungrounded", 51),
    ]


def test_a_contradiction_names_all_that_may_be_wrong():
    rows = [{"nome": "Pão", "valor_total": 10}, {"nome": "Leite", "valor_total": 20}]
    found = doubts(asking('{"total": 0, "itens": [{"nome": "", "valor_total": 0}]}'), {"total": 50, "itens": rows}, PAGES)
    assert [(doubt.path, doubt.problem) for doubt in found] == [("/total", "disagrees"), ("/itens", "disagrees")]
    assert "add up to 30" in found[0].detail


def test_a_model_that_is_wrong_everywhere_is_not_asked_everything():
    found = doubts(asking('{"a": [""]}'), {"a": [f"mentira {number}" for number in range(99)]}, PAGES)
    assert len(found) == MAX_DOUBTS


@pytest.mark.parametrize(
    "answers, total",
    [
        ({"/total": 50}, 50),
        ({"/total": "R$ 50,00"}, 50),
        ({"/total": 52}, 51),
        ({"/total": None}, 51),
        ({"/total": [1, 2]}, 51),
        ({"/outra": 50}, 51),
        ({"/total/0": 50}, 51),
        ({}, 51),
    ],
)
def test_only_what_is_better_is_taken(answers, total):
    value, _ = amended(asking('{"total": 0}'), {"total": 51}, answers, PAGES)
    assert value == {"total": total}


def test_check_digits_that_pass_are_better_and_no_value_is_never():
    question = asking('{"cnpj": ""}')
    wrong, right = {"cnpj": "11.222.333/0001-99"}, {"cnpj": "11.222.333/0001-81"}
    assert amended(question, wrong, {"/cnpj": right["cnpj"]}, PAGES)[0] == right
    assert amended(question, right, {"/cnpj": wrong["cnpj"]}, PAGES)[0] == right
    assert amended(question, right, {"/cnpj": None}, PAGES)[0] == right


ITEMS = '{"total": 0, "itens": [{"nome": "", "valor_total": 0}]}'
ROWS = [{"nome": name, "valor_total": value} for name, value in (("Pão", 10), ("Leite", 20), ("Café", 20))]


@pytest.mark.parametrize(
    "answers, rows",
    [
        ({"/itens": ROWS, "/total": 50}, 3),
        ({"/itens": ROWS, "/total": 99}, 3),  # the rows alone end the contradiction
        ({"/itens": ROWS}, 3),
        ({"/itens": [*ROWS[:2], {"nome": "Chá", "valor_total": 20}]}, 2),  # adds up, but is not printed
        ({"/itens": ROWS[:1]}, 2),
        ({"/total": None}, 2),
        ({"/itens": [*ROWS[:2], {"nome": "Café", "valor_total": 10}]}, 2),
    ],
)
def test_a_contradiction_is_mended_by_what_ends_it_and_is_printed(answers, rows):
    value, _ = amended(asking(ITEMS), {"total": 50, "itens": ROWS[:2]}, answers, PAGES)
    assert value == {"total": 50, "itens": ROWS[:rows]}


def test_what_was_lost_in_the_first_answer_is_still_said():
    value, warnings = amended(asking('{"a": "", "total": 0}'), {"total": 51, "b": 1}, {"/total": 50}, PAGES)
    assert value == {"a": None, "total": 50}
    assert warnings == [
        AnswerWarning("extra_key", "/b", "The skeleton has no such key; it was left out."),
        AnswerWarning("missing_key", "/a", "The model's answer lacks this key."),
    ]
