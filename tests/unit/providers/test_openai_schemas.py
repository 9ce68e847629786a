import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.compatible import OpenAI, Vllm
from providers.openai_schemas import Unwrapping, in_an_object, is_wrapped, response_format
from tests.fakes.openai_checks import check

ITEM = {
    "type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "required": ["a"],
    "additionalProperties": False,
}  # fmt: skip
LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}


def accepted(schema: dict[str, Any]) -> dict[str, Any]:
    told = response_format(schema, OpenAI.habits)
    check({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "response_format": told}, set())
    return told["json_schema"]


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (ITEM, True),
        (LOOSE, False),
        ({**ITEM, "properties": {"a": LOOSE}}, False),
        ({**ITEM, "properties": {"a": {"type": "array", "items": LOOSE}}}, False),
        ({**ITEM, "required": []}, False),
        ({**ITEM, "properties": {"a": {"type": "string", "minLength": 3}}}, False),
        ({**ITEM, "properties": {"a": True}}, False),
        ({**ITEM, "$defs": {"b": LOOSE}}, False),
        ({**ITEM, "$defs": {"b": ITEM}, "properties": {"a": {"$ref": "#/$defs/b"}}}, True),
    ],
)
def test_a_schema_is_strict_where_openai_takes_it_so(schema: dict[str, Any], strict: bool) -> None:
    assert accepted(schema).get("strict", False) is strict


def test_a_schema_without_an_end_is_not_strict() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        deep = {"type": "object", "properties": {"a": deep}, "required": ["a"], "additionalProperties": False}
    assert "strict" not in accepted(deep)


def test_a_list_is_wrapped_where_the_root_must_be_an_object() -> None:
    rows = {"type": "array", "items": {"$ref": "#/$defs/row"}, "$defs": {"row": ITEM}}
    assert is_wrapped(rows, OpenAI.habits) and not is_wrapped(ITEM, OpenAI.habits) and not is_wrapped({}, OpenAI.habits)
    assert not is_wrapped(rows, Vllm.habits) and not is_wrapped(None, OpenAI.habits)
    told = accepted(rows)
    assert told["strict"] and told["schema"]["$defs"] == {"row": ITEM}
    assert told["schema"]["properties"]["answer"] == {"type": "array", "items": {"$ref": "#/$defs/row"}}
    assert response_format(rows, Vllm.habits)["json_schema"]["schema"] == rows
    assert in_an_object({"type": "array", "$schema": "x"})["properties"]["answer"] == {"type": "array"}


def unwrapped(pieces: list[str]) -> str:
    unwrapping = Unwrapping()
    return "".join(map(unwrapping.add, pieces)) + unwrapping.rest()


@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab}"), inner, max_size=3),
        max_leaves=8,
    ),
    cuts=st.lists(st.integers(1, 40), max_size=12),
    indent=st.sampled_from([None, 2]),
)
def test_the_object_around_an_answer_is_taken_away_however_it_is_cut(value: Any, cuts: list[int], indent: int | None) -> None:
    text = json.dumps({"answer": value}, indent=indent)
    pieces, rest = [], text
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert json.loads(unwrapped([*pieces, rest])) == value


@pytest.mark.parametrize("text", ["", "no", "I cannot.", '{"other": 1}', '{"answ": 1}', "[1]", '{"answerx":1}', "{", ' {"ans'])
def test_an_answer_that_is_not_wrapped_stays_as_it_is(text: str) -> None:
    assert unwrapped(list(text)) == unwrapped([text]) == text


def test_what_is_cut_off_inside_comes_as_far_as_it_came() -> None:
    assert unwrapped(['{"answer": [{"a": "x"}']) == '[{"a": "x"'
    assert unwrapped(['{"answer": [{"a":', ' "x"', "}", ", {"]) == '[{"a": "x"}, {'
