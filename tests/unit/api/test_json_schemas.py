from typing import Any

import pytest

from api.json_schemas import read_schema
from core.errors import InvalidField

WHOLE = {
    "type": "object",
    "$defs": {"row": {"type": ["string", "null"], "enum": ["a", None]}},
    "properties": {"rows": {"type": "array", "items": {"$ref": "#/$defs/row"}, "minItems": 1}, "any": True},
    "required": ["rows"],
    "additionalProperties": False,
    "anyOf": [{"required": ["rows"]}, {"not": {"title": "x"}}],
    "default": None,
    "x-own": [{}],
}


def test_a_schema_comes_out_as_it_is() -> None:
    assert read_schema(WHOLE, "schema") == WHOLE and list(read_schema(WHOLE, "schema")) == list(WHOLE)
    assert read_schema({"type": "object", "required": None, "properties": {"a": {"enum": None}}}, "schema") == {
        "type": "object",
        "properties": {"a": {}},
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": 7}, "s.type"),
        ({"type": ["string", None]}, "s.type.1"),
        ({"properties": []}, "s.properties"),
        ({"properties": {"a": "string"}}, "s.properties.a"),
        ({"properties": {"a": {"items": [1]}}}, "s.properties.a.items.0"),
        ({"$defs": 1.5}, "s.$defs"),
        ({"required": "a"}, "s.required"),
        ({"required": [{}]}, "s.required.0"),
        ({"anyOf": {}}, "s.anyOf"),
        ({"format": []}, "s.format"),
        ({"enum": 3}, "s.enum"),
        ({"additionalProperties": "no"}, "s.additionalProperties"),
    ],
)
def test_a_word_in_a_wrong_form_is_named(change: Any, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_schema(WHOLE | change, "s")
    assert refused.value.field == field


def test_what_is_no_schema_is_refused() -> None:
    for value in (True, "object", [], None):
        with pytest.raises(InvalidField, match=r"^s must be an object"):
            read_schema(value, "s")
