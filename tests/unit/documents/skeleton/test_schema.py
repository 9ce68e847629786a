import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from core.errors import InvalidField
from documents.skeleton import Skeleton
from documents.skeleton.schema import is_schema

INVOICE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/invoice",
    "type": "object",
    "$defs": {"money": {"type": "number", "minimum": 0, "description": "em reais"}},
    "properties": {
        "numero": {"type": "string", "pattern": "^(a+)+$", "maxLength": 20},
        "total": {"$ref": "#/$defs/money"},
        "situacao": {"enum": ["paga", "aberta"]},
        "desconto": {"type": ["number", "null"]},
        "emissao": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "itens": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "properties": {"valor": {"$ref": "#/$defs/money"}}},
        },
    },
    "required": ["numero"],
}


def test_a_schema_is_told_from_a_skeleton():
    assert is_schema(INVOICE)
    assert is_schema({"type": "array", "items": {"type": "string"}})
    assert not is_schema({"type": "", "properties": ""})
    assert not is_schema({"type": "object"})
    assert not is_schema({"type": "nota", "properties": {"a": ""}})
    assert not is_schema([INVOICE])


def test_a_schema_is_sent_nullable_closed_and_without_what_runs_or_refers():
    skeleton = Skeleton.parse(json.dumps(INVOICE))
    sent = skeleton.schema
    assert skeleton.from_schema
    assert "$schema" not in sent and "$id" not in sent and "$defs" not in sent
    assert list(sent["properties"]) == sent["required"] == list(INVOICE["properties"])
    assert sent["additionalProperties"] is False
    assert sent["properties"]["numero"] == {"type": ["string", "null"], "maxLength": 20}
    assert sent["properties"]["total"] == {"type": ["number", "null"], "minimum": 0, "description": "em reais"}
    assert sent["properties"]["situacao"] == {"enum": ["paga", "aberta", None]}
    assert sent["properties"]["itens"]["minItems"] == 1


def test_its_keys_and_order_drive_the_shape():
    skeleton = Skeleton.parse(json.dumps(INVOICE))
    shaped, _ = skeleton.shape({"itens": [{"valor": "1,50", "x": 1}], "numero": 7, "situacao": "PAGA"})
    assert shaped == {
        "numero": "7",
        "total": None,
        "situacao": "paga",
        "desconto": None,
        "emissao": None,
        "itens": [{"valor": 1.5}],
    }
    assert list(shaped) == list(INVOICE["properties"])
    assert [leaf.path for leaf in skeleton.leaves()][-1] == "/itens/*/valor"


@pytest.mark.parametrize(
    "part, says",
    [
        ({"$ref": "https://example.com/other.json"}, "into the schema itself"),
        ({"$ref": "#/$defs/nothing"}, "points to nothing"),
        ({"$ref": 7}, "into the schema itself"),
        ({"type": "money"}, "unknown type"),
        ({"type": "string", "maxLength": "x"}, "maxLength"),
        ({"type": "string", "maxLength": -1}, "maxLength"),
        ({"type": "string", "minLength": 1.5}, "minLength"),
        ({"type": "number", "minimum": True}, "minimum"),
        ({"type": "string", "title": 5}, "title"),
        ({"enum": "a"}, "enum needs a list"),
        ({"anyOf": []}, "need a list"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "objects only"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(part, says):
    with pytest.raises(InvalidField, match="JSON Schema") as caught:
        Skeleton.parse(json.dumps({"type": "object", "properties": {"a": part}}))
    assert says in caught.value.detail


@pytest.mark.parametrize("root", [{"type": "object", "properties": {}}, {"$schema": "x", "type": "string"}, {"$schema": "x"}])
def test_a_schema_must_say_what_is_looked_for(root):
    with pytest.raises(InvalidField, match="object with properties"):
        Skeleton.parse(json.dumps(root))


def test_recursion_is_left_free_and_never_followed_for_ever():
    tree = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#"}}}
    loop = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/x"}},
        "$defs": {"x": {"anyOf": [{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/x"}]}},
    }
    assert Skeleton.parse(json.dumps(tree)).shape({"name": "a", "child": {"name": "b"}})[0]["child"]["name"] == "b"
    assert Skeleton.parse(json.dumps(loop)).shape({"a": 5})[0] == {"a": 5}


def test_references_that_multiply_are_refused_quickly():
    defs = {f"d{n}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/d{n + 1}"} for k in "ab"}} for n in range(18)}
    bomb = {"type": "object", "$defs": {**defs, "d18": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/d0"}}}
    begun = time.perf_counter()
    with pytest.raises(InvalidField, match="3000 parts"):
        Skeleton.parse(json.dumps(bomb))
    assert time.perf_counter() - begun < 1


def test_all_of_objects_is_one_object():
    parts = [{"type": "object", "properties": {k: {"type": "string"}}} for k in "ab"]
    skeleton = Skeleton.parse(json.dumps({"type": "object", "properties": {"x": {"allOf": parts}}}))
    assert skeleton.shape({"x": {"b": "2", "a": "1"}})[0] == {"x": {"a": "1", "b": "2"}}


KEYWORD = st.sampled_from(
    ["type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "$defs", "minimum", "format"]
)
WORD = (
    st.sampled_from(["object", "array", "string", "null", "#", "#/$defs/a", "x"]) | st.integers(-2, 2) | st.none() | st.booleans()
)
SCHEMA = st.recursive(
    WORD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORD | st.just("a"), inner, max_size=4), max_leaves=12
)


@given(SCHEMA)
def test_any_schema_is_accepted_or_refused_as_a_field(part):
    try:
        skeleton = Skeleton.parse(
            json.dumps({"type": "object", "$defs": {"a": part}, "properties": {"a": part, "b": {"type": "string"}}})
        )
    except InvalidField:
        return
    Draft202012Validator.check_schema(skeleton.schema)
    assert list(skeleton.shape({"a": 1})[0]) == ["a", "b"]
