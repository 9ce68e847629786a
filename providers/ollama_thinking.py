"""Whether a model of Ollama shall think, and how much room its thoughts get beside the answer."""

from providers.thinking import level_of, tokens_of
from providers.types import ChatRequest, ModelInfo

Think = bool | str | None
#: Local models write some ten tokens a second, so that more thoughts than this nobody waits for.
MOST_ROOM = 8192
USUAL_ROOM = 4096
_LOW_ROOM = 1024
_LEVELS = "gptoss"


def choose(request: ChatRequest, model: ModelInfo, *, needs_thought: bool = False) -> Think:
    """The `think` to send; None sends none.

    When nothing was said an answer of JSON is wanted without thoughts: they eat `num_predict` and break JSON. The exception are
    models that do not keep to `format` without thinking (`needs_thought`; ollama#14645, #15260). gpt-oss knows only levels.
    """
    if "think" in request.options:
        return request.options["think"]
    if "thinking" not in model.capabilities:
        return None
    said = level_of(request.thinking) if request.thinking else None
    if model.family == _LEVELS:
        return {"none": "low", None: "low" if request.schema is not None else None}.get(said, said)
    if said is None and request.schema is not None and not needs_thought:
        return False
    return None if said is None else said != "none"


def room(request: ChatRequest, model: ModelInfo, think: Think) -> int:
    """Tokens for thoughts: `num_predict` counts them with the answer."""
    if "thinking" not in model.capabilities or think is False:
        return 0
    if think == "low":
        return _LOW_ROOM
    wanted = tokens_of(request.thinking) if request.thinking else None
    return min(wanted or USUAL_ROOM, MOST_ROOM)
