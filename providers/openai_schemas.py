"""The form of an answer in OpenAI's dialect: exact where the schema allows it, and in an object where the root must be one.

Source: platform.openai.com/docs/guides/structured-outputs (supported schemas).
"""

from typing import Any

from providers.openai_habits import Habits
from providers.wrapping import NAME, has_other_root, in_an_object

#: Below that many levels OpenAI takes no strict schema.
_DEEPEST = 10
_MOST_PROPERTIES = 5000
_KNOWN = frozenset({
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "description", "title", "$ref",
    "$defs", "pattern", "format", "minimum", "maximum", "minItems", "maxItems",
})  # fmt: skip


def response_format(schema: dict[str, Any], habits: Habits) -> dict[str, Any]:
    """The member `response_format` for a schema; {} asks for any JSON."""
    if not schema and not habits.json_object:
        schema = {"type": "object"}
    if not schema or habits.schema == "json_object":
        return {"type": "json_object"}
    if habits.schema == "value":
        return {"type": "json_object", "value": schema}
    sent = in_an_object(schema) if is_wrapped(schema, habits) else schema
    strict = {"strict": True} if habits.strict and _is_strict(sent) else {}
    return {"type": "json_schema", "json_schema": {"name": NAME, "schema": sent, **strict}}


def is_wrapped(schema: dict[str, Any] | None, habits: Habits) -> bool:
    """Whether the answer comes as the only member of an object: the host takes no other root."""
    return habits.object_root and habits.schema == "json_schema" and has_other_root(schema)


def _is_strict(schema: dict[str, Any]) -> bool:
    """Whether OpenAI takes it as strict: all members required, no others allowed, and no word that it does not know."""
    counted = 0
    level: list[Any] = [schema]
    for _ in range(2 * _DEEPEST):
        below: list[Any] = []
        for node in level:
            if not isinstance(node, dict) or node.keys() - _KNOWN:
                return False
            properties = node.get("properties", {})
            counted += len(properties)
            closed = node.get("additionalProperties") is False and set(node.get("required", ())) == set(properties)
            if (node.get("type") == "object" or properties) and not closed:
                return False
            below += [*properties.values(), *node.get("anyOf", ()), *node.get("$defs", {}).values()]
            below += [node["items"]] if "items" in node else []
        if not below:
            return counted <= _MOST_PROPERTIES
        level = below
    return False
