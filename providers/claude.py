"""What Claude models can, as their names tell; the same on Anthropic's own host and on AWS Bedrock. Pure.

Source: docs.anthropic.com/en/docs/about-claude/models, platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from providers.histories import is_unsigned
from providers.thinking import level_of, tokens_of
from providers.types import ChatRequest, Thinking

#: A budget of thoughts must have at least as many tokens.
MIN_BUDGET = 1024
#: For thoughts of models that think unasked.
_ROOM = 8192
_VERSION = re.compile(r"claude-(?:[a-z]{2,16}-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
#: The longest answer in tokens, by the first version that has it.
_LIMITS = (((4, 6), 128_000), ((4, 5), 64_000), ((4, 0), 32_000), ((3, 7), 64_000), ((3, 5), 8192), ((0, 0), 4096))
_UNKNOWN_LIMIT = 8192
_WORDS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}


@lru_cache(1024)
def version(model: str) -> tuple[int, int] | None:
    """`us.anthropic.claude-opus-4-6-v1` is (4, 6), `claude-3-7-sonnet-20250219` (3, 7); None for other names."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def answer_limit(model: str) -> int:
    """How many tokens an answer can have; what is asked when nothing was said."""
    known = version(model)
    if known is None:
        return _UNKNOWN_LIMIT
    if "sonnet" in model and (4, 0) <= known < (4, 5):
        return 64_000
    return next(limit for first, limit in _LIMITS if known >= first)


def adapts(model: str) -> bool:
    """Whether the model decides how much it thinks; older ones get a budget. Others than Claude know only budgets."""
    known = version(model)
    return known is not None and known >= (4, 6)


def thinks_unasked(model: str) -> bool:
    known = version(model)
    return known is not None and known >= (5, 0)


def effort_of(thinking: Thinking, model: str) -> str | None:
    """`low` … `max` for models that adapt; `xhigh` came with 4.7. None for none and for nothing said."""
    level = level_of(thinking)
    word = _WORDS.get(thinking.effort or "") if thinking.budget_tokens is None else level
    word = None if level in (None, "none") else word or level
    return "high" if word == "xhigh" and (version(model) or (9, 9)) < (4, 7) else word


def answer_cap(request: ChatRequest, budget: int | None) -> int:
    """`max_tokens` to send: thoughts, of which `budget` tokens are wanted, count into it."""
    limit = answer_limit(request.model)
    if request.max_tokens is None:
        return limit
    if not request.room_to_think:
        return request.max_tokens
    if budget is None:
        budget = _ROOM if request.thinking is None and thinks_unasked(request.model) else 0
    return max(request.max_tokens, min(request.max_tokens + budget, limit))


def budget_of(thinking: Thinking | None) -> int | None:
    """Tokens of thought that are wanted, at least what must be; None for none and for nothing said."""
    wanted = None if thinking is None else tokens_of(thinking)
    return max(wanted, MIN_BUDGET) if wanted else None


def thinking_members(request: ChatRequest, refused: Collection[str]) -> dict[str, Any]:
    """`thinking`, and `effort` of output_config; {} when nothing was said or the model has refused it.

    `refused` has the kinds of thinking (`adaptive`, `enabled`, `disabled`) and `effort`, when the model refuses them.
    """
    thinking = request.thinking
    wanted = None if thinking is None else tokens_of(thinking)
    if thinking is None or wanted is None:
        return {}
    if wanted == 0:
        told = adapts(request.model) and "disabled" not in refused
        return {"thinking": {"type": "disabled"}} if told else {}
    kinds = ("adaptive", "enabled") if adapts(request.model) else ("enabled", "adaptive")
    kind = next((one for one in kinds if one not in refused), None)
    if kind == "adaptive":
        effort = None if "effort" in refused else effort_of(thinking, request.model)
        return {"thinking": {"type": kind}} | ({"effort": effort} if effort else {})
    if kind is None or is_unsigned(request.messages):
        return {}
    budget = budget_of(thinking) or 0
    budget = min(budget, answer_cap(request, budget) - 1)
    return {"thinking": {"type": kind, "budget_tokens": budget}} if budget >= MIN_BUDGET else {}


def sampling_members(request: ChatRequest, refused: Collection[str], thinks: bool) -> dict[str, Any]:
    """Models that think take no temperature and no top_k; newer ones either temperature or top_p, not both."""
    told: dict[str, Any] = {}
    if not thinks:
        told = {"temperature": None if request.temperature is None else min(request.temperature, 1.0), "top_k": request.top_k}
        known = version(request.model)
        if request.temperature is None or known is None or known < (4, 1):
            told["top_p"] = request.top_p
    if request.stop and "stop_sequences" not in refused:
        told["stop_sequences"] = [sequence for sequence in request.stop if sequence.strip()] or None
    return {name: value for name, value in told.items() if value is not None and name not in refused}
