"""Ollama's chat and generate into the one vocabulary, for providers that are not Ollama. Pure.

Source: docs.ollama.com/api and api/types.go of Ollama. `truncate`, `shift` and the options that load a model anew are dropped:
prompts are never cut here. What takes the model's own template (template, raw, suffix, context) is refused.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.asked import Asked
from api.json_schemas import read_schema
from api.members import Body, as_mapping, at, flag, items, mapping, needed_text, number, refuse, text, texts, whole, wrong
from api.pictures import from_base64
from api.thinking import of_think, samplers
from api.turns import Turns
from providers.types import ChatRequest, Image, Message, Part, Text, Thought, Tool, ToolCall

_ROLES = ("system", "user", "assistant", "tool")
_MOST_STOPS = 64
_SEED = 1 << 63
_NATIVE = "Name a model of an Ollama, or leave it out."


@dataclass(slots=True)
class TimedAsked(Asked):
    """`started` is when it was read (ns of `time.perf_counter_ns`): answers tell how long they took."""

    started: int = field(default_factory=time.perf_counter_ns)


def chat_request(body: dict[str, Any]) -> TimedAsked:
    """Raises InvalidField, with the path of the member."""
    turns = Turns()
    for index, message in enumerate(items(body, "messages")):
        path = f"messages.{index}"
        _read(as_mapping(message, path), path, str(index), turns)
    messages = turns.messages()
    if not messages:
        raise wrong("messages", "is missing", 'Send at least {"role": "user", "content": "…"}.')
    tools = tuple(_tool(tool, f"tools.{index}") for index, tool in enumerate(items(body, "tools")))
    return _asked(body, messages, tools)


def generate_request(body: dict[str, Any]) -> TimedAsked:
    """Raises InvalidField."""
    for name, why in (
        ("template", "Templates are the model's own here."),
        ("suffix", "This model cannot write between two texts."),
        ("context", "Earlier answers are not kept as tokens here."),
        ("raw", "Prompts are put into the model's template here."),
    ):
        if body.get(name):
            refuse(name, why, _NATIVE)
    turns = Turns()
    if system := text(body, "system"):
        turns.say("system", [Text(system)])
    prompt = text(body, "prompt")
    images = _images(body, "")
    if not prompt and not images:
        raise wrong("prompt", "is missing", "Send a text.")
    turns.say("user", [*images, Text(prompt or "")])
    return _asked(body, turns.messages(), ())


def loads_only(body: Body) -> str | None:
    """`load` or `unload` when the body says nothing to the model: clients do so to have it in memory, or out of it."""
    if body.get("messages") or body.get("prompt") or body.get("images"):
        return None
    keep = body.get("keep_alive")
    is_zero = keep.strip("+-").rstrip("nuµmsh") in ("0", "0.0") if isinstance(keep, str) else keep is not None and not keep
    return "unload" if is_zero else "load"


def _asked(body: dict[str, Any], messages: tuple[Message, ...], tools: tuple[Tool, ...]) -> TimedAsked:
    if flag(body, "logprobs") or whole(body, "top_logprobs", 0):
        refuse("logprobs", "The probabilities of tokens are not told here.", "Leave logprobs and top_logprobs out.")
    model = needed_text(body, "model")
    options = mapping(body, "options") or {}
    most = whole(options, "num_predict", -2, path="options")
    request = ChatRequest(
        model=model,
        messages=messages,
        schema=_schema(body),
        max_tokens=most if most and most > 0 else None,
        temperature=number(options, "temperature", 0, 2, "options"),
        options=samplers(options),
        tools=tools,
        thinking=of_think(body.get("think")),
        top_p=number(options, "top_p", 0, 1, "options"),
        top_k=whole(options, "top_k", 0, path="options"),
        stop=texts(options, "stop", _MOST_STOPS, "options"),
        seed=whole(options, "seed", -_SEED, _SEED, "options"),
        presence_penalty=number(options, "presence_penalty", -2, 2, "options"),
        frequency_penalty=number(options, "frequency_penalty", -2, 2, "options"),
    )
    return TimedAsked(model, request)


def _schema(body: Body) -> dict[str, Any] | None:
    form = body.get("format")
    if form is None or form == "":
        return None
    return {} if form == "json" else read_schema(form, "format")


def _read(message: Body, path: str, place: str, turns: Turns) -> None:
    role = message.get("role")
    if role not in _ROLES:
        raise wrong(at(path, "role"), "is not a role", f"Send one of: {', '.join(_ROLES)}.")
    said, images = text(message, "content", path) or "", _images(message, path)
    if role == "tool":
        call_id = text(message, "tool_call_id", path) or turns.unanswered(text(message, "tool_name", path))
        turns.answer(call_id or "", said, at(path, "tool_name"), images=images)
        return
    parts: list[Part] = [*images, Text(said)] if said or images else []
    if role == "assistant":
        thought = text(message, "thinking", path)
        calls = items(message, "tool_calls", path)
        parts = [*([Thought(thought)] if thought else []), *parts]
        parts += [_call(call, f"{path}.tool_calls.{index}", f"{place}_{index}") for index, call in enumerate(calls)]
    turns.say(role, parts)


def _call(call: Any, path: str, place: str) -> ToolCall:
    """Calls without an id, as older Ollamas make them, get one from their place: the same in every request."""
    call = as_mapping(call, path)
    field = at(path, "function")
    function = as_mapping(call.get("function"), field)
    arguments = orjson.dumps(mapping(function, "arguments", field) or {}).decode()
    return ToolCall(text(call, "id", path) or f"call_{place}", needed_text(function, "name", field), arguments)


def _images(holder: Body, path: str) -> tuple[Image, ...]:
    listed = items(holder, "images", path)
    for index, one in enumerate(listed):
        if not isinstance(one, str):
            raise wrong(at(path, f"images.{index}"), "must be a picture as base64", "Encode its bytes as base64.")
    return tuple(from_base64(one, at(path, f"images.{index}")) for index, one in enumerate(listed))


def _tool(tool: Any, path: str) -> Tool:
    field = at(path, "function")
    function = as_mapping(as_mapping(tool, path).get("function"), field)
    named = needed_text(function, "name", field), text(function, "description", field) or ""
    if not function.get("parameters"):
        return Tool(*named)
    return Tool(*named, read_schema(function["parameters"], at(field, "parameters")))
