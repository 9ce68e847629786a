"""The body of OpenAI's chat completions. Many hosts take it, each with habits of its own.

Source: platform.openai.com/docs/api-reference/chat/create.
"""

from collections.abc import Collection
from typing import Any

from providers.openai_habits import Habits, answer_cap, thinking_members
from providers.openai_messages import wire_messages, wire_tools
from providers.openai_schemas import response_format
from providers.types import ChatRequest

_SAY_JSON = "Answer with JSON."
#: The two names of the cap on an answer; a model that refuses one takes the other.
_CAPS = ("max_tokens", "max_completion_tokens")
_TUNING = ("top_p", "seed", "presence_penalty", "frequency_penalty", "top_k", "temperature")
#: What an answer may lack without being another answer: left out for models that refuse it.
OPTIONAL = frozenset({
    *_CAPS, *_TUNING, "random_seed", "stop", "stream", "stream_options", "reasoning_effort", "reasoning", "thinking",
    "chat_template_kwargs", "parallel_tool_calls",
})  # fmt: skip


def to_wire(request: ChatRequest, habits: Habits, *, usage: bool, dropped: Collection[str] = ()) -> dict[str, Any]:
    """The body of POST /chat/completions, without any null. `usage`: the stream shall tell it; `dropped` names what this
    model has refused before.

    Raises InvalidField for what the host cannot be asked.
    """
    body: dict[str, Any] = {name: value for name, value in request.options.items() if name in habits.knobs and value is not None}
    body |= {"model": request.model, "messages": wire_messages(request.messages, habits), "stream": True}
    if usage:
        body["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None:
        body["max_tokens"] = answer_cap(request, request.max_tokens)
    for name in _TUNING:
        value = getattr(request, name)
        if value is not None and (name != "top_k" or name in habits.knobs):
            body[name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    body |= wire_tools(request.tools, request.tool_choice, habits) | thinking_members(request.thinking, habits)
    if request.schema is not None:
        _shape(body, request, habits)
    return _allowed(body, habits, dropped)


def _shape(body: dict[str, Any], request: ChatRequest, habits: Habits) -> None:
    body["response_format"] = response_format(request.schema or {}, habits)
    # OpenAI refuses to write JSON unless a message says so.
    if body["response_format"] != {"type": "json_object"} or any("json" in one.content.lower() for one in request.messages):
        return
    first = body["messages"][0] if body["messages"] else {}
    if first.get("role") == "system":
        first["content"] = f"{first['content']}\n\n{_SAY_JSON}"
    else:
        body["messages"].insert(0, {"role": "system", "content": _SAY_JSON})


def _allowed(body: dict[str, Any], habits: Habits, dropped: Collection[str]) -> dict[str, Any]:
    named = {habits.names.get(name, name): value for name, value in body.items()}
    for cap, other in (_CAPS, _CAPS[::-1]):
        if cap in dropped and other not in dropped and cap in named:
            named[other] = named.pop(cap)
    if "stream" in dropped:
        dropped = {*dropped, "stream_options"}
    return {name: value for name, value in named.items() if name not in dropped}
