"""Any JSON value in, exactly the wanted shape out."""

import math
from typing import Any

from documents.skeleton.coercion import MISMATCH, clean_text, to_scalar
from documents.skeleton.nodes import AnswerWarning, Free, ListOf, Node, Record, Scalar, pointer
from documents.values import fold

#: Codes of warnings that say that something the model answered was lost, or that it did not answer something.
LOSSES = frozenset({"missing_key", "type_mismatch", "wrong_shape", "extra_items"})
_MAX_WARNINGS = 200
_MAX_DEPTH = 60
#: How many objects around the wanted thing ({"response": {"data": …}}) are taken off.
_MAX_PEELED = 3
_SAFE_INTEGER = 2**53


def _plain(key: str) -> str:
    return "".join(character for character in fold(key) if character.isalnum())


class Shaper:
    """One shaping; `warnings` collects what was dropped, missing or of the wrong type.

    A missing value is null and a missing list `[]`; one object where a list is wanted becomes a list of one, and the
    reverse; an object around the wanted thing is taken off; keys that differ only in case, accents and punctuation are
    matched; words that mean "nothing" ("N/A", "não informado") become null; values change type only when nothing is lost.
    """

    def __init__(self) -> None:
        self.warnings: list[AnswerWarning] = []

    def shape(self, node: Node, value: Any, path: str = "") -> Any:
        """`value` in the shape of `node`; total for every JSON value, however deep."""
        match node:
            case Record():
                return self._record(node, value, path)
            case ListOf():
                return self._list(node, value, path)
            case Scalar():
                return self._scalar(node, value, path)
        return self._free(value, path, 0)

    def _warn(self, code: str, path: str, message: str) -> None:
        if len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(AnswerWarning(code, path, message))

    def _record(self, node: Record, value: Any, path: str, peeled: int = 0) -> dict[str, Any]:
        if isinstance(value, list) and value:
            if len(value) > 1:
                self._warn("extra_items", path, f"One object is wanted; of a list of {len(value)} the first was taken.")
            value = value[0]
        if value is None or (value == [] and path):
            return {key: _absent(child) for key, child in node.fields}
        if not isinstance(value, dict):
            self._warn("wrong_shape", path, "An object is wanted here.")
            return {key: _absent(child) for key, child in node.fields}
        found = _match_keys(node, value)
        if not found:
            inner = _only_container(value)
            if inner is not None and peeled < _MAX_PEELED:
                return self._record(node, inner, path, peeled + 1)
            self._warn("wrong_shape", path, f"None of the wanted keys is here: {_listed(key for key, _ in node.fields)}.")
            return {key: _absent(child) for key, child in node.fields}
        for extra in [key for key in value if key not in found.values()]:
            self._warn("extra_key", pointer(path, clean_text(extra[:80])), "The skeleton has no such key; it was left out.")
        return {key: self._field(child, found.get(key), value, pointer(path, key)) for key, child in node.fields}

    def _field(self, child: Node, source: str | None, value: dict[str, Any], path: str) -> Any:
        if source is None:
            self._warn("missing_key", path, "The model's answer lacks this key.")
            return _absent(child)
        return self.shape(child, value[source], path)

    def _list(self, node: ListOf, value: Any, path: str, peeled: int = 0) -> list[Any]:
        if value is None:
            return []
        if isinstance(value, dict) and not (isinstance(node.item, Record) and _match_keys(node.item, value)):
            inner = _only_container(value)
            if peeled < _MAX_PEELED and (isinstance(inner, list) or (inner is not None and not isinstance(node.item, Free))):
                return self._list(node, inner, path, peeled + 1)
        items = value if isinstance(value, list) else [value]
        shaped = []
        for index, item in enumerate(items):
            if item is None or (isinstance(node.item, Scalar) and self._is_nothing(node.item, item)):
                continue
            if self._fits(node.item, item, pointer(path, index)):
                shaped.append(self.shape(node.item, item, pointer(path, len(shaped))))
        return shaped

    def _is_nothing(self, node: Scalar, item: Any) -> bool:
        return to_scalar(node, item) is None

    def _fits(self, node: Node, item: Any, path: str) -> bool:
        """Whether an item of a list can be kept; what cannot is left out with a warning, never kept as a row of nulls."""
        fits = True
        if isinstance(node, Record):
            fits = _has_keys(node, item)
        elif isinstance(node, Scalar):
            fits = to_scalar(node, item) is not MISMATCH
        if not fits:
            code = "type_mismatch" if isinstance(node, Scalar) else "wrong_shape"
            self._warn(code, path, f"An item of the list is not {_named(node)}.")
        return fits

    def _scalar(self, node: Scalar, value: Any, path: str) -> Any:
        scalar = to_scalar(node, value)
        if scalar is MISMATCH:
            self._warn("type_mismatch", path, f"The model gave {_described(value)} where {_named(node)} is wanted.")
            return None
        return scalar

    def _free(self, value: Any, path: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            self._warn("type_mismatch", path, "The answer is nested too deeply here.")
            return None
        if isinstance(value, dict):
            return {clean_text(key): self._free(item, pointer(path, clean_text(key)), depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self._free(item, pointer(path, index), depth + 1) for index, item in enumerate(value)]
        if isinstance(value, str):
            return clean_text(value)
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
            return str(value)
        return value


def _match_keys(node: Record, value: dict[str, Any]) -> dict[str, str]:
    """The wanted keys that `value` has, each with the key that `value` spells it by."""
    found = {key: key for key, _ in node.fields if key in value}
    if len(found) == len(node.fields):
        return found
    spare: dict[str, str] = {}
    for key in value:
        if key not in found:
            spare.setdefault(_plain(key), key)
    for key, _ in node.fields:
        if key not in found and _plain(key) and _plain(key) in spare:
            found[key] = spare.pop(_plain(key))
    return found


def _only_container(value: dict[str, Any]) -> dict[str, Any] | list[Any] | None:
    containers = [item for item in value.values() if isinstance(item, (dict, list)) and item]
    return containers[0] if len(containers) == 1 else None


def _has_keys(node: Record, item: Any) -> bool:
    """Whether `item` has a wanted key, perhaps inside objects that hold nothing else."""
    for _ in range(_MAX_PEELED + 1):
        item = item[0] if isinstance(item, list) and item else item
        if not isinstance(item, dict):
            return False
        if _match_keys(node, item):
            return True
        item = _only_container(item)
    return False


def _absent(node: Node) -> Any:
    match node:
        case Record(fields):
            return {key: _absent(child) for key, child in fields}
        case ListOf():
            return []
    return None


def _listed(keys: Any) -> str:
    names = list(keys)
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _named(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "of the wanted shape"
    if node.choices:
        return f"one of {_listed(node.choices)}"
    return {"integer": "an integer", "any": "one value"}.get(node.type, f"a {node.type}")


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"{value[:40]!r}" if isinstance(value, str) else "a number or a boolean"
