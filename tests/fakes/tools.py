"""When the fake models call tools: every tool that the last words of the user name, with arguments read from those words."""

import json
from collections.abc import Iterable
from typing import Any

from tests.fakes.answerer import answer

Call = tuple[str, dict[str, Any]]


def wanted(texts: list[str], tools: Iterable[tuple[str, dict[str, Any]]]) -> list[Call]:
    """`texts` are what the user said, `tools` (name, schema of the arguments)."""
    said = texts[-1] if texts else ""
    return [(name, _object(answer(texts, schema))) for name, schema in tools if name in said]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def told(results: Iterable[str]) -> str:
    """What a model says of the results of its tools."""
    return "The tools say: " + "; ".join(results)
