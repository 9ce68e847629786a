"""An answer that is no object inside one, as hosts and the arguments of tools take no other root; and out of it again. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from providers.types import ChatDelta

#: The only member of the object; also the name of the form, and of the tool that stands for the answer.
NAME = "answer"


def has_other_root(schema: dict[str, Any] | None) -> bool:
    """Whether answers of this schema may be no objects; False for none and for any JSON."""
    return bool(schema) and (schema or {}).get("type") != "object"


def in_an_object(schema: dict[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in schema.items() if name not in ("$defs", "$schema")}
    outer = {"type": "object", "properties": {NAME: inner}, "required": [NAME], "additionalProperties": False}
    return outer | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def freeing(wrapped: bool) -> Callable[[ChatDelta], Sequence[ChatDelta]]:
    """What makes of each piece of an answer those that can be told: all as they are, or freed of the object around them."""
    return Unwrapping().pieces if wrapped else lambda delta: (delta,)


class Unwrapping:
    """Takes the object around an answer away, piece by piece; an answer without that object stays as it is.

    Everything up to the colon is held, and what may be the closing brace with the white space around it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside: bool | None = None

    def pieces(self, delta: ChatDelta) -> list[ChatDelta]:
        """What was held until the end of the answer comes before its last piece."""
        told = replace(delta, text=self.add(delta.text))
        held = self.rest() if delta.finish_reason is not None else ""
        return [ChatDelta(held), told] if held else [told]

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
