"""What the real OpenAI refuses in the body of a chat completion, in its words.

Source: platform.openai.com/docs/api-reference/chat/create, and answers of the service as clients quote them.
"""

import re
from typing import Any

from aiohttp import web

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KNOWN = {
    "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop",
    "presence_penalty", "frequency_penalty", "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
    "n", "logit_bias", "logprobs", "top_logprobs", "user", "metadata", "service_tier", "store", "verbosity", "prediction",
    "prompt_cache_key", "safety_identifier", "modalities", "functions", "function_call",
}  # fmt: skip
_THINKERS = re.compile(r"o[1-9]|gpt-5")


class ApiError(Exception):
    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", *, param=None, code=None):
        super().__init__(message)
        self.status, self.body = status, {"error": {"message": message, "type": kind, "param": param, "code": code}}

    def response(self, headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=headers)


def _bad(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    return ApiError(400, message, param=param, code=code)


def check(body: dict[str, Any], also_known: set[str]) -> None:
    """Raises ApiError. `also_known` are members that a host of its own takes beside OpenAI's."""
    if unknown := sorted(body.keys() - _KNOWN - also_known):
        raise _bad(f"Unknown parameter: '{unknown[0]}'.", unknown[0], "unknown_parameter")
    if not body.get("messages"):
        raise _bad("Invalid 'messages': empty array.", "messages", "empty_array")
    if _THINKERS.match(body["model"]):
        _check_thinker(body)
    if body.get("stream_options") is not None and not body.get("stream"):
        raise _bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if len(body.get("stop") or ()) > 4 and not isinstance(body["stop"], str):
        raise _bad("Invalid 'stop': array too long. Expected an array with maximum length 4.", "stop", "array_above_max_length")
    _check_messages(body["messages"])
    _check_tools(body)
    _check_format(body)


def _check_thinker(body: dict[str, Any]) -> None:
    if "max_tokens" in body:
        words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        raise _bad(words, "max_tokens", "unsupported_parameter")
    if body.get("temperature", 1) != 1:
        words = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model."
        raise _bad(f"{words} Only the default (1) value is supported.", "temperature", "unsupported_value")
    for name in ("top_p", "presence_penalty", "frequency_penalty", "stop"):
        if name in body:
            raise _bad(f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")


def _check_messages(messages: list[dict[str, Any]]) -> None:
    waiting: list[str] = []
    for place, message in enumerate(messages):
        role = message.get("role")
        if role not in _ROLES:
            words = ", ".join(f"'{known}'" for known in _ROLES)
            raise _bad(f"Invalid value: '{role}'. Supported values are: {words}.", f"messages[{place}].role", "invalid_value")
        if role == "tool":
            _check_result(message, place, waiting)
            continue
        if waiting:
            words = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
            raise _bad(f"{words} The following tool_call_ids did not have response messages: {', '.join(waiting)}", "messages")
        waiting = [_call_id(call, place) for call in message.get("tool_calls") or ()] if role == "assistant" else []
        if message.get("content") is None and not waiting:
            raise _bad("Invalid value for 'content': expected a string, got null.", f"messages[{place}].content")
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            _check_part(part, role, place)
    if waiting:
        raise _bad(f"The following tool_call_ids did not have response messages: {', '.join(waiting)}", "messages")


def _check_result(message: dict[str, Any], place: int, waiting: list[str]) -> None:
    if not message.get("tool_call_id"):
        raise _bad(
            "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.", f"messages[{place}]"
        )
    if message["tool_call_id"] not in waiting:
        words = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
        raise _bad(words, f"messages[{place}].role")
    waiting.remove(message["tool_call_id"])


def _call_id(call: dict[str, Any], place: int) -> str:
    function = call.get("function") or {}
    if not call.get("id") or call.get("type") != "function":
        raise _bad("Missing required parameter: 'messages.tool_calls.id'.", f"messages[{place}].tool_calls[0].id")
    if not _NAME.fullmatch(function.get("name") or "") or not isinstance(function.get("arguments"), str):
        raise _bad("Invalid type for 'arguments': expected a string.", f"messages[{place}].tool_calls[0].function.arguments")
    return call["id"]


def _check_part(part: dict[str, Any], role: str, place: int) -> None:
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return
    url = (part.get("image_url") or {}).get("url", "") if isinstance(part.get("image_url"), dict) else ""
    if part.get("type") != "image_url" or role != "user":
        raise _bad(f"Invalid value: '{part.get('type')}'.", f"messages[{place}].content", "invalid_value")
    if not re.match(r"https?://|data:image/(png|jpeg|webp|gif);base64,", url):
        words = "Invalid 'image_url': expected a base64-encoded data URL with an image MIME type, or a URL."
        raise _bad(words, f"messages[{place}].content", "invalid_value")


def _check_tools(body: dict[str, Any]) -> None:
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and not body.get("tools"):
            raise _bad(f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.", name)
    for place, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        if tool.get("type") != "function" or not _NAME.fullmatch(function.get("name") or ""):
            raise _bad("Invalid 'tools': string does not match pattern.", f"tools[{place}].function.name", "invalid_value")
        if (function.get("parameters") or {"type": "object"}).get("type") != "object":
            words = f"Invalid schema for function '{function['name']}': schema must be a JSON Schema of 'type: \"object\"'."
            raise _bad(words, f"tools[{place}].function.parameters", "invalid_function_parameters")
    choice = body.get("tool_choice", "auto")
    named = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    if isinstance(choice, str) and choice not in ("auto", "none", "required"):
        raise _bad(f"Invalid value: '{choice}'.", "tool_choice", "invalid_value")
    if isinstance(choice, dict) and named not in [tool["function"]["name"] for tool in body["tools"]]:
        raise _bad(f"Tool choice '{named}' not found in 'tools' parameter.", "tool_choice")


def _check_format(body: dict[str, Any]) -> None:
    wanted = body.get("response_format") or {}
    if wanted == {"type": "json_object"} and "json" not in str(body["messages"]).lower():
        words = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise _bad(words, "messages")
    if wanted.get("type") != "json_schema":
        return
    told = wanted.get("json_schema") or {}
    if not _NAME.fullmatch(told.get("name") or ""):
        raise _bad("Missing required parameter: 'response_format.json_schema.name'.", "response_format.json_schema.name")
    schema, invalid = told.get("schema") or {}, f"Invalid schema for response_format '{told['name']}': "
    if schema.get("type") != "object":
        words = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
        raise _bad(invalid + words, "response_format")
    if told.get("strict"):
        _check_strict(schema, invalid)


def _check_strict(schema: Any, invalid: str) -> None:
    for node in _nodes(schema):
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            raise _bad(
                invalid + "In context=(), 'additionalProperties' is required to be supplied and to be false.", "response_format"
            )
        if node.get("type") == "object" and set(node.get("required", ())) != set(node.get("properties", {})):
            raise _bad(invalid + "'required' is required to be an array including every key in properties.", "response_format")


def _nodes(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [node for one in value for node in _nodes(one)]
    if not isinstance(value, dict):
        return []
    return [value, *(node for one in value.values() for node in _nodes(one))]
