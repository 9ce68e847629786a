"""The words for how much a model shall think, as numbers of tokens and back."""

from providers.types import Thinking

#: What Google's own OpenAI front takes the words for (ai.google.dev/gemini-api/docs/openai); the outer ones are ours.
TOKENS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
_LOW, _MEDIUM = 1024, 8192


def tokens_of(thinking: Thinking) -> int | None:
    """How many tokens of thought are wanted; None when nothing was said. A number wins over a word."""
    if thinking.budget_tokens is not None:
        return max(0, thinking.budget_tokens)
    return TOKENS.get(thinking.effort or "")


def level_of(thinking: Thinking) -> str | None:
    """`none`, `low`, `medium` or `high`, for providers that know only levels; None when nothing was said."""
    tokens = tokens_of(thinking)
    if tokens is None:
        return None
    if tokens == 0:
        return "none"
    return "low" if tokens <= _LOW else "medium" if tokens <= _MEDIUM else "high"
