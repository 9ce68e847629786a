import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from core.errors import InvalidField
from documents.skeleton import Skeleton
from documents.skeleton.nodes import Leaf
from tests.unit.documents.skeleton.test_strictjson import JSON


def nullable(kind):
    return {"anyOf": [{"type": kind}, {"type": "null"}]}


@pytest.mark.parametrize(
    "placeholder, schema",
    [
        ('""', nullable("string")),
        ("0", nullable("number")),
        ("0.0", nullable("number")),
        ("true", nullable("boolean")),
        ("null", {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]}),
        ('"string"', nullable("string")),
        ('"number"', nullable("number")),
        ('"integer|null"', nullable("integer")),
        ('"date"', nullable("string") | {"description": "date"}),
        ('"date | null"', nullable("string") | {"description": "date"}),
        ('"string|number"', {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]}),
        ('"a||b"', nullable("string") | {"description": "a||b"}),
        ('"pago | pendente"', {"anyOf": [{"type": "string", "enum": ["pago", "pendente"]}, {"type": "null"}]}),
        ('"razão social"', nullable("string") | {"description": "razão social"}),
        ('[""]', {"type": "array", "items": nullable("string")}),
        ('["a", "b"]', {"type": "array", "items": nullable("string") | {"description": "a"}}),
        (
            '[1, ""]',
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
            },
        ),
        (
            "[]",
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
            },
        ),
        ("{}", {}),
    ],
)
def test_a_placeholder_carries_its_type(placeholder, schema):
    sent = Skeleton.parse('{"x": %s, "y": ""}' % placeholder).schema
    assert sent["properties"]["x"] == schema


def test_keys_are_required_closed_and_in_order():
    schema = Skeleton.parse('[{"z": "", "a": {"m": 0, "b": ""}}]').schema
    item = schema["items"]
    assert schema["type"] == "array"
    assert list(item["properties"]) == item["required"] == ["z", "a"]
    assert item["properties"]["a"]["required"] == ["m", "b"]
    assert item["additionalProperties"] is item["properties"]["a"]["additionalProperties"] is False


def test_leaves_know_their_path_key_and_what_is_above():
    leaves = Skeleton.parse('[{"CNPJ": "", "emitente": {"a/b~c": "date"}, "itens": [{"valor": 0}], "tags": [""]}]').leaves()
    assert leaves == [
        Leaf("/*/CNPJ", "CNPJ", (), "string"),
        Leaf("/*/emitente/a~1b~0c", "a/b~c", ("emitente",), "string", "date"),
        Leaf("/*/itens/*/valor", "valor", ("itens",), "number"),
        Leaf("/*/tags/*", "tags", (), "string"),
    ]


@pytest.mark.parametrize(
    "text, says",
    [
        ('{"a": ', "line 1, column 7"),
        ('{"a": "", "a": ""}', "already has at line 1, column 11"),
        ('"texto"', "object or a list"),
        ("12", "object or a list"),
        ("null", "object or a list"),
        ("{}", "names no field"),
        ('{"a": {}}', "names no field"),
        ("[" * 100_000, "65536"),
        ("[" * 21 + '""' + "]" * 21, "deeper than 20"),
        ("{" + ",".join(f'"k{n}": ""' for n in range(501)) + "}", "501 fields; at most 500"),
        ('{"a": [{"b": ""}, ""]}', "different shapes"),
        ('{"a": [' + "1," * 100 + "1]}", "too long"),
        ('{"a": NaN}', "NaN"),
        ('{"a": ' + "1" * 5000 + "}", "20 digits"),
        ('{"a": "\\udfff"}', "surrogate"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_field_and_the_cure(text, says):
    with pytest.raises(InvalidField) as caught:
        Skeleton.parse(text)
    assert says in caught.value.detail
    assert caught.value.field == "Format-Response" and caught.value.hint


def test_the_largest_allowed_skeleton_is_accepted():
    assert len(Skeleton.parse("{" + ",".join(f'"k{n}": ""' for n in range(500)) + "}").leaves()) == 500
    assert Skeleton.parse("[" * 20 + '""' + "]" * 20).leaves()[0].path == "/*" * 20


@given(st.one_of(st.text(max_size=80), JSON.map(json.dumps)))
def test_any_text_gives_a_skeleton_or_invalid_field(text):
    try:
        skeleton = Skeleton.parse(text)
    except InvalidField:
        return
    Draft202012Validator.check_schema(skeleton.schema)
    Draft202012Validator(skeleton.schema).validate(skeleton.empty())


def test_the_empty_answer_has_nulls_and_empty_lists():
    assert Skeleton.parse('{"a": "", "b": {"c": 0}, "d": [{"e": ""}]}').empty() == {"a": None, "b": {"c": None}, "d": []}


def test_the_prompt_shows_the_skeleton_on_one_line():
    assert Skeleton.parse('\ufeff{\n  "é": ""\n}').compact() == '{"é": ""}'
