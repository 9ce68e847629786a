"""OpenAI's chat completions into the one vocabulary, and whole answers back. Pure.

Source: platform.openai.com/docs/api-reference/chat. Knobs that no provider shares are dropped; what changes what an answer is
(n, logprobs, sound, web search) is refused. `api/openai/thoughts.py` says how thoughts and signatures travel.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from api.asked import Asked
from api.members import Body, as_mapping, flag, items, mapping, needed_text, number, refuse, texts, whole
from api.openai.messages import read_messages
from api.openai.thoughts import signed, written_thoughts
from api.openai.tools import read_format, read_tools
from api.stamp import Stamp
from api.thinking import of_effort, of_think, samplers
from providers.types import (
    ChatReply,
    ChatRequest,
    FinishReason,
    Message,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)

FINISH: dict[FinishReason, str] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "filtered": "content_filter", "other": "stop",
}  # fmt: skip
_MOST_STOPS = 16
_SEED = 1 << 63
_KNOBS: dict[str, Callable[[Body, str], Any]] = {
    "temperature": partial(number, low=0, high=2),
    "top_p": partial(number, low=0, high=1),
    "top_k": partial(whole, low=0),
    "stop": partial(texts, most=_MOST_STOPS),
    "seed": partial(whole, low=-_SEED, high=_SEED),
    "presence_penalty": partial(number, low=-2, high=2),
    "frequency_penalty": partial(number, low=-2, high=2),
}
_LACKING = frozenset({"n", "logprobs", "top_logprobs", "modalities", "audio", "web_search_options"})


def chat_request(body: dict[str, Any]) -> Asked:
    """Raises InvalidField, with the path of the member."""
    _refuse_what_is_lacking(body)
    tools, choice = read_tools(body)
    form = read_format(mapping(body, "response_format"), "response_format")
    most = whole(body, "max_completion_tokens", 1) or whole(body, "max_tokens", 1)
    return asked(body, read_messages(body), tools, choice, form, most, _thinking(body))


def asked(
    body: dict[str, Any], messages: tuple[Message, ...], tools: tuple[Tool, ...] = (), choice: ToolChoice | None = None,
    schema: dict[str, Any] | None = None, most: int | None = None, thinking: Thinking | None = None,
) -> Asked:  # fmt: skip
    """What chat and text completions have in common."""
    model = needed_text(body, "model")
    options = mapping(body, "options") or {}
    streaming = mapping(body, "stream_options") or {}
    knobs = {name: read(body, name) for name, read in _KNOBS.items() if name in body}
    request = ChatRequest(
        model=model,
        messages=messages,
        schema=schema,
        max_tokens=most,
        options=samplers({**body, **options}),
        tools=tools,
        tool_choice=choice,
        thinking=thinking or of_think(body.get("think")),
        **{"temperature": None, **knobs},
    )
    return Asked(model, request, flag(streaming, "include_usage", path="stream_options"))


def _thinking(body: Body) -> Thinking | None:
    """OpenAI's word, or OpenRouter's object {effort, max_tokens, enabled}."""
    told = of_effort(body.get("reasoning_effort"), "reasoning_effort")
    if told is not None or body.get("reasoning") is None:
        return told
    reasoning = as_mapping(body["reasoning"], "reasoning")
    budget = whole(reasoning, "max_tokens", 0, path="reasoning")
    if budget is not None:
        return Thinking(budget_tokens=budget)
    if reasoning.get("effort") is not None or "enabled" not in reasoning:
        return of_effort(reasoning.get("effort"), "reasoning.effort")
    return Thinking("medium" if flag(reasoning, "enabled", path="reasoning") else "none")


def _refuse_what_is_lacking(body: Body) -> None:
    if _LACKING.isdisjoint(body):
        return
    refuse_several(body)
    if flag(body, "logprobs") or whole(body, "top_logprobs", 0):
        refuse("logprobs", "The probabilities of tokens are not told here.", "Leave logprobs and top_logprobs out.")
    if any(kind != "text" for kind in items(body, "modalities")) or body.get("audio") is not None:
        refuse("modalities", "Only texts are answered here, no sounds.", 'Send "modalities": ["text"], and no audio.')
    if body.get("web_search_options") is not None:
        refuse("web_search_options", "Nothing is searched in the web here.", "Offer a search of your own as a tool.")


def refuse_several(body: Body) -> None:
    if (whole(body, "n", 1) or 1) > 1:
        refuse("n", "One answer is given to one request.", "Leave n out, and ask again for another answer.")


def chat_reply(reply: ChatReply, asked: Asked, stamp: Stamp | None = None) -> dict[str, Any]:
    """The `chat.completion`."""
    stamp = stamp or Stamp()
    choice = {"index": 0, "message": message_of(reply), "logprobs": None, "finish_reason": FINISH[reply.finish_reason]}
    return {
        "id": f"chatcmpl-{stamp.token}",
        "object": "chat.completion",
        "created": stamp.created,
        "model": asked.model,
        "choices": [choice],
        "usage": usage_of(reply.usage),
    }


def message_of(reply: ChatReply) -> dict[str, Any]:
    """`content` is null when there are calls and no words."""
    texts_ = [part for part in reply.parts if isinstance(part, Text)]
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    said = "".join([part.text for part in texts_])
    message: dict[str, Any] = {"role": "assistant", "content": said if said or not calls else None, "refusal": None}
    if len(texts_) + len(calls) < len(reply.parts):
        message |= written_thoughts([part for part in reply.parts if isinstance(part, Thought)])
    if signatures := [part.signature for part in texts_ if part.signature is not None]:
        message |= signed(signatures[-1])
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
                **signed(call.signature),
            }
            for call in calls
        ]
    return message


def usage_of(usage: Usage) -> dict[str, Any]:
    """The prompt's tokens include those of the cache, the completion's those of thoughts."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "completion_tokens_details": {"reasoning_tokens": usage.output_reasoning},
    }
