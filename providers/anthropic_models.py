"""GET /v1/models of Anthropic. Pure. Source: docs.anthropic.com/en/api/models-list."""

from typing import Any

from providers.claude import answer_limit, version
from providers.telling import count, member, text
from providers.types import ModelInfo

_CONTEXT = 200_000
_TOLD = (("image_input", "vision"), ("thinking", "thinking"))


def model_info(entry: Any) -> ModelInfo | None:
    """One entry; None without a name. Older hosts tell only the name: every Claude since 3 sees and calls tools."""
    name = text(entry, "id")
    if not name or text(entry, "lifecycle") == "retired":
        return None
    able = member(entry, "capabilities")
    if able:
        more = tuple(ours for theirs, ours in _TOLD if member(able, theirs).get("supported") is True)
    else:
        more = ("vision", "thinking") if (version(name) or (0, 0)) >= (3, 7) else ("vision",)
    known = version(name) is not None
    return ModelInfo(
        name=name,
        provider="anthropic",
        context=count(entry, "max_input_tokens") or (_CONTEXT if known else None),
        output_limit=count(entry, "max_tokens") or (answer_limit(name) if known else None),
        capabilities=("completion", "tools", *more),
        description=text(entry, "display_name") or None,
        modified_at=text(entry, "created_at") or None,
    )
