"""GET /v1/models of Cohere. Pure. Source: docs.cohere.com/reference/list-models."""

from typing import Any

from providers.telling import count, text
from providers.types import ModelInfo

_DOES = {"chat": "completion", "embed": "embedding"}
_FEATURES = {"tools": "tools", "vision": "vision", "reasoning": "thinking", "thinking": "thinking"}


def model_info(entry: dict[str, Any]) -> ModelInfo | None:
    """One entry; None for what is deprecated, has no name, or neither chats nor embeds."""
    name = text(entry, "name")
    does = [ours for theirs, ours in _DOES.items() if theirs in _words(entry, "endpoints")]
    if not name or not does or entry.get("is_deprecated") is True:
        return None
    able = [ours for theirs, ours in _FEATURES.items() if theirs in _words(entry, "features")]
    return ModelInfo(
        name=name,
        provider="cohere",
        context=count(entry, "context_length") or None,
        capabilities=tuple(dict.fromkeys([*does, *able])),
    )


def _words(entry: dict[str, Any], name: str) -> list[str]:
    inner = entry.get(name)
    return [word for word in inner if isinstance(word, str)] if isinstance(inner, list) else []
