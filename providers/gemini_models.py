"""Gemini's models as Google lists them, and what their names tell."""

import re
from typing import Any

from providers.telling import count, text
from providers.types import ModelInfo
from utils import mended

_VERSION = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?\b")
_KINDS = {"generateContent": "completion", "embedContent": "embedding"}


def model_version(name: str) -> tuple[int, int] | None:
    """`gemini-2.5-flash` is (2, 5); None for other families."""
    found = _VERSION.match(name)
    return (int(found[1]), int(found[2] or 0)) if found else None


def model_info(model: dict[str, Any]) -> ModelInfo | None:
    """One `Model` of `GET /v1beta/models`; None for what has no name or makes no text."""
    name = mended(text(model, "name")).removeprefix("models/")
    told = model.get("supportedGenerationMethods")
    kinds = tuple(_KINDS[method] for method in map(str, told) if method in _KINDS) if isinstance(told, list) else ()
    if not name or not kinds:
        return None
    # The list does not tell: every Gemini that makes text takes pictures; of the other families some do not.
    if "completion" in kinds and model_version(name) is not None:
        kinds += ("vision", "tools", "thinking") if thinks(name) else ("vision", "tools")
    return ModelInfo(
        name=name,
        provider="gemini",
        context=count(model, "inputTokenLimit"),
        output_limit=count(model, "outputTokenLimit"),
        capabilities=kinds,
        description=mended(text(model, "description") or text(model, "displayName")) or None,
    )


def thinks(name: str) -> bool:
    """Whether the model `name` is a Gemini that thinks: 2.5 and later, but for those that draw or speak."""
    version = model_version(name)
    return version is not None and version >= (2, 5) and not any(kind in name for kind in ("-image", "-tts", "-audio"))
