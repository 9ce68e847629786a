"""What a wanted answer is made of: records, lists and scalars, with their JSON Schema and their leaves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

ScalarType = Literal["string", "number", "integer", "boolean", "any"]


@dataclass(frozen=True, slots=True)
class AnswerWarning:
    """Something about the answer that its reader should know; `path` is a JSON Pointer into it ("" is the whole)."""

    code: str
    path: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """The warning as `GET /response/{id}` shows it."""
        return {"code": self.code, "path": self.path, "message": self.message}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value or null. `any` takes every scalar; `hint` is what the placeholder said; `choices` the allowed texts."""

    type: ScalarType
    hint: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOf:
    """Zero or more of one thing; absent is the empty list, never null."""

    item: "Node"


@dataclass(frozen=True, slots=True)
class Record:
    """Exactly these keys, in this order."""

    fields: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Free:
    """Any JSON value: `{}` in a skeleton, or a part of a JSON Schema that fixes no shape."""


Node = Scalar | ListOf | Record | Free


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar of the wanted answer.

    `path` is a JSON Pointer whose `*` stands for any index of a list (`/*/CNPJ`, `/itens/*/valor`); `key` is the nearest
    object key ("" when there is none, as in `[""]`), `keys_above` the object keys over it from the root; `type` is
    string, number, integer, boolean or any; `hint` the placeholder's own words (`date`, `razão social`), else None.
    """

    path: str
    key: str
    keys_above: tuple[str, ...]
    type: ScalarType
    hint: str | None = None
    choices: tuple[str, ...] = ()


def pointer(path: str, step: str | int) -> str:
    """`path` with one more reference token (RFC 6901: `~` is written `~0`, `/` is written `~1`)."""
    return f"{path}/{str(step).replace('~', '~0').replace('/', '~1')}"


def leaves_of(node: Node, path: str = "", keys: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """The scalars under `node`, in order; a `Free` part has none."""
    match node:
        case Scalar():
            yield Leaf(path, keys[-1] if keys else "", keys[:-1], node.type, node.hint, node.choices)
        case ListOf(item):
            yield from leaves_of(item, f"{path}/*", keys)
        case Record(fields):
            for key, child in fields:
                yield from leaves_of(child, pointer(path, key), (*keys, key))


_PLACEHOLDERS = {"string": "", "number": 0, "integer": "integer", "boolean": True, "any": None}


def placeholder(node: Node) -> Any:
    """The skeleton that asks for `node`, as JSON: `""`, `0`, `"a|b"`, `[…]`, `{…}`."""
    match node:
        case Scalar(kind, hint, choices):
            return "|".join(choices) or (hint if hint and kind == "string" else _PLACEHOLDERS[kind])
        case ListOf(item):
            return [placeholder(item)]
        case Record(fields):
            return {key: placeholder(child) for key, child in fields}
    return {}


def node_at(node: Node, path: str) -> Node | None:
    """The part of a form that the value at JSON Pointer `path` of an answer has; None where the answer has none."""
    for step in path.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        match node:
            case Record(fields) if key in (named := dict(fields)):
                node = named[key]
            case ListOf(item) if key.isdecimal():
                node = item
            case _:
                return None
    return node


def schema_of(node: Node) -> dict[str, Any]:
    """The JSON Schema of `node`: scalars nullable, keys required and closed, lists of any length."""
    match node:
        case Scalar(kind, hint, choices):
            types = ["string", "number", "boolean"] if kind == "any" else [kind]
            typed: list[dict[str, Any]] = [{"type": name} for name in types]
            if choices:
                typed = [{"type": "string", "enum": list(choices)}]
            described = {"description": hint} if hint and not choices else {}
            return {"anyOf": [*typed, {"type": "null"}], **described}
        case ListOf(item):
            return {"type": "array", "items": schema_of(item)}
        case Record(fields):
            return {
                "type": "object",
                "properties": {key: schema_of(child) for key, child in fields},
                "required": [key for key, _ in fields],
                "additionalProperties": False,
            }
    return {}
