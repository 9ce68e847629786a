"""The body of Bedrock's Converse and ConverseStream. Pure.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, /userguide/structured-output.html,
/userguide/model-parameters.html (thinking of each maker's models).
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import orjson

from providers.answering import SAY_JSON, answer_tool
from providers.anthropic_schemas import closed
from providers.bedrock_messages import wire_choice, wire_messages, wire_tool
from providers.claude import answer_cap, budget_of, sampling_members, thinking_members
from providers.histories import system_of, tools_of
from providers.thinking import level_of, tokens_of
from providers.types import ChatRequest, Message, Text, Tool, ToolCall, ToolChoice, ToolResult
from providers.wrapping import NAME as ANSWER

_CLAUDE = re.compile(r"claude")
_NOVA = re.compile(r"nova-2")
_GPT = re.compile(r"gpt-oss")
#: Models that think out of the cap on their answer, beside Claude.
_THINKERS = re.compile(r"gpt-oss|deepseek\.r1|nova-2|qwen3|kimi|minimax")
_ROOM = 8192
_NAMES = {"temperature": "temperature", "top_p": "topP", "stop_sequences": "stopSequences"}
_SAY_FORM = "Answer with JSON that keeps to this JSON Schema, and with nothing else: "


def is_claude(model: str) -> bool:
    return _CLAUDE.search(model) is not None


def to_wire(request: ChatRequest, refused: Collection[str] = ()) -> dict[str, Any]:
    """`refused` are words for what the model has refused before: names of sampling parameters, `format` (of an answer), `tool`
    (that it must call for the answer), `adaptive`, `enabled`, `disabled` and `reasoning` (thinking), `effort`, `strict` (tools),
    `system` (turns of it), `thoughts` (those of earlier turns).
    """
    form = _form(request, refused)
    system = system_of(request.messages)
    if request.schema is not None and form is None and not answers_by_tool(request, refused):
        system = "\n\n".join(filter(None, [system, _said(request.schema)]))
    messages = request.messages
    if system and "system" in refused:
        messages, system = _spoken(messages, system), ""
    body: dict[str, Any] = {"messages": wire_messages(messages, thoughts=is_claude(request.model) and "thoughts" not in refused)}
    body |= ({"system": [{"text": system}]} if system else {}) | _tools(request, refused)
    if form:
        body["outputConfig"] = {"textFormat": form}
    forced = not body.get("toolConfig", {}).get("toolChoice", {"auto": {}}).keys() <= {"auto"}
    more, effort = _thinking(request, refused, forced)
    sampling = _sampling(request, refused, more)
    if (top_k := sampling.pop("top_k", None)) is not None:
        more |= {"top_k": top_k}
    cap = _cap(request, forced)
    body["inferenceConfig"] = ({} if cap is None else {"maxTokens": cap}) | sampling
    if effort:
        body["outputConfig"] = body.get("outputConfig", {}) | {"effort": effort}
    if more:
        body["additionalModelRequestFields"] = more
    if request.stop and is_claude(request.model):
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    return body


def answers_by_tool(request: ChatRequest, refused: Collection[str]) -> bool:
    """Whether the answer comes as the arguments of a tool: the model keeps to no schema in another way."""
    return bool(request.schema) and _form(request, refused) is None and "tool" not in refused


def _form(request: ChatRequest, refused: Collection[str]) -> dict[str, Any] | None:
    schema = closed(request.schema) if request.schema and "format" not in refused else None
    if schema is None:
        return None
    return {"type": "json_schema", "structure": {"jsonSchema": {"name": ANSWER, "schema": orjson.dumps(schema).decode()}}}


def _said(schema: dict[str, Any]) -> str:
    return _SAY_FORM + orjson.dumps(schema).decode() if schema else SAY_JSON


def _spoken(messages: tuple[Message, ...], system: str) -> tuple[Message, ...]:
    """What the system says before the first words of the user, for models that know no system."""
    others = [message for message in messages if message.role != "system"]
    place = next((place for place, message in enumerate(others) if message.role == "user"), None)
    if place is None:
        return (Message.of("user", system), *others)
    others[place] = replace(others[place], parts=(Text(f"{system}\n\n"), *others[place].parts))
    return tuple(others)


def _tools(request: ChatRequest, refused: Collection[str]) -> dict[str, Any]:
    """`toolConfig` stands in every question whose history has tools: Bedrock refuses it otherwise."""
    strict = "strict" not in refused
    choice = request.tool_choice if request.tools else ToolChoice("none")
    if choice is not None and choice.mode == "none":
        past = any(isinstance(part, ToolCall | ToolResult) for message in request.messages for part in message.parts)
        offered: tuple[Tool, ...] = tools_of(request) if past else ()
    else:
        offered = request.tools
    tools = [wire_tool(tool, strict=strict) for tool in offered]
    chosen = wire_choice(choice)
    if answers_by_tool(request, refused):
        tools.append(wire_tool(answer_tool(request.schema or {}), strict=False))
        free = request.tools and (choice is None or choice.mode != "none")
        chosen = {"toolChoice": {"any": {}} if free else {"tool": {"name": ANSWER}}}
    return {"toolConfig": {"tools": tools} | chosen} if tools else {}


def _thinking(request: ChatRequest, refused: Collection[str], forced: bool) -> tuple[dict[str, Any], str | None]:
    """Members of `additionalModelRequestFields`, in the words of each maker, and the effort of `outputConfig`."""
    model = request.model
    if is_claude(model):
        told = {} if forced else thinking_members(request, refused)
        effort = told.pop("effort", None)
        return told, effort
    level = None if request.thinking is None or "reasoning" in refused else level_of(request.thinking)
    if level is None:
        return {}, None
    if _GPT.search(model):
        return {"reasoning_effort": "low" if level == "none" else level}, None
    if _NOVA.search(model):
        config = {"type": "disabled"} if level == "none" else {"type": "enabled", "maxReasoningEffort": level}
        return {"reasoningConfig": config}, None
    return {}, None


def _sampling(request: ChatRequest, refused: Collection[str], more: dict[str, Any]) -> dict[str, Any]:
    if is_claude(request.model):
        told = sampling_members(request, refused, more.get("thinking", {}).get("type") in ("enabled", "adaptive"))
        return {_NAMES.get(name, name): value for name, value in told.items()}
    told = {
        "temperature": None if request.temperature is None else min(request.temperature, 1.0),
        "topP": request.top_p,
        "stopSequences": [sequence for sequence in request.stop if sequence] or None,
    }
    if more.get("reasoningConfig", {}).get("maxReasoningEffort") == "high":
        told |= {"temperature": None, "topP": None}  # Nova refuses them then
    words = {"temperature": "temperature", "topP": "top_p", "stopSequences": "stop_sequences"}
    return {name: value for name, value in told.items() if value is not None and words[name] not in refused}


def _cap(request: ChatRequest, forced: bool) -> int | None:
    if is_claude(request.model):
        return answer_cap(request, 0 if forced else budget_of(request.thinking))
    return most_tokens(request)


def most_tokens(request: ChatRequest) -> int | None:
    """What the answer of a model that is no Claude may have at the most; thoughts count into it."""
    if request.max_tokens is None or not request.room_to_think or not _THINKERS.search(request.model):
        return request.max_tokens
    wanted = None if request.thinking is None else tokens_of(request.thinking)
    return request.max_tokens + (_ROOM if wanted is None else wanted)
