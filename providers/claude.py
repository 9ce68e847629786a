"""What Claude models can, as their names tell; the same on Anthropic's own host and on AWS Bedrock. Pure.

Source: docs.anthropic.com/en/docs/about-claude/models, platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
"""

import re

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
