import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DocumentTooLong, InvalidAnswer, ProviderUnreachable
from documents.analysis import Question, RawAnswer
from documents.analysis.prompts import Shown, messages
from documents.analysis.tokens import estimated_tokens
from documents.finder.finding import Finding
from documents.parsed import Page
from documents.skeleton import AnswerWarning, Skeleton
from gateway.service import Target
from providers.types import Usage
from tests.unit.documents.analysis.asking import GOOD, PAGES, QUESTION, VALUE, FakeGateway, ask, codes
from tests.unit.documents.skeleton.test_strictjson import JSON

PROMPT_TOKENS = estimated_tokens(messages(QUESTION, Shown(PAGES)))


async def test_a_right_answer_takes_one_ask_and_says_where_it_came_from():
    gateway = FakeGateway(GOOD)
    raw = await ask(gateway)
    assert raw == RawAnswer(VALUE, "fake", "small", "sha256:1", "requested", Usage(100, 10), 1)
    assert gateway.routed == [("fake", "small", "k", "urgent")]
    (request,) = gateway.requests
    assert (request.model, request.api_key, request.temperature, request.max_tokens) == ("small", "k", 0.0, 512)
    assert request.schema == QUESTION.skeleton.schema
    assert "12.345.678/0001-95" in request.messages[1].content


async def test_the_provider_that_stepped_in_is_named():
    gateway = FakeGateway(GOOD)
    gateway.answering = Target("other", "large", "auto: fake was down")
    raw = await ask(gateway)
    assert (raw.provider, raw.model, raw.routed_because) == ("other", "large", "auto: fake was down")


async def test_a_provider_without_schemas_is_not_sent_one():
    gateway = FakeGateway(GOOD, json_schema=False)
    await ask(gateway)
    assert gateway.requests[0].schema is None


@pytest.mark.parametrize(
    "bad, says",
    [
        ("", "empty"),
        ("Não encontrei o CNPJ.", "no JSON"),
        ('{"foo": 1}', "wanted shape"),
        ("[1, 2]", "wanted shape"),
        ('[{"CNPJ": {"n": 1}}]', "/0/CNPJ"),
        ('[{"CNPJ": "12.345', "ends before"),
    ],
)
async def test_a_bad_answer_is_asked_again_with_its_fault(bad, says):
    gateway = FakeGateway(bad, GOOD)
    raw = await ask(gateway)
    assert (raw.value, raw.asks, raw.usage, raw.warnings) == (VALUE, 2, Usage(200, 20), ())
    again = gateway.requests[1].messages
    assert again[:2] == gateway.requests[0].messages
    assert says in again[-1].content
    assert [message.content for message in again[2:-1]] == ([bad] if bad else [])


@pytest.mark.parametrize("bad", ["", "prosa", '{"foo": 1}', '"x"', "[[["])
async def test_after_two_more_asks_there_is_no_answer(bad):
    gateway = FakeGateway(bad, bad, bad, GOOD)
    with pytest.raises(InvalidAnswer) as caught:
        await ask(gateway)
    assert len(gateway.requests) == 3
    assert "small" in caught.value.detail and "3 asks" in caught.value.detail and caught.value.hint
    assert "foo" not in caught.value.detail


async def test_the_best_of_three_imperfect_answers_is_kept():
    question = Question("x", Skeleton.parse('{"a": 0, "b": 0}'))
    gateway = FakeGateway('{"a": "um", "b": "dois"}', '{"a": 1, "b": "dois"}', "prosa")
    raw = await ask(gateway, question, pages=[Page(1, "a 1")])
    assert raw.value == {"a": 1, "b": "dois"} and raw.asks == 3 and raw.usage == Usage(300, 30)


async def test_what_can_be_converted_is_not_asked_again():
    raw = await ask(FakeGateway('{"a": "R$ 1.234,50"}'), Question("x", Skeleton.parse('{"a": 0}')), pages=[Page(1, "1.234,50")])
    assert raw.asks == 1


async def test_a_repair_is_said():
    raw = await ask(FakeGateway("[{'CNPJ': '12.345.678/0001-95',}]"))
    assert raw.value == VALUE and codes(raw) == ["json_repaired"] and raw.asks == 1


async def test_an_answer_cut_by_length_gets_more_room_once():
    gateway = FakeGateway(('[{"CNPJ": "12.3', "length"), GOOD)
    raw = await ask(gateway)
    assert raw.value == VALUE and raw.warnings == ()
    assert [request.max_tokens for request in gateway.requests] == [512, 2048]
    assert gateway.requests[1].messages == gateway.requests[0].messages


async def test_an_answer_cut_twice_is_given_as_truncated():
    raw = await ask(FakeGateway(('[{"CNPJ": "1"}, {"CNPJ": "2', "length"), ('[{"CNPJ": "1"}, {"CNPJ": "2', "length"), GOOD))
    assert raw.value[0] == {"CNPJ": "1"} and codes(raw) == ["json_repaired", "answer_truncated"] and raw.asks == 2


async def test_a_cut_answer_that_cannot_have_more_room_is_not_asked_again():
    gateway = FakeGateway(('[{"CNPJ": "1"}, {"CNPJ": "2', "length"), GOOD, limit=PROMPT_TOKENS + 300)
    raw = await ask(gateway)
    assert codes(raw) == ["json_repaired", "answer_truncated"] and raw.asks == 1


async def test_half_an_answer_three_times_is_truncated_and_not_whole():
    raw = await ask(FakeGateway(*['[{"CNPJ": "1"}, {"CNPJ": "2'] * 3))
    assert codes(raw) == ["json_repaired", "answer_truncated"] and raw.asks == 3


async def test_a_filtered_reply_is_named():
    with pytest.raises(InvalidAnswer, match="filtered"):
        await ask(FakeGateway(*[("", "filtered")] * 3))


async def test_a_rule_of_a_sent_schema_is_asked_for_then_flagged():
    schema = Skeleton.parse('{"type": "object", "properties": {"uf": {"type": "string", "maxLength": 2}}}')
    gateway = FakeGateway(*['{"uf": "São Paulo"}'] * 3)
    raw = await ask(gateway, Question("x", schema))
    assert "maxLength" in gateway.requests[1].messages[-1].content
    assert raw.warnings == (AnswerWarning("schema_violation", "/uf", "The value breaks the schema's rule `maxLength`."),)


async def test_a_question_that_leaves_no_room_for_the_document_is_too_long():
    gateway = FakeGateway(GOOD, limit=600)
    pages = [Page(1, "x" * 3000), Page(2, "y" * 3000)]
    with pytest.raises(DocumentTooLong, match="reads at most 600") as caught:
        await ask(gateway, pages=pages)
    assert gateway.requests == [] and caught.value.hint


async def test_the_answer_gets_what_the_context_leaves():
    gateway = FakeGateway(GOOD, limit=PROMPT_TOKENS + 300)
    await ask(gateway)
    assert gateway.requests[0].max_tokens == 300


async def test_a_prompt_that_leaves_no_room_for_an_answer_is_too_long():
    with pytest.raises(DocumentTooLong):
        await ask(FakeGateway(GOOD, limit=PROMPT_TOKENS + 255))


async def test_an_unknown_context_is_not_guessed():
    assert (await ask(FakeGateway(GOOD, limit=None))).value == VALUE
    assert (await ask(FakeGateway(GOOD, known=False))).value == VALUE


async def test_an_error_of_the_provider_goes_through():
    with pytest.raises(ProviderUnreachable):
        await ask(FakeGateway(ProviderUnreachable("down")))


@pytest.mark.parametrize("provider, because", [("builtin", "requested"), ("auto", "auto: no model provider can serve")])
async def test_the_builtin_finder_answers_without_a_model(provider, because):
    findings = {"/0/CNPJ": Finding("12.345.678/0001-95", 1, 6, 24)}
    raw = await ask(FakeGateway(target=None), provider=provider, found=(VALUE, findings))
    assert raw == RawAnswer(VALUE, "builtin", "builtin", None, because, Usage(), 0, (), findings)
    assert RawAnswer.from_json(raw.to_json()) == raw


@given(JSON, st.text(), st.integers(0, 9))
def test_a_raw_answer_survives_the_store(value, text, number):
    raw = RawAnswer(
        value,
        "p",
        text,
        None,
        text,
        Usage(number, 2, True),
        number,
        (AnswerWarning("c", text, text),),
        {text: Finding(text, 1, 0, number)},
        (number,),
    )
    kept = RawAnswer.from_json(raw.to_json())
    assert kept == raw and raw.to_json().isascii()


@given(JSON)
def test_what_is_no_raw_answer_is_refused(value):
    with pytest.raises(ValueError):
        RawAnswer.from_json(json.dumps(value))
