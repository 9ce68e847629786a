"""OpenAI's responses (`/v1/responses`) without a memory: each request brings its whole conversation.

Source: platform.openai.com/docs/api-reference/responses, and the schema of openresponses.org, which wants every member of the
answer to be there, also when it is null.
"""

from dataclasses import dataclass, field
from typing import Any

from api.asked import Asked
from api.members import Body, flag, mapping, needed_text, number, one_of, refuse, whole
from api.openai.items import item_of, read_input
from api.openai.tools import read_format, read_tools
from api.stamp import Stamp
from api.thinking import of_effort, of_think, samplers
from providers.types import ChatReply, ChatRequest, FinishReason, Part, Tool, ToolChoice, Usage

_INCOMPLETE: dict[FinishReason, str] = {"length": "max_output_tokens", "filtered": "content_filter"}
_STATELESS = "Nothing is stored here: send the whole conversation as input."


@dataclass(slots=True)
class ResponseAsked(Asked):
    """`told` is what the answer repeats of the request."""

    told: dict[str, Any] = field(default_factory=dict)


def response_request(body: dict[str, Any]) -> ResponseAsked:
    """Raises InvalidField, also for what takes a memory."""
    _refuse_what_is_lacking(body)
    model = needed_text(body, "model")
    tools, choice = read_tools(body, flat=True)
    text_ = mapping(body, "text") or {}
    form = mapping(text_, "format", "text")
    reasoning = mapping(body, "reasoning") or {}
    request = ChatRequest(
        model=model,
        messages=read_input(body),
        schema=read_format(form, "text.format", flat=True),
        max_tokens=whole(body, "max_output_tokens", 1),
        temperature=number(body, "temperature", 0, 2),
        options=samplers(mapping(body, "options") or {}),
        tools=tools,
        tool_choice=choice,
        thinking=of_effort(reasoning.get("effort"), "reasoning.effort") or of_think(body.get("think")),
        top_p=number(body, "top_p", 0, 1),
        presence_penalty=number(body, "presence_penalty", -2, 2),
        frequency_penalty=number(body, "frequency_penalty", -2, 2),
    )
    told = _told(body, request, form, reasoning)
    return ResponseAsked(model, request, told=told)


def _refuse_what_is_lacking(body: Body) -> None:
    for name in ("previous_response_id", "conversation"):
        if body.get(name) is not None:
            refuse(name, "Earlier answers are not kept here.", _STATELESS)
    if flag(body, "background"):
        refuse("background", "Answers are not made in the background here.", "Send stream or wait for the answer.")
    if body.get("prompt") is not None:
        refuse("prompt", "No prompts are stored here.", "Send its words as instructions and input.")
    if whole(body, "top_logprobs", 0):
        refuse("top_logprobs", "The probabilities of tokens are not told here.", "Leave it out.")


def _told(body: Body, request: ChatRequest, form: dict[str, Any] | None, reasoning: Body) -> dict[str, Any]:
    effort = reasoning.get("effort")
    summary = one_of(reasoning, "summary", ("auto", "concise", "detailed"), "reasoning")
    default = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
    sampling = {name: value if (value := getattr(request, name)) is not None else default[name] for name in default}
    return {
        "instructions": body.get("instructions"),
        "previous_response_id": None,
        "tools": [_tool(tool) for tool in request.tools],
        "tool_choice": _choice(request.tool_choice),
        "parallel_tool_calls": request.tool_choice is None or request.tool_choice.parallel is not False,
        "truncation": one_of(body, "truncation", ("auto", "disabled")) or "disabled",
        "text": {"format": form or {"type": "text"}},
        "reasoning": {"effort": effort, "summary": summary},
        **sampling,
        "top_logprobs": 0,
        "max_output_tokens": request.max_tokens,
        "max_tool_calls": whole(body, "max_tool_calls", 1),
        "store": False,
        "background": False,
        "service_tier": "default",
        "metadata": mapping(body, "metadata") or {},
        "safety_identifier": body.get("safety_identifier"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "user": body.get("user"),
    }


def _tool(tool: Tool) -> dict[str, Any]:
    described = {"name": tool.name, "description": tool.description or None, "parameters": tool.parameters}
    return {"type": "function", **described, "strict": tool.strict}


def _choice(choice: ToolChoice | None) -> str | dict[str, Any]:
    if choice is None:
        return "auto"
    return {"type": "function", "name": choice.name} if choice.name else choice.mode


def response_reply(reply: ChatReply, asked: ResponseAsked, stamp: Stamp | None = None) -> dict[str, Any]:
    stamp = stamp or Stamp()
    output = written(reply.parts, stamp.token, reply.finish_reason)
    return response_of(asked, stamp, output, status_of(reply.finish_reason), reply.finish_reason, reply.usage)


def written(parts: tuple[Part, ...], token: str, reason: FinishReason) -> list[dict[str, Any]]:
    """Only the last item of an answer that was cut off is not complete."""
    listed = [item_of(part, f"{token}_{index}") for index, part in enumerate(parts)]
    if listed:
        listed[-1]["status"] = status_of(reason)
    return listed


def status_of(reason: FinishReason) -> str:
    return "incomplete" if reason in _INCOMPLETE else "completed"


def response_of(
    asked: ResponseAsked, stamp: Stamp, output: list[dict[str, Any]], status: str, reason: FinishReason = "stop",
    usage: Usage | None = None, error: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The `response` in whatever state it is; `completed_at` is there when it is completed."""
    return {
        "id": f"resp_{stamp.token}",
        "object": "response",
        "created_at": stamp.created,
        "completed_at": stamp.completed if status == "completed" else None,
        "status": status,
        "error": error,
        "incomplete_details": {"reason": _INCOMPLETE[reason]} if status == "incomplete" else None,
        "model": asked.model,
        "output": output,
        "usage": None if usage is None else usage_of(usage),
        **asked.told,
    }


def usage_of(usage: Usage) -> dict[str, Any]:
    """Includes those of the cache and of thoughts, as in chat completions."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.output_reasoning},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
