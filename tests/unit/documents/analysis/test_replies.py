import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.analysis.replies import NoAnswer, ParsedReply, parse_reply
from tests.unit.documents.skeleton.test_strictjson import JSON

WHOLE = '[{"a": "1"}, {"a": "2"}]'
VALUE = [{"a": "1"}, {"a": "2"}]


def is_answer(value):
    return isinstance(value, list) or (isinstance(value, dict) and "a" in value)


def parse(text, cut=False, fits=is_answer):
    return parse_reply(text, cut=cut, fits=fits)


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"```json\n{WHOLE}\n```",
        f"Claro! Aqui está o JSON [1] pedido:\n{WHOLE}\nEspero ter ajudado.",
        f'<think>maybe {{"a": 9}}</think>{WHOLE}',
        f'First try: {{"a": "draft"}}. Final: {WHOLE}',
        f"See [1 and the answer: {WHOLE}",
    ],
)
def test_the_last_balanced_block_is_the_answer_whatever_stands_around_it(text):
    assert parse(text, fits=lambda value: isinstance(value, list) and value != [1]) == ParsedReply(VALUE)


def test_a_footnote_behind_the_answer_is_not_the_answer():
    assert parse('{"a": "1"} as in {"page": 3}', fits=lambda value: "a" in value).value == {"a": "1"}


@pytest.mark.parametrize(
    "text, value",
    [
        ('{"a": "1",}', {"a": "1"}),
        ("{'a': '1'}", {"a": "1"}),
        ('{a: "1"}', {"a": "1"}),
        ('{"a": "1" "b": 2}', {"a": "1", "b": 2}),
        ('{"a": NaN, "b": 1}', {"a": "NaN", "b": 1}),
        ('{"a": "1", "a": "2"}', {"a": "2"}),
        ('{"a": 1, // the number\n "b": 2}', {"a": 1, "b": 2}),
    ],
)
def test_what_is_almost_json_is_repaired_and_said_to_be(text, value):
    assert parse(text) == ParsedReply(value, repaired=True)


@pytest.mark.parametrize(
    "text, cut",
    [
        ('[{"a": "1"}, {"a": "2', True),
        ('[{"a": "1"}, {"a": "2', False),
        ('[{"a": "1"}, {"a": ', False),
        ('[{"a": "1"}, {"a": tr', False),
        ('[{"a": "1"}, ', False),
        ("[{'a': '1'}, {'a': '2'", False),
        ('see [1 {"a": "1"', True),
        ('```json\n[{"a": "1"},\n', True),
    ],
)
def test_half_an_answer_is_partial_and_never_passed_off_as_whole(text, cut):
    assert parse(text, cut).partial


def test_a_whole_answer_before_the_cut_is_whole():
    assert parse(WHOLE + "\nExplanation: the doc", cut=True) == ParsedReply(VALUE)


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("<think>hm</think>", "empty"),
        ("I could not find the CNPJ.", "no JSON"),
        ("[" * 5000, "too deeply"),
        ("[" * 5000 + "]" * 5000, "too deeply"),
        ("x" * (1 << 20) + "{}", "longer than"),
    ],
)
def test_what_holds_no_answer_says_why(text, says):
    with pytest.raises(NoAnswer, match=says):
        parse(text)


def test_long_digits_stay_exact_as_text():
    key = "35260312345678000195550010001234561001234567"
    assert parse('{"a": %s}' % key).value == {"a": key}


@given(st.text(alphabet="{}[]\",:\\'` \naN1.e-/*\ud800", max_size=80), st.booleans())
def test_any_reply_gives_a_value_or_no_answer(text, cut):
    try:
        reply = parse(text, cut)
    except NoAnswer:
        return
    json.dumps(reply.value, allow_nan=False)


@given(JSON.filter(lambda value: isinstance(value, (dict, list))), st.sampled_from(["", "```json\n", "Resposta: "]))
def test_json_is_read_as_it_stands(value, before):
    assert parse(before + json.dumps(value) + "\n```", fits=lambda _: True) == ParsedReply(value)


@given(JSON.filter(lambda value: isinstance(value, (dict, list)) and value), st.data())
def test_every_cut_is_noticed(value, data):
    text = json.dumps(value)
    cut = data.draw(st.integers(1, len(text) - 1))
    try:
        assert parse(text[:cut], cut=True, fits=lambda _: True).partial
    except NoAnswer:
        return


@pytest.mark.parametrize(
    "text",
    [
        "[1 " * 20_000,
        '{"a": "' + '\\"' * 100_000,
        "{x " * 60 + "}" * 50_000,
        '{"a":1}' * 30_000,
        "[a" * 30,
        '{"a": ' + "[{" * 20 + "x" * 40_000,
        ("{a" * 20 + "x" * 60_000 + "}" * 20) * 10,
    ],
)
def test_hostile_replies_take_no_time(text):
    begun = time.thread_time()
    with contextlib.suppress(NoAnswer):
        parse(text, fits=lambda _: False)
    assert time.thread_time() - begun < 4
