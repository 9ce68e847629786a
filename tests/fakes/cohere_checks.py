"""What the real Cohere refuses in the body of a chat, in its words.

Source: docs.cohere.com/reference/chat, docs.cohere.com/docs/structured-outputs, and answers of the service as clients quote them.
"""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

_BODY = frozenset((
    "model", "messages", "stream", "tools", "strict_tools", "documents", "citation_options", "response_format", "safety_mode",
    "max_tokens", "stop_sequences", "temperature", "seed", "frequency_penalty", "presence_penalty", "k", "p", "logprobs",
    "tool_choice", "thinking", "priority", "raw_prompting",
))  # fmt: skip
_UNHELD = ("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "uniqueItems")
_BOUNDS = {"p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}


@dataclass(frozen=True)
class FakeCommand:
    """`features` as the list of models tells them; `schemas`: forms with `anyOf` too."""

    context: int = 256_000
    endpoints: tuple[str, ...] = ("chat",)
    features: tuple[str, ...] = ("tools", "json_mode", "json_schema", "strict_tools", "tool_choice")
    schemas: bool = True


class ApiError(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.body = status, {"id": "5f1c9c1e-fake", "message": message}

    def response(self, headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=headers)


def check(body: dict[str, Any], models: dict[str, FakeCommand]) -> FakeCommand:
    """Raises ApiError."""
    if unknown := sorted(body.keys() - _BODY):
        raise ApiError(422, f"unknown field: parameter '{unknown[0]}' is not a valid field")
    model = model_of(body, models)
    _check_messages(body, model)
    for name, (least, most) in _BOUNDS.items():
        if name in body and not least <= body[name] <= most:
            raise ApiError(400, f"invalid request: {name} must be between {least} and {most} inclusive.")
    if len(body.get("stop_sequences", ())) > 5:
        raise ApiError(400, "invalid request: a maximum of 5 stop sequences is allowed.")
    if "thinking" in body and "reasoning" not in model.features:
        raise ApiError(400, f"invalid request: thinking is not supported by {body['model']}.")
    if body.get("thinking", {}).get("token_budget", 1) < 1:
        raise ApiError(400, "invalid request: thinking.token_budget must be a positive integer.")
    _check_tools(body, model)
    _check_form(body, model)
    return model


def model_of(body: dict[str, Any], models: dict[str, FakeCommand]) -> FakeCommand:
    name = body.get("model")
    if not name:
        raise ApiError(400, "invalid request: model is required.")
    if name not in models:
        words = f"model '{name}' not found, make sure the correct model ID was used and that you have access to the model."
        raise ApiError(404, words)
    return models[name]


def _check_messages(body: dict[str, Any], model: FakeCommand) -> None:
    if not body.get("messages"):
        raise ApiError(400, "invalid request: message must be at least 1 token long or tool results must be specified.")
    called: set[str] = set()
    for place, turn in enumerate(body["messages"]):
        if turn["role"] not in ("user", "assistant", "system", "tool"):
            raise ApiError(400, f"invalid request: unknown role {turn['role']} at messages[{place}].")
        if not turn.get("content") and not turn.get("tool_calls"):
            raise ApiError(400, "invalid request: all elements in messages must have a message.")
        if turn.get("tool_plan") and not turn.get("tool_calls"):
            raise ApiError(400, f"invalid request: messages[{place}] has a tool_plan without tool_calls.")
        for part in turn["content"] if isinstance(turn.get("content"), list) else ():
            _check_part(turn["role"], part, model)
        called |= {call["id"] for call in turn.get("tool_calls", ())}
        if turn["role"] == "tool" and turn["tool_call_id"] not in called:
            raise ApiError(400, f"invalid request: no tool call with id {turn['tool_call_id']} exists in the chat history.")


def _check_part(role: str, part: dict[str, Any], model: FakeCommand) -> None:
    match part["type"]:
        case "text":
            return
        case "thinking" if role == "assistant" and "reasoning" in model.features:
            return
        case "thinking":
            raise ApiError(400, "invalid request: thinking content is not supported by this model.")
        case "image_url" if "vision" not in model.features:
            raise ApiError(400, "invalid request: image content is not supported by this model.")
        case "image_url" if not part["image_url"]["url"].startswith(("data:image/", "https://")):
            raise ApiError(400, "invalid request: image_url must be a base64 data URI or a web URL.")
        case "image_url":
            return
    raise ApiError(400, f"invalid request: unknown content type {part['type']}.")


def _check_tools(body: dict[str, Any], model: FakeCommand) -> None:
    tools = body.get("tools")
    if "tool_choice" in body:
        if not tools:
            raise ApiError(400, "invalid request: tool_choice is only allowed when tools are provided.")
        if body["tool_choice"] not in ("REQUIRED", "NONE"):
            raise ApiError(400, "invalid request: tool_choice must be one of REQUIRED, NONE.")
        if "tool_choice" not in model.features:
            raise ApiError(400, f"invalid request: tool_choice is not supported by {body['model']}.")
    if tools is not None and not tools:
        raise ApiError(400, "invalid request: tools must not be empty.")
    for tool in tools or ():
        if not isinstance(tool["function"].get("parameters"), dict):
            raise ApiError(422, "invalid type: parameter tools.function.parameters is required.")
        if body.get("strict_tools") and not tool["function"]["parameters"].get("required"):
            raise ApiError(400, "invalid request: strict_tools requires at least one required parameter in each tool.")


def _check_form(body: dict[str, Any], model: FakeCommand) -> None:
    form = body.get("response_format")
    if form is None:
        return
    if body.get("tools") or body.get("documents"):
        raise ApiError(400, "invalid request: response_format is not supported when tools or documents are specified.")
    if form["type"] not in ("json_object", "text"):
        raise ApiError(400, "invalid request: response_format.type must be one of text, json_object.")
    if schema := form.get("json_schema"):
        if schema.get("type") != "object":
            raise ApiError(400, "invalid response_format: json_schema must be of type object at its root.")
        _check_schema(schema, model)


def _check_schema(schema: dict[str, Any], model: FakeCommand) -> None:
    if "anyOf" in schema and not model.schemas:
        raise ApiError(400, "invalid response_format: schema keyword anyOf cannot be used.")
    if unheld := [word for word in _UNHELD if word in schema]:
        raise ApiError(400, f"invalid response_format: schema keyword {unheld[0]} cannot be used.")
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for one in [*inner, *([schema["items"]] if "items" in schema else [])]:
        _check_schema(one, model)
