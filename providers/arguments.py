"""Arguments of a tool's call, which are objects in the words of some hosts, as the text of JSON that `ToolCall` has."""

import json
from typing import Any

import orjson

from core.encoding import wholly


def as_text(value: Any) -> str:
    """The JSON of an object, in its own order; `{}` for what is none. A text is taken to be JSON already."""
    if isinstance(value, str):
        return value or "{}"
    if not isinstance(value, dict):
        return "{}"
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a half of a character, or a number of more than 64 bits
        return json.dumps(wholly(value), ensure_ascii=False)
