"""How much a Gemini thinks: a budget of tokens before version 3, a level from 3 on (ai.google.dev/gemini-api/docs/thinking)."""

from typing import Any

from providers.gemini_models import model_version, thinks
from providers.thinking import level_of, tokens_of
from providers.types import ChatRequest, Thinking

#: Thinking models write their thoughts out of the same budget as the answer.
THINKING_ROOM = 8192


def config(model: str, thinking: Thinking | None) -> dict[str, Any] | None:
    """The `thinking_config`; None leaves it to Google: nothing was said, or the model does not think."""
    version = model_version(model)
    tokens = tokens_of(thinking) if thinking else None
    if version is None or tokens is None or not thinks(model):
        return None
    said = {"thinking_budget": _budget(model, tokens)} if version < (3, 0) else {"thinking_level": _level(model, thinking)}
    return said if tokens == 0 else {**said, "include_thoughts": True}


def room(model: str, request: ChatRequest) -> int:
    """Tokens for thoughts beside the answer; a level is no limit, however low."""
    version = model_version(model)
    if version is not None and not thinks(model):
        return 0
    tokens = tokens_of(request.thinking) if request.thinking else None
    if tokens is None or version is None:
        return THINKING_ROOM
    return _budget(model, tokens) if version < (3, 0) else max(tokens, THINKING_ROOM)


def _budget(model: str, tokens: int) -> int:
    """Within what the model allows: Pro 128 to 32768, Flash-Lite 512 to 24576, Flash up to 24576; only Pro cannot be kept from
    thinking."""
    if "-pro" in model:
        return min(max(tokens, 128), 32_768)
    if "-lite" in model and tokens:
        return min(max(tokens, 512), 24_576)
    return min(tokens, 24_576)


def _level(model: str, thinking: Thinking) -> str:
    """Only the Flash models know `minimal`; the first Pro of version 3 has nothing between low and high."""
    level, pro = level_of(thinking), "-pro" in model
    if level == "none" or thinking.effort == "minimal":
        return "LOW" if pro else "MINIMAL"
    if level == "medium" and pro and model_version(model) == (3, 0):
        return "HIGH"
    return str(level).upper()
