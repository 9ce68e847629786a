"""A client's JSON Schema, of an answer or of a tool's arguments: its words in the forms that the specification gives them.

Adapters walk schemas to say them in the words of their provider; what stands here in a wrong form is refused before.
Source: json-schema.org/draft/2020-12, and draft 7 where it differs (`definitions`, a list of `items`).
"""

from collections.abc import Callable
from typing import Any

from api.members import as_mapping, at, wrong

_Read = Callable[[Any, str], Any]


def read_schema(value: Any, field: str) -> dict[str, Any]:
    """The schema without the words that are null: clients in Go write so what they do not say.

    It is at most as deep as a body may be. Raises InvalidField.
    """
    return {
        word: _FORMS[word](said, at(field, word)) if word in _FORMS else said
        for word, said in as_mapping(value, field).items()
        if said is not None or word not in _FORMS
    }


def _schema(value: Any, field: str) -> Any:
    return value if isinstance(value, bool) else read_schema(value, field)


def _each(value: Any, field: str) -> dict[str, Any]:
    return {name: _schema(one, at(field, name)) for name, one in as_mapping(value, field).items()}


def _listed(value: Any, field: str) -> list[Any]:
    return [_schema(one, at(field, index)) for index, one in enumerate(_list(value, field))]


def _one_or_listed(value: Any, field: str) -> Any:
    return _listed(value, field) if isinstance(value, list) else _schema(value, field)


def _text(value: Any, field: str) -> str:
    if isinstance(value, str):
        return value
    raise wrong(field, "must be a text", "Send a JSON Schema.")


def _texts(value: Any, field: str) -> list[str]:
    return [_text(one, at(field, index)) for index, one in enumerate(_list(value, field))]


def _text_or_texts(value: Any, field: str) -> Any:
    return _texts(value, field) if isinstance(value, list) else _text(value, field)


def _list(value: Any, field: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise wrong(field, "must be a list", "Send a JSON Schema.")


_FORMS: dict[str, _Read] = {
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), _each),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _listed),
    **dict.fromkeys(("additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"), _schema),
    **dict.fromkeys(("$ref", "$schema", "$id", "title", "description", "format", "pattern"), _text),
    "items": _one_or_listed,
    "type": _text_or_texts,
    "required": _texts,
    "enum": _list,
}
