import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.parsed import Page, Word
from documents.review import Part, Stretch, merged
from documents.skeleton import Skeleton
from tests.unit.documents.skeleton.test_strictjson import JSON


def merge(skeleton, *said, pages=None, stretches=None):
    """The parts see one page each, unless told otherwise."""
    pages = pages or [Page(number, "") for number in range(1, len(said) + 1)]
    texts = {page.number: page.text for page in pages}
    seen = stretches or [[page.number] for page in pages]
    parts = [
        Part(tuple(Stretch(page, 0, len(texts[page])) for page in numbers), value)
        for numbers, value in zip(seen, said, strict=True)
    ]
    return merged(Skeleton.parse(json.dumps(skeleton)), parts, pages)


def test_the_only_part_is_given_as_it_is():
    assert merge({"a": ""}, {"x": 1}) == {"x": 1}


def test_what_one_part_knows_is_known():
    assert merge({"a": "", "b": ""}, {"a": "1", "b": None}, {"a": None, "b": "2"}) == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "texts, said, best",
    [
        (["total 10,00", "total 20,00"], ["99,00", "20,00"], "20,00"),  # printed before invented
        (["10,00", "outra coisa\nValor total: 20,00"], ["10,00", "20,00"], "20,00"),  # with its label before it
        (["10,00", "20,00", "20,00"], ["10,00", "20,00", "20,00"], "20,00"),  # said more often
        (["10,00", "20,00"], ["10,00", "20,00"], "10,00"),  # the earlier one
    ],
)
def test_the_better_founded_scalar_wins(texts, said, best):
    pages = [Page(number, text) for number, text in enumerate(texts, 1)]
    assert merge({"total": ""}, *({"total": one} for one in said), pages=pages) == {"total": best}


def test_passed_checks_win_over_failed_ones():
    pages = [Page(1, "CNPJ 11.222.333/0001-99"), Page(2, "CNPJ 11.222.333/0001-81")]
    said = [{"cnpj": "11.222.333/0001-99"}, {"cnpj": "11.222.333/0001-81"}]
    assert merge({"cnpj": ""}, *said, pages=pages) == {"cnpj": "11.222.333/0001-81"}


def test_surely_read_wins_over_guessed():
    words = [(Word(0, 5, 0, 0, 1, 1, confidence),) for confidence in (0.4, 0.9)]
    pages = [Page(1, "10,00", source="ocr", words=words[0]), Page(2, "20,00", source="ocr", words=words[1])]
    assert merge({"x": ""}, {"x": "10,00"}, {"x": "20,00"}, pages=pages) == {"x": "20,00"}


def test_what_is_true_in_one_part_is_true():
    assert merge({"assinado": True}, {"assinado": False}, {"assinado": True}) == {"assinado": True}
    assert merge({"assinado": True}, {"assinado": None}, {"assinado": False}) == {"assinado": False}


def test_one_object_in_a_list_is_one_object_over_all_parts():
    skeleton = [{"numero": "", "total": "", "itens": [""]}]
    said = [{"numero": "7", "total": None, "itens": ["a"]}], [{"numero": "7", "total": "9", "itens": ["b"]}], []
    assert merge(skeleton, *said) == [{"numero": "7", "total": "9", "itens": ["a", "b"]}]


def test_objects_that_differ_stay_apart():
    assert merge([{"cnpj": ""}], [{"cnpj": "1"}], [{"cnpj": "2"}]) == [{"cnpj": "1"}, {"cnpj": "2"}]


ROW = {"nome": "", "valor": ""}


def test_rows_on_a_shared_page_are_one():
    pages = [Page(1, "Pão 1,00"), Page(2, "Leite 2,00\nLeite 2,00"), Page(3, "Café 3,00")]
    milk, bread, coffee = {"nome": "Leite", "valor": "2,00"}, {"nome": "Pão", "valor": "1,00"}, {"nome": "Café", "valor": "3,00"}
    said = {"itens": [bread, milk, milk]}, {"itens": [milk, milk, coffee]}
    assert merge({"itens": [ROW]}, *said, pages=pages, stretches=[[1, 2], [2, 3]]) == {"itens": [bread, milk, milk, coffee]}


def test_equal_entries_at_different_places_are_two():
    pages = [Page(1, "Leite 2,00"), Page(2, "Leite 2,00")]
    said = [{"itens": [{"nome": "Leite", "valor": "2,00"}]}] * 2
    assert len(merge({"itens": [ROW]}, *said, pages=pages)["itens"]) == 2


def test_equal_names_at_different_places_are_one():
    pages = [Page(number, "Ana Souza") for number in (1, 2)]
    assert merge({"socios": [{"nome": ""}]}, *[{"socios": [{"nome": "Ana Souza"}]}] * 2, pages=pages) == {
        "socios": [{"nome": "Ana Souza"}]
    }
    assert merge({"emails": [""]}, {"emails": ["a@b.co"]}, {"emails": ["A@B.co", "c@d.co"]}) == {"emails": ["a@b.co", "c@d.co"]}


def test_equal_amounts_in_one_part_stay_two():
    assert merge({"valores": [0]}, {"valores": [5, 5]}, {"valores": []}) == {"valores": [5, 5]}


def test_a_row_that_a_part_saw_only_half_is_completed():
    pages = [Page(1, "Pão 1,00"), Page(2, "Leite 2,00"), Page(3, "x")]
    said = {"itens": [{"nome": "Leite", "valor": None}]}, {"itens": [{"nome": "Leite", "valor": "2,00"}]}
    merged_rows = merge({"itens": [ROW]}, *said, pages=pages, stretches=[[1, 2], [2, 3]])
    assert merged_rows == {"itens": [{"nome": "Leite", "valor": "2,00"}]}


def test_rows_that_share_a_value_and_differ_in_another_are_two():
    pages = [Page(1, "Loja 7\nPão 1,00"), Page(2, "Leite 2,00")]
    said = {"itens": [{"nome": "Loja 7", "valor": "1,00"}]}, {"itens": [{"nome": "Loja 7", "valor": "2,00"}]}
    assert len(merge({"itens": [ROW]}, *said, pages=pages, stretches=[[1], [1, 2]])["itens"]) == 2


def test_stretches_of_one_page_know_where_they_stand():
    page = Page(1, "Pão 1,00\nLeite 2,00\nLeite 2,00\nCafé 3,00\n")
    milk = {"nome": "Leite", "valor": "2,00"}
    parts = [
        Part((Stretch(1, 0, 20),), {"itens": [{"nome": "Pão", "valor": "1,00"}, milk]}),
        Part((Stretch(1, 9, 41),), {"itens": [milk, milk, {"nome": "Café", "valor": "3,00"}]}),
    ]
    value = merged(Skeleton.parse('{"itens": [{"nome": "", "valor": ""}]}'), parts, [page])
    assert [row["nome"] for row in value["itens"]] == ["Pão", "Leite", "Leite", "Café"]


def test_any_json_is_the_fullest():
    assert merge({"x": "", "livre": {}}, {"livre": {}}, {"livre": {"a": 1}}) == {"x": None, "livre": {"a": 1}}


@given(st.lists(JSON, min_size=2, max_size=4))
def test_whatever_the_parts_say_the_answer_has_the_form(said):
    skeleton = {"a": "", "b": [{"c": 0, "d": [""]}], "e": {}}
    value = merge(skeleton, *said)
    assert Skeleton.parse(json.dumps(skeleton)).shape(value) == (value, [])


def test_many_rows_take_a_moment():
    rows = [{"nome": f"Produto {number}", "valor": "1,00"} for number in range(3000)]
    pages = [
        Page(number, "\n".join(f"{row['nome']} {row['valor']}" for row in rows[start : start + 300]))
        for number, start in enumerate(range(0, 3000, 300), 1)
    ]
    said = [{"itens": rows[start : start + 300]} for start in range(0, 3000, 300)]
    assert merge({"itens": [ROW]}, *said, pages=pages)["itens"] == rows
