"""The wanted JSON: what `Format-Response` says, as a tree, as a JSON Schema and as the shape of every answer."""

import json
from dataclasses import dataclass, field
from typing import Any

from core.errors import InvalidField
from documents.skeleton.nodes import (
    AnswerWarning,
    Free,
    Leaf,
    ListOf,
    Node,
    Record,
    Scalar,
    ScalarType,
    leaves_of,
    placeholder,
    schema_of,
)
from documents.skeleton.schema import SchemaReader, is_schema
from documents.skeleton.shaping import Shaper
from documents.skeleton.strictjson import NotJson, loads

MAX_BYTES = 64 << 10
MAX_DEPTH = 20
#: A JSON Schema spends two levels of its own on each level of the answer.
MAX_SCHEMA_DEPTH = 3 * MAX_DEPTH
MAX_LEAVES = 500
MAX_SAMPLES = 100

_FIELD = "Format-Response"
_CURE = 'Send a JSON skeleton such as [{"CNPJ": ""}] or a JSON Schema; check it with any JSON validator.'
_ONE_ITEM = "Keep one item in each list: it stands for all of them."
_NULL_WORDS = ("null", "none", "nulo")
_TYPE_WORDS: dict[str, ScalarType] = {
    "string": "string",
    "str": "string",
    "text": "string",
    "texto": "string",
    "number": "number",
    "float": "number",
    "decimal": "number",
    "double": "number",
    "integer": "integer",
    "int": "integer",
    "inteiro": "integer",
    "boolean": "boolean",
    "bool": "boolean",
    "booleano": "boolean",
}


def _refuse(detail: str, hint: str = _CURE) -> InvalidField:
    return InvalidField(detail, hint=hint, field=_FIELD)


def _read_text(text: str) -> Scalar:
    """A placeholder that is a string: empty, a type word, `a|b|c`, or the field described in words."""
    parts = [part.strip() for part in text.split("|")]
    parts = [part for part in dict.fromkeys(parts) if part.lower() not in _NULL_WORDS]
    if all(part.lower() in _TYPE_WORDS for part in parts):
        types = {_TYPE_WORDS[part.lower()] for part in parts}
        return Scalar(types.pop() if len(types) == 1 else "any")
    if len(parts) > 1 and all(0 < len(part) <= 40 for part in parts):
        return Scalar("string", text.strip(), tuple(parts))
    return Scalar("string", (parts[0] if len(parts) == 1 else text.strip()) or None)


def _read_list(items: list[Any]) -> ListOf:
    if not items:
        return ListOf(Scalar("any"))
    # A list of samples is looked through, but not one that is data.
    if len(items) > MAX_SAMPLES:
        raise _refuse("A list of the skeleton is too long.", _ONE_ITEM)
    nodes = [_read(item) for item in items]
    if all(_same_form(nodes[0], node) for node in nodes[1:]):
        return ListOf(nodes[0])
    if all(isinstance(node, Scalar) for node in nodes):
        return ListOf(Scalar("any"))
    raise _refuse("A list of the skeleton holds items of different shapes.", _ONE_ITEM)


def _same_form(one: Node, other: Node) -> bool:
    return _without_hints(one) == _without_hints(other)


def _without_hints(node: Node) -> Any:
    match node:
        case Scalar(kind, _, _):
            return kind
        case ListOf(item):
            return [_without_hints(item)]
        case Record(fields):
            return {key: _without_hints(child) for key, child in fields}
    return None


def _read(value: Any) -> Node:
    """`""` string, `0` and `0.0` number, `true` boolean, `null` any scalar, `[x]` list of x, `{}` any JSON value.

    An integer placeholder wants a number and not an integer: who writes `{"valor": 0}` wants 12.5 too.
    The word `"integer"` asks for whole numbers only.
    """
    if isinstance(value, dict):
        return Record(tuple((key, _read(child)) for key, child in value.items())) if value else Free()
    if isinstance(value, list):
        return _read_list(value)
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, bool):
        return Scalar("boolean")
    return Scalar("any") if value is None else Scalar("number")


def _load(text: str) -> Any:
    try:
        value = loads(text, max_bytes=MAX_BYTES, max_depth=MAX_SCHEMA_DEPTH)
        return value if is_schema(value) else loads(text, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    except NotJson as error:
        raise _refuse(f"Format-Response is not usable JSON: {error}.") from None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A parsed `Format-Response`.

    `text` is what was sent; `schema` the JSON Schema for a model (values nullable, keys required, nothing else allowed);
    `root` the tree; `from_schema` says that a JSON Schema was sent.
    """

    text: str
    root: Node
    schema: dict[str, Any]
    from_schema: bool
    _leaves: tuple[Leaf, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Skeleton":
        """Raises InvalidField (field `Format-Response`) with the position and the cure; never another exception."""
        value = _load(text)
        if not isinstance(value, (dict, list)):
            raise _refuse("Format-Response must be a JSON object or a list, not a single value.")
        sent_schema = is_schema(value)
        try:
            root, schema = SchemaReader(value).read() if sent_schema else _compile(value)
        except ValueError as error:
            raise _refuse(f"Format-Response is not a usable JSON Schema: {error}.") from None
        leaves = tuple(leaves_of(root))
        if not leaves and not sent_schema:
            raise _refuse("Format-Response names no field to look for.")
        if len(leaves) > MAX_LEAVES:
            detail = f"Format-Response has {len(leaves)} fields; at most {MAX_LEAVES} are allowed."
            raise _refuse(detail, "Split it over several uploads.")
        return cls(text, root, schema, sent_schema, leaves)

    @classmethod
    def of(cls, root: Node) -> "Skeleton":
        """A part of a parsed skeleton as one of its own; a part of a JSON Schema keeps its types, not its other rules."""
        return cls(json.dumps(placeholder(root), ensure_ascii=False), root, schema_of(root), False, tuple(leaves_of(root)))

    def leaves(self) -> list[Leaf]:
        """Every scalar that is wanted, in order."""
        return list(self._leaves)

    def shape(self, value: Any) -> tuple[Any, list[AnswerWarning]]:
        """`value` with exactly the skeleton's keys in its order, and what had to be dropped or is missing; see `Shaper`."""
        shaper = Shaper()
        return shaper.shape(self.root, value), shaper.warnings

    def shaped_if_fits(self, value: Any) -> tuple[Any, list[AnswerWarning]] | None:
        """As `shape`, but None for a value that has nothing of the wanted form: no known key, or no item that can be kept."""
        shaped, warnings = self.shape(value)
        wrong = any(warning.code == "wrong_shape" and not warning.path for warning in warnings)
        emptied = shaped == [] and value not in ([], None) and bool(warnings)
        return None if value is None or wrong or emptied else (shaped, warnings)

    def empty(self) -> Any:
        """The answer that knows nothing: null for every value, `[]` for every list."""
        return Shaper().shape(self.root, None)

    def compact(self) -> str:
        """The skeleton (or schema) as one line of JSON, to be shown to a model."""
        return json.dumps(json.loads(self.text.removeprefix("\ufeff")), ensure_ascii=False)


def _compile(value: Any) -> tuple[Node, dict[str, Any]]:
    root = _read(value)
    return root, schema_of(root)
