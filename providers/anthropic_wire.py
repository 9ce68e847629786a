"""The body of Anthropic's POST /v1/messages. Pure. Source: docs.anthropic.com/en/api/messages."""

from collections.abc import Collection
from typing import Any

from providers.anthropic_messages import wire_choice, wire_messages, wire_tool
from providers.anthropic_schemas import closed
from providers.characters import wholly
from providers.claude import MIN_BUDGET, adapts, answer_cap, budget_of, effort_of, version
from providers.histories import is_unsigned, system_of, tools_of
from providers.openai_schemas import NAME as ANSWER
from providers.openai_schemas import in_an_object
from providers.thinking import tokens_of
from providers.types import ChatRequest, Tool, ToolChoice

#: Native knobs that no answer depends on.
_KNOBS = frozenset({"metadata", "service_tier", "inference_geo"})
_SAY_JSON = "Answer with JSON and nothing else."
_SAY_ANSWER = "Gives the answer. Call it exactly once, with the whole answer."


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
            system = f"{system}\n\n{_SAY_JSON}" if system else _SAY_JSON
        else:
            body["output_config"] = {"format": {"type": "json_schema", "schema": shaped}}
    if system:
        body["system"] = system
    thinking = {} if _is_forced(body) else _thinking(request, refused)
    if effort := thinking.pop("effort", None):
        body["output_config"] = body.get("output_config", {}) | {"effort": effort}
    body |= thinking
    thinks = thinking.get("thinking", {}).get("type") in ("enabled", "adaptive")
    body |= _sampling(request, refused, thinks)
    body["max_tokens"] = answer_cap(request, 0 if _is_forced(body) else budget_of(request.thinking))
    return wholly(body | {"stream": True})


def answers_by_tool(request: ChatRequest, refused: Collection[str]) -> bool:
    """Whether the answer comes as the arguments of a tool: the model keeps to no schema in another way."""
    return bool(request.schema) and "format" in refused


def _answer_tool(request: ChatRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Arguments are objects, so any other schema stands inside one. Tools that the caller offers may be called instead."""
    schema = request.schema or {}
    schema = schema if schema.get("type") == "object" else in_an_object(schema)
    tool = wire_tool(Tool(ANSWER, _SAY_ANSWER, schema), strict=False)
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


def _thinking(request: ChatRequest, refused: Collection[str]) -> dict[str, Any]:
    """`thinking`, and `effort` of output_config; {} when nothing was said or the model has refused it."""
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


def _sampling(request: ChatRequest, refused: Collection[str], thinks: bool) -> dict[str, Any]:
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
