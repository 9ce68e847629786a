"""The form of an answer as Cohere's grammars take it. Pure.

Source: docs.cohere.com/docs/structured-outputs (schema constraints): the root is an object, and no lengths and ranges.
"""

from typing import Any

import orjson

_UNHELD = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
    "minLength", "maxLength", "minProperties", "maxProperties", "default", "examples",
})  # fmt: skip
_DROPPED = frozenset({"$schema", "$id", "$comment"})
_MEMBERS = frozenset({"properties", "$defs"})
_INNER = frozenset({"items", "anyOf", "oneOf", "allOf"})


def lean(schema: Any) -> Any:
    """`schema` with what grammars do not hold told in its description instead. The schema is at most 100 levels deep."""
    if isinstance(schema, list):
        return [lean(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: value for name, value in schema.items() if name not in _UNHELD | _DROPPED}
    for name in told.keys() & _INNER:
        told[name] = lean(told[name])
    for name in told.keys() & _MEMBERS:
        if isinstance(told[name], dict):
            told[name] = {key: lean(one) for key, one in told[name].items()}
    rest = {name: value for name, value in schema.items() if name in _UNHELD}
    if rest:
        before = f"{told['description']} " if told.get("description") else ""
        told["description"] = before + orjson.dumps(rest).decode()
    return told
