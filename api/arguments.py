"""Arguments of a tool's call: a text of JSON in the one vocabulary, an object for clients of Anthropic and Ollama."""

from typing import Any

import orjson


def as_object(text: str) -> dict[str, Any]:
    """The object that `text` is. What a model wrote wrongly stays readable under `arguments`: the tool's owner can tell it so."""
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def as_text(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()
