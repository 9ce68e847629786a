"""The form of an answer as Anthropic's grammars take it. Pure.

Source: platform.claude.com/docs/en/build-with-claude/structured-outputs (limits of JSON Schema).
"""

from typing import Any

import orjson

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_KEPT = frozenset({
    "$ref", "$defs", "type", "properties", "required", "additionalProperties", "items", "anyOf", "allOf", "enum", "const",
    "description", "title",
})  # fmt: skip
_DROPPED = frozenset({"$schema", "$id", "$comment"})
_MEMBERS = frozenset({"properties", "$defs"})
_BELOW = _MEMBERS | {"anyOf", "allOf", "items"}
_DEEPEST = 32


def closed(schema: dict[str, Any], depth: int = 0) -> dict[str, Any] | None:
    """`schema` with every object closed and what grammars do not hold told in its description instead.

    None when no grammar says it: any JSON, an object of any members, or more than 32 levels.
    """
    if not _is_told(schema) or depth > _DEEPEST:
        return None
    told: dict[str, Any] = {name: value for name, value in schema.items() if name in _KEPT}
    if "oneOf" in schema:
        told["anyOf"] = schema["oneOf"]
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") not in (None, False) or not schema.get("properties"):
            return None
        told["additionalProperties"] = False
    if schema.get("format") in _FORMATS:
        told["format"] = schema["format"]
    if schema.get("minItems") in (0, 1):
        told["minItems"] = schema["minItems"]
    for name in _BELOW & told.keys():
        shaped = _each(name, told[name], depth + 1)
        if shaped is None:
            return None
        told[name] = shaped
    return _described(told, schema)


def _is_told(schema: Any) -> bool:
    return isinstance(schema, dict) and any(
        name in schema for name in ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "properties")
    )


def _each(name: str, inner: Any, depth: int) -> Any:
    """The schemas under `name`: of members, of choices, or of entries; None when one of them cannot be said."""
    if name in _MEMBERS and isinstance(inner, dict):
        members = {key: closed(one, depth) for key, one in inner.items()}
        return None if None in members.values() else members
    if isinstance(inner, list):
        choices = [closed(one, depth) for one in inner]
        return None if None in choices else choices
    return closed(inner, depth)


def _described(told: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in schema.items() if name not in told and name not in _DROPPED and name != "oneOf"}
    if not rest:
        return told
    words = orjson.dumps(rest).decode()
    before = f"{told['description']} " if told.get("description") else ""
    return told | {"description": before + words}
