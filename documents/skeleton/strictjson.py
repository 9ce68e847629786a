"""JSON as RFC 8259 has it, read without mercy: one meaning, one position for every fault, never another exception."""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

# A string that never ends matches to the end of the text: one pass, whatever stands in it.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_COLON = re.compile(r"[ \t\r\n]*:")
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(ValueError):
    """`reason` is one clause without the position; `line` and `column` count from 1."""

    def __init__(self, reason: str, text: str, position: int):
        self.reason = reason
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1
        super().__init__(f"{reason} at line {self.line}, column {self.column}")


@dataclass(slots=True)
class _Frame:
    is_object: bool
    keys: set[str] = field(default_factory=set)


def _scan(text: str, max_depth: int) -> int | None:
    """Raises for nesting that is too deep; gives the position of the first repeated key, or None."""
    frames: list[_Frame] = []
    repeated = None
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "[{":
            frames.append(_Frame(first == "{"))
            if len(frames) > max_depth:
                raise NotJson(f"nested deeper than {max_depth} levels", text, token.start())
        elif first in "]}":
            if frames:
                frames.pop()
        elif frames and frames[-1].is_object and repeated is None and _COLON.match(text, token.end()):
            try:
                key = json.loads(token.group(), strict=False)
            except json.JSONDecodeError:
                continue
            if key in frames[-1].keys:
                repeated = token.start()
            frames[-1].keys.add(key)
    return repeated


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_has_surrogate, value))
    return isinstance(value, str) and _SURROGATE.search(value) is not None


class _Numbers:
    """Refuses what JSON has no number for, or what no other reader would read as the same number."""

    def __init__(self, text: str):
        self.text = text

    def integer(self, digits: str) -> int:
        if len(digits) > 20:
            raise NotJson("an integer of more than 20 digits (put it in quotes)", self.text, self.text.find(digits))
        return int(digits)

    def real(self, digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            raise NotJson("a number too large to be represented", self.text, self.text.find(digits))
        return value

    def constant(self, name: str) -> None:
        raise NotJson(f"{name} is not JSON", self.text, max(self.text.find(name), 0))


def loads(text: str, *, max_bytes: int, max_depth: int) -> Any:
    """The value of `text`; raises NotJson for everything else: size (UTF-8 bytes), depth, syntax, repeated keys, NaN,
    integers of more than 20 digits, lone surrogates."""
    lone = _SURROGATE.search(text)
    if lone:
        raise NotJson("half of a surrogate pair", text, lone.start())
    size = len(text.encode())
    if size > max_bytes:
        raise NotJson(f"{size} bytes where at most {max_bytes} are allowed", text, 0)
    text = text.removeprefix("\ufeff")
    repeated = _scan(text, max_depth)
    numbers = _Numbers(text)
    try:
        value = json.loads(text, parse_int=numbers.integer, parse_float=numbers.real, parse_constant=numbers.constant)
    except json.JSONDecodeError as error:
        raise NotJson(error.msg[0].lower() + error.msg[1:].removesuffix(" starting at"), text, error.pos) from None
    except RecursionError:
        raise NotJson("nested too deeply", text, 0) from None
    if repeated is not None:
        raise NotJson("a key that the same object already has", text, repeated)
    if _has_surrogate(value):
        raise NotJson("half of a surrogate pair in an escape", text, max(text.lower().find("\\ud"), 0))
    return value
