"""The form of an answer in OpenAI's dialect: exact where the schema allows it, and in an object where the root must be one.

Source: platform.openai.com/docs/guides/structured-outputs (supported schemas).
"""

from typing import Any

from providers.openai_habits import Habits

NAME = "answer"
#: Below that many levels OpenAI takes no strict schema.
_DEEPEST = 10
_MOST_PROPERTIES = 5000
_KNOWN = frozenset({
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "description", "title", "$ref",
    "$defs", "pattern", "format", "minimum", "maximum", "minItems", "maxItems",
})  # fmt: skip


def response_format(schema: dict[str, Any], habits: Habits) -> dict[str, Any]:
    """The member `response_format` for a schema; {} asks for any JSON."""
    if not schema or habits.schema == "json_object":
        return {"type": "json_object"}
    if habits.schema == "value":
        return {"type": "json_object", "value": schema}
    sent = in_an_object(schema) if is_wrapped(schema, habits) else schema
    strict = {"strict": True} if habits.strict and _is_strict(sent) else {}
    return {"type": "json_schema", "json_schema": {"name": NAME, "schema": sent, **strict}}


def is_wrapped(schema: dict[str, Any] | None, habits: Habits) -> bool:
    """Whether the answer comes as the only member of an object: the host takes no other root."""
    if not schema or not habits.object_root or habits.schema != "json_schema":
        return False
    return schema.get("type") != "object"


def in_an_object(schema: dict[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in schema.items() if name not in ("$defs", "$schema")}
    outer = {"type": "object", "properties": {NAME: inner}, "required": [NAME], "additionalProperties": False}
    return outer | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


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


class Unwrapping:
    """Takes the object around an answer away, piece by piece; an answer without that object stays as it is.

    Everything up to the colon is held, and what may be the closing brace with the white space around it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside: bool | None = None

    def add(self, text: str) -> str:
        """What of the answer can be told after `text`."""
        self._held += text
        if self._inside is None:
            self._inside = self._opened()
            if self._inside is None:
                return ""
        if not self._inside:
            told, self._held = self._held, ""
            return told
        body = self._held.rstrip()
        body = body.removesuffix("}").rstrip() if body.endswith("}") else body
        told, self._held = body, self._held[len(body) :]
        return told

    def rest(self) -> str:
        """What was held and is no closing brace."""
        held, self._held = self._held, ""
        return "" if self._inside and held.strip() in ("", "}") else held

    def _opened(self) -> bool | None:
        """Whether the answer begins with the object; None while that is open. Its beginning is taken away."""
        left = self._held.lstrip()
        for mark in ("{", f'"{NAME}"', ":"):
            if not left.startswith(mark):
                return None if mark.startswith(left) else False
            left = left[len(mark) :].lstrip()
        self._held = left
        return True
