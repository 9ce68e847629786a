import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.analysis import Question, RawAnswer
from documents.finder.finding import Finding
from documents.formatting import MAX_WARNINGS, format_answer
from documents.parsed import Page
from documents.skeleton import AnswerWarning, Skeleton
from providers.types import Usage
from tests.unit.documents.skeleton.test_shaping import same_keys
from tests.unit.documents.skeleton.test_strictjson import JSON

PAGES = [Page(1, "Padaria São João\nCNPJ: 12.345.678/0001-95\nTotal: 30,00")]


def form(value, skeleton, example=None, warnings=(), findings=None):
    raw = RawAnswer(value, "fake", "small", None, "requested", Usage(), 1, warnings, findings)
    return format_answer(RawAnswer.from_json(raw.to_json()), Question("x", Skeleton.parse(skeleton), example), PAGES)


def codes(formatted):
    return [(warning["code"], warning["path"]) for warning in formatted.warnings]


def test_the_answer_has_the_skeletons_keys_and_each_value_its_evidence():
    made = form({"total": "30,00", "CNPJ": "12345678000195", "x": 1}, '[{"CNPJ": "", "total": 0, "nome": ""}]')
    assert json.dumps(made.answer) == '[{"CNPJ": "12345678000195", "total": 30, "nome": null}]'
    assert {path: (entry["match"], entry["grounded"]) for path, entry in made.evidence.items()} == {
        "/0/CNPJ": ("normalised", True),
        "/0/total": ("number", True),
        "/0/nome": ("none", None),
    }
    assert codes(made) == [("extra_key", "/0/x"), ("missing_key", "/0/nome")]


def test_an_invented_value_is_kept_and_flagged():
    made = form({"nome": "Mercado Azul"}, '{"nome": ""}')
    assert made.answer == {"nome": "Mercado Azul"}
    assert codes(made) == [("ungrounded", "/nome")]


def test_a_value_copied_from_the_example_is_named_unless_the_document_has_it():
    skeleton = '{"nome": "", "CNPJ": "00.000.000/0000-00", "total": 0}'
    copied = {"nome": "FULANO DE TAL", "CNPJ": "00.000.000/0000-00", "total": 99.9}
    expected = [(code, path) for path in ("/nome", "/CNPJ", "/total") for code in ("ungrounded", "copied_from_example")]
    found = codes(form(copied, skeleton, '{"nome": "Fulano de Tal", "total": 99.9}'))
    assert [one for one in found if one[0] != "check_failed"] == expected
    in_words = form({"nome": "Fulano de Tal"}, '{"nome": ""}', "Como: Fulano de Tal, 10 anos")
    assert codes(in_words)[-1] == ("copied_from_example", "/nome")
    assert codes(form({"nome": "Padaria São João"}, '{"nome": ""}', '{"nome": "Padaria São João"}')) == []


def test_failed_checks_and_sums_are_flagged():
    answer = {"CNPJ": "12.345.678/0001-96", "total": "30,00", "itens": [{"total": 10}, {"total": 10}]}
    made = form(answer, '{"CNPJ": "", "total": "", "itens": [{"total": 0}]}')
    assert ("check_failed", "/CNPJ") in codes(made) and ("sum_differs", "/total") in codes(made)


def test_warnings_of_the_model_stage_come_first_and_all_are_bounded():
    made = form([{"a": f"mentira {n}"} for n in range(900)], '[{"a": ""}]', warnings=(AnswerWarning("json_repaired", "", "…"),))
    assert made.warnings[0]["code"] == "json_repaired"
    assert len(made.warnings) == MAX_WARNINGS + 1 and made.warnings[-1]["message"].startswith("401 more")


@pytest.mark.parametrize(
    "skeleton, value, shown",
    [
        ('{"a": 0.0}', 1950, "1950.0"),
        ('{"a": 0.0}', "1.950,00", "1950.0"),
        ('{"a": 0}', 1950.0, "1950"),
        ('{"a": 0}', 19.5, "19.5"),
        ('{"a": ""}', 1950.0, '"1950.0"'),
        ('{"a": null}', 7.0, "7.0"),
        ('{"a": 0.0}', None, "null"),
    ],
)
def test_a_number_is_written_as_its_placeholder_is(skeleton, value, shown):
    assert json.dumps(form({"a": value}, skeleton).answer["a"]) == shown
    listed = form([{"b": [value]}], skeleton.replace('"a": ', '"b": [').replace("}", "]}").join("[]"))
    assert json.dumps(listed.answer[0]["b"]) == (f"[{shown}]" if value is not None else "[]")


def test_what_the_finder_cannot_look_for_is_said():
    skeleton = '{"itens": [{"codigo": "", "valor": 0}], "resumo": "", "assinado": true, "CNPJ": "", "ceps": [""]}'
    made = form({"itens": [], "CNPJ": None, "ceps": []}, skeleton, findings={})
    said = [one for one in codes(made) if one[0] == "not_searched"]
    assert said == [("not_searched", path) for path in ("/itens", "/resumo", "/assinado")]
    assert [one for one in codes(form([], '[{"descricao": "", "quantidade": 0}]', findings={}))] == [("not_searched", "")]
    rows = {"itens": [{"codigo": "1", "valor": None}], "resumo": "Total: 30,00", "assinado": None}
    assert "/itens" not in [path for code, path in codes(form(rows, skeleton, findings={})) if code == "not_searched"]
    assert "not_searched" not in [code for code, _ in codes(form({"itens": []}, skeleton))]


def test_a_question_for_a_summary_is_no_search():
    raw = RawAnswer({"resposta": None}, "builtin", "builtin", None, "requested", Usage(), 0, (), {})
    skeleton = Skeleton.parse('{"resposta": ""}')
    assert codes(format_answer(raw, Question("Faça um resumo", skeleton), PAGES)) == [("not_searched", "/resposta")]
    assert codes(format_answer(raw, Question("Qual é o CNPJ?", skeleton), PAGES)) == []


OFFSET = st.integers(-9, 99)
FINDING = st.builds(Finding, st.text(max_size=5) | st.integers(), st.integers(-2, 3), OFFSET, OFFSET)
FINDINGS = st.none() | st.dictionaries(st.sampled_from(["/a", "/b/0", "/0/a"]), FINDING, max_size=2)
SKELETONS = st.sampled_from(['{"a": "", "b": [0], "c": {}}', '[{"a": null, "b": true}]'])


@given(JSON, FINDINGS, st.none() | st.text(max_size=20) | JSON.map(json.dumps), SKELETONS)
def test_it_never_raises_and_always_has_the_shape(value, findings, example, skeleton):
    made = form(value, skeleton, example, findings=findings)
    assert same_keys(Skeleton.parse(skeleton).root, made.answer)
    json.dumps([made.answer, made.evidence, made.warnings], allow_nan=False).encode()
