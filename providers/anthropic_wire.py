"""The body of Anthropic's POST /v1/messages. Pure. Source: docs.anthropic.com/en/api/messages."""

from collections.abc import Collection
from typing import Any

from providers.answering import SAY_JSON, answer_tool
from providers.anthropic_messages import wire_choice, wire_messages, wire_tool
from providers.anthropic_schemas import closed
from providers.claude import answer_cap, budget_of, sampling_members, thinking_members
from providers.histories import system_of, tools_of
from providers.types import ChatRequest, ToolChoice
from providers.wrapping import NAME as ANSWER

#: Native knobs that no answer depends on.
_KNOBS = frozenset({"metadata", "service_tier", "inference_geo"})


def to_wire(request: ChatRequest, refused: Collection[str] = ()) -> dict[str, Any]:
    """`refused` are words for what the model has refused before: names of sampling parameters, `format` (of an answer),
    `adaptive`, `enabled` and `disabled` (kinds of thinking), `effort`, `strict` (tools), `thoughts` (those of earlier turns).
    """
    body: dict[str, Any] = {name: value for name, value in request.options.items() if name in _KNOBS and value is not None}
    system = system_of(request.messages)
    body |= {"model": request.model, "messages": wire_messages(request.messages, thoughts="thoughts" not in refused)}
    body |= _tools(request, refused)
    if answers_by_tool(request, refused):
        body |= _answer_tool(request, body)
    elif request.schema is not None:
        shaped = closed(request.schema)
        if shaped is None:
            system = f"{system}\n\n{SAY_JSON}" if system else SAY_JSON
        else:
            body["output_config"] = {"format": {"type": "json_schema", "schema": shaped}}
    if system:
        body["system"] = system
    thinking = {} if _is_forced(body) else thinking_members(request, refused)
    if effort := thinking.pop("effort", None):
        body["output_config"] = body.get("output_config", {}) | {"effort": effort}
    body |= thinking
    thinks = thinking.get("thinking", {}).get("type") in ("enabled", "adaptive")
    body |= sampling_members(request, refused, thinks)
    body["max_tokens"] = answer_cap(request, 0 if _is_forced(body) else budget_of(request.thinking))
    body["stream"] = True
    return body


def answers_by_tool(request: ChatRequest, refused: Collection[str]) -> bool:
    """Whether the answer comes as the arguments of a tool: the model keeps to no schema in another way."""
    return bool(request.schema) and "format" in refused


def _answer_tool(request: ChatRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Tools that the caller offers may be called instead."""
    tool = wire_tool(answer_tool(request.schema or {}), strict=False)
    offered = body.get("tools") if request.tools else None
    if offered is None:
        return {"tools": [tool], "tool_choice": {"type": "tool", "name": ANSWER}}
    return {"tools": [*offered, tool], "tool_choice": {"type": "any"}}


def _tools(request: ChatRequest, refused: Collection[str]) -> dict[str, Any]:
    tools = tools_of(request)
    if not tools:
        return {}
    choice = request.tool_choice if request.tools else ToolChoice("none")
    written: dict[str, Any] = {"tools": [wire_tool(tool, strict="strict" not in refused) for tool in tools]}
    return written | ({"tool_choice": told} if (told := wire_choice(choice)) else {})


def _is_forced(body: dict[str, Any]) -> bool:
    """A tool that must be called leaves no room for thoughts: Anthropic refuses both together."""
    return body.get("tool_choice", {}).get("type") in ("any", "tool")
