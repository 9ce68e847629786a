from typing import Any

import pytest

from providers.compatible import OpenAI, Vllm
from providers.openai_schemas import is_wrapped, response_format
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
