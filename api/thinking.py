"""How much a model shall think, out of the words of clients; and which of their knobs go to the provider."""

from typing import Any

from api.members import wrong
from providers.types import Thinking

#: OpenAI's words and Anthropic's, together.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
#: Knobs of samplers that no dialect but Ollama's names; a provider takes those that it knows. Those that load a model anew
#: (num_ctx, num_gpu, …) are not among them.
SAMPLERS = frozenset({
    "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "num_keep", "mirostat", "mirostat_tau", "mirostat_eta", "tfs_z",
    "penalize_newline",
})  # fmt: skip


def of_think(value: Any, field: str = "think") -> Thinking | None:
    """Ollama's `think`: true, false, or a word."""
    if value is None:
        return None
    if isinstance(value, bool):
        return Thinking("medium" if value else "none")
    return of_effort(value, field)


def of_effort(value: Any, field: str) -> Thinking | None:
    if value is None:
        return None
    if value in EFFORTS:
        return Thinking(value)
    raise wrong(field, "is not a word for how much to think", f"Send one of: {', '.join(EFFORTS)}.")


def samplers(options: dict[str, Any]) -> dict[str, Any]:
    """What is a number or a switch; everything else is dropped, as any unknown knob is."""
    return {name: value for name, value in options.items() if name in SAMPLERS and isinstance(value, int | float)}
