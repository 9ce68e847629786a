"""The body of Cohere's POST /v2/chat. Pure. Source: docs.cohere.com/reference/chat-stream."""

import re
from collections.abc import Collection
from typing import Any

import orjson

from core.errors import InvalidField
from providers.cohere_messages import wire_messages, wire_tools
from providers.cohere_schemas import lean
from providers.thinking import tokens_of
from providers.types import ChatRequest
from providers.wrapping import has_other_root, in_an_object

#: Native knobs that no answer depends on.
_KNOBS = frozenset({"safety_mode", "priority", "logprobs"})
#: Models that think before they answer unless they are told not to.
_THINKERS = re.compile(r"reasoning|command-a-plus")
_ROOM = 8192
_MOST_STOPS = 5
_SAY_FORM = "Answer with JSON that keeps to this JSON Schema, and with nothing else: "


def to_wire(request: ChatRequest, refused: Collection[str] = ()) -> dict[str, Any]:
    """`refused` are words for what the model has refused before: names of members, `json_schema` (the form is told in words
    then), `thoughts` (those of earlier turns).

    Raises InvalidField for tools together with the form of an answer, which Cohere does not take.
    """
    body: dict[str, Any] = {name: value for name, value in request.options.items() if name in _KNOBS and value is not None}
    body |= {"model": request.model, "messages": wire_messages(request.messages, thoughts="thoughts" not in refused)}
    body |= _form(request, refused)
    told = body.pop("told", None)
    if told:
        body["messages"] = [{"role": "system", "content": told}, *body["messages"]]
    if request.schema is None:
        strict, choosing = "strict_tools" not in refused, "tool_choice" not in refused
        body |= wire_tools(request.tools, request.tool_choice, strict=strict, choosing=choosing)
    body |= _sampling(request) | _thinking(request)
    return {name: value for name, value in body.items() if name not in refused} | {"stream": True}


def _form(request: ChatRequest, refused: Collection[str]) -> dict[str, Any]:
    """`response_format`, and under `told` what has to be said in words."""
    if request.schema is None:
        return {}
    if request.tools and (request.tool_choice is None or request.tool_choice.mode != "none"):
        raise InvalidField(
            "Cohere takes no tools together with the form of an answer.", field="tools", hint="Ask without one of the two."
        )
    form: dict[str, Any] = {"type": "json_object"}
    if not request.schema:
        return {"response_format": form}
    schema = lean(in_an_object(request.schema) if has_other_root(request.schema) else request.schema)
    if "json_schema" in refused:
        return {"response_format": form, "told": _SAY_FORM + orjson.dumps(schema).decode()}
    return {"response_format": form | {"json_schema": schema}}


def _thinking(request: ChatRequest) -> dict[str, Any]:
    wanted = None if request.thinking is None else tokens_of(request.thinking)
    if wanted is None:
        return {}
    return {"thinking": {"type": "enabled", "token_budget": wanted} if wanted else {"type": "disabled"}}


def _sampling(request: ChatRequest) -> dict[str, Any]:
    """What Cohere gives bounds is held to them."""
    told: dict[str, Any] = {
        "max_tokens": answer_cap(request),
        "temperature": request.temperature,
        "p": _between(request.top_p, 0.01, 0.99),
        "k": None if request.top_k is None else max(0, min(request.top_k, 500)),
        "seed": request.seed,
        "presence_penalty": _between(request.presence_penalty, 0.0, 1.0),
        "frequency_penalty": _between(request.frequency_penalty, 0.0, 1.0),
        "stop_sequences": list(request.stop[:_MOST_STOPS]) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _between(value: float | None, least: float, most: float) -> float | None:
    return None if value is None else max(least, min(value, most))


def answer_cap(request: ChatRequest) -> int | None:
    """What is sent as `max_tokens`: thoughts count into it."""
    if request.max_tokens is None or not request.room_to_think:
        return request.max_tokens
    wanted = None if request.thinking is None else tokens_of(request.thinking)
    room = (_ROOM if _THINKERS.search(request.model) else 0) if wanted is None else wanted
    return request.max_tokens + room
