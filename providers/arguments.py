"""Arguments of a tool's call: texts of JSON in our words, objects in the words of Ollama and Gemini."""

import json
from typing import Any

import orjson

from providers.characters import wholly


def as_object(text: str) -> dict[str, Any]:
    """The object that `text` is. What a model wrote wrongly goes back to it as it stands, under `arguments`."""
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


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
