"""A JSON Schema as a client sent it: read into the tree of nodes, and made fit to be sent to a model.

What is kept: the keywords that model providers understand and that can be checked in bounded time. `$schema`, `$id` and
`pattern` are not: the first two name other documents, the last is a program that the client would run here. Scalars are
widened to null, every property is required and no other is allowed, so that a model is never forced to invent a value.
"""

from typing import Any

from documents.skeleton.nodes import Free, ListOf, Node, Record, Scalar, ScalarType

Reading = tuple[Node, dict[str, Any]]

_SCALARS: dict[str, ScalarType] = {"string": "string", "number": "number", "integer": "integer", "boolean": "boolean"}
_TYPES = {*_SCALARS, "null", "object", "array"}
_TEXTS = frozenset(("title", "description", "format"))
_NUMBERS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
_COUNTS = frozenset(("minItems", "maxItems", "minLength", "maxLength"))
_MAX_NODES = 3000
_MAX_DEPTH = 20


def is_schema(value: Any) -> bool:
    """Whether a `Format-Response` is a JSON Schema: it names `$schema`, or has a type of JSON with its parts."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("$schema"), str):
        return True
    names = _types(value)
    if not names or not set(names) <= _TYPES:
        return False
    return (
        isinstance(value.get("properties"), dict)
        or ("array" in names and isinstance(value.get("items"), dict))
        or (isinstance(value.get("$ref"), str) and "$defs" in value)
    )


def _types(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type")
    names = kind if isinstance(kind, list) else [kind]
    return [name for name in names if isinstance(name, str)] if all(isinstance(name, str) for name in names) else []


class SchemaReader:
    """Reads one schema; local `$ref` are written out, so what is sent and checked refers to nothing."""

    def __init__(self, document: dict[str, Any]):
        self._document = document
        self._nodes = 0

    def read(self) -> tuple[Node, dict[str, Any]]:
        """The tree and the schema to send; raises ValueError with one clause for a schema that cannot be used."""
        node, schema = self._read(self._document, ())
        if not isinstance(node, (Record, ListOf)):
            raise ValueError("its root must be an object with properties, or an array")
        return node, schema

    def _read(self, schema: Any, above: tuple[str, ...], depth: int = 0) -> Reading:
        """`above` holds the references that are being followed: one that comes again is recursion, and left free."""
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise ValueError(f"it unfolds to more than {_MAX_NODES} parts or {_MAX_DEPTH} levels")
        if not isinstance(schema, dict):
            return Free(), {}
        if "$ref" in schema:
            name = schema["$ref"]
            if name in above:
                return Free(), {}
            return self._read(self._resolve(name), (*above, name), depth)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternatives(schema[keyword], schema, above, depth)
        if "allOf" in schema:
            return self._merged(schema, above, depth)
        return self._typed(schema, above, depth)

    def _resolve(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise ValueError("a $ref must point into the schema itself (#/$defs/…)")
        target: Any = self._document
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or key not in target:
                raise ValueError(f"the $ref {reference[:80]!r} points to nothing")
            target = target[key]
        return target

    def _alternatives(self, options: Any, schema: dict[str, Any], above: tuple[str, ...], depth: int) -> Reading:
        if not isinstance(options, list) or not options:
            raise ValueError("anyOf and oneOf need a list of schemas")
        wanted = [option for option in options if not (isinstance(option, dict) and option.get("type") == "null")]
        read = [self._read(option, above, depth + 1) for option in wanted]
        if len(read) == 1:
            return read[0][0], {**read[0][1], **_kept(schema)}
        kinds = {node.type for node, _ in read if isinstance(node, Scalar)}
        alternatives = {"anyOf": [*(body for _, body in read), {"type": "null"}], **_kept(schema)}
        if read and all(isinstance(node, Scalar) for node, _ in read):
            return Scalar(kinds.pop() if len(kinds) == 1 else "any", _hint(schema)), alternatives
        return Free(), alternatives

    def _merged(self, schema: dict[str, Any], above: tuple[str, ...], depth: int) -> Reading:
        parts = schema["allOf"]
        if not isinstance(parts, list) or not parts:
            raise ValueError("allOf needs a list of schemas")
        own = {key: value for key, value in schema.items() if key != "allOf"}
        read = [self._read(part, above, depth + 1) for part in (*parts, *([own] if "properties" in own else []))]
        if len(read) == 1:
            return read[0][0], {**read[0][1], **_kept(own)}
        if not all(isinstance(node, Record) for node, _ in read):
            raise ValueError("allOf can join objects only")
        fields = {key: child for node, _ in read if isinstance(node, Record) for key, child in node.fields}
        properties = {key: body for _, part in read for key, body in part["properties"].items()}
        return Record(tuple(fields.items())), _closed(properties, own)

    def _typed(self, schema: dict[str, Any], above: tuple[str, ...], depth: int) -> Reading:
        names = [name for name in dict.fromkeys(_types(schema)) if name != "null"]
        if "type" in schema and not set(names) <= _TYPES - {"null"}:
            raise ValueError(f"unknown type {str(schema['type'])[:40]!r}")
        if "enum" in schema or "const" in schema:
            return _enumerated(schema)
        if isinstance(schema.get("properties"), dict) and schema["properties"] and names in ([], ["object"]):
            read = {key: self._read(child, above, depth + 1) for key, child in schema["properties"].items()}
            properties = {key: body for key, (_, body) in read.items()}
            return Record(tuple((key, node) for key, (node, _) in read.items())), _closed(properties, schema)
        if names == ["array"] or (not names and "items" in schema):
            node, body = self._read(schema.get("items", {}), above, depth + 1)
            return ListOf(node), {**_kept(schema), "type": "array", "items": body}
        if names and all(name in _SCALARS for name in names):
            kind = _SCALARS[names[0]] if len(names) == 1 else "any"
            return Scalar(kind, _hint(schema)), {**_kept(schema), "type": [*names, "null"]}
        return Free(), {**_kept(schema), **({"type": [*names, "null"]} if names else {})}


def _kept(schema: dict[str, Any]) -> dict[str, Any]:
    """The keywords that stay as they were sent; raises ValueError for one that has no meaning."""
    kept = {key: value for key, value in schema.items() if key in _TEXTS | _NUMBERS | _COUNTS}
    for key, value in kept.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = isinstance(value, str) if key in _TEXTS else number
        if not right or (key in _COUNTS and (value < 0 or value != int(value))):
            raise ValueError(f"{key} cannot be {str(value)[:40]!r}")
    return kept


def _closed(properties: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    parts = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {**_kept(schema), **parts}


def _hint(schema: dict[str, Any]) -> str | None:
    parts = [schema.get(key) for key in ("description", "format")]
    return ", ".join(part for part in parts if isinstance(part, str) and part) or None


def _enumerated(schema: dict[str, Any]) -> Reading:
    choices = schema["enum"] if "enum" in schema else [schema["const"]]
    if not isinstance(choices, list) or any(isinstance(choice, (dict, list)) for choice in choices):
        raise ValueError("enum needs a list of single values")
    body = _kept(schema)
    texts = [choice for choice in choices if isinstance(choice, str)]
    named = [choice for choice in choices if choice is not None]
    if texts != named:
        return Scalar("any", _hint(schema)), {**body, "enum": [*named, None]}
    return Scalar("string", _hint(schema), tuple(texts)), {**body, "enum": [*texts, None]}
