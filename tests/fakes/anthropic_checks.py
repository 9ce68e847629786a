"""What the real Anthropic refuses in the body of a message, in its words.

Source: docs.anthropic.com/en/api/messages, /en/docs/build-with-claude/extended-thinking, and answers of the service as clients
quote them.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

_BODY = frozenset((
    "model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "tools",
    "tool_choice", "thinking", "metadata", "service_tier", "output_config", "inference_geo",
))  # fmt: skip
_BETAS = {"context_management": "context-management-2025-06-27"}
_KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 503: "api_error", 529: "overloaded_error",
}  # fmt: skip
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_GRAMMAR = frozenset((
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "allOf", "enum", "const", "description", "title",
    "format", "minItems", "$ref", "$defs",
))  # fmt: skip


@dataclass(frozen=True)
class FakeClaude:
    """`sampling`: temperature and the like; `both`: temperature and top_p together; `kinds` of thinking; `forms` of answers."""

    context: int = 200_000
    most: int = 64_000
    sampling: bool = True
    both: bool = True
    kinds: tuple[str, ...] = ("enabled", "disabled")
    forms: bool = True
    efforts: tuple[str, ...] = ()


class ApiError(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        error = {"type": _KINDS.get(status, "api_error"), "message": message}
        self.status, self.body = status, {"type": "error", "error": error, "request_id": "req_fake"}

    def response(self, headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=headers)


def signature(thoughts: str) -> str:
    return base64.b64encode(f"signed:{thoughts}".encode()).decode()


def check(body: dict[str, Any], models: dict[str, FakeClaude], *, counting: bool = False, betas: str = "") -> FakeClaude:
    """Raises ApiError. `counting`: the body is for count_tokens; `betas` is the header that opens further members."""
    opened = {name for name, beta in _BETAS.items() if beta in betas.split(",")}
    if unknown := sorted(body.keys() - _BODY - opened):
        raise ApiError(400, f"{unknown[0]}: Extra inputs are not permitted")
    model = models.get(body.get("model", ""))
    if model is None:
        raise ApiError(404, f"model: {body.get('model')}")
    if not counting and not isinstance(body.get("max_tokens"), int):
        raise ApiError(400, "max_tokens: Field required")
    if body.get("max_tokens", 0) > model.most:
        words = f"max_tokens: {body['max_tokens']} > {model.most}, which is the maximum allowed number of output tokens"
        raise ApiError(400, f"{words} for {body['model']}")
    _check_messages(body)
    _check_sampling(body, model)
    _check_thinking(body, model)
    _check_format(body, model)
    return model


def blocks(turn: dict[str, Any]) -> list[dict[str, Any]]:
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_messages(body: dict[str, Any]) -> None:
    if not body.get("messages"):
        raise ApiError(400, "messages: at least one message is required")
    open_calls: list[str] = []
    used = False
    for place, turn in enumerate(body["messages"]):
        if turn["role"] not in ("user", "assistant"):
            words = f'messages: Unexpected role "{turn["role"]}". The Messages API accepts a top-level `system` parameter'
            raise ApiError(400, f'{words}, not "system" as an input message role.')
        for number, block in enumerate(blocks(turn)):
            _check_block(block, f"messages.{place}.content.{number}", first=number)
        results = [block["tool_use_id"] for block in blocks(turn) if block["type"] == "tool_result"]
        if sorted(results) != sorted(open_calls):
            words = f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            raise ApiError(400, words + ", ".join(open_calls or results))
        kinds = [block["type"] for block in blocks(turn)]
        if results and "tool_result" in kinds[len(results) :]:
            raise ApiError(400, f"messages.{place}: `tool_result` blocks must come first in the content")
        open_calls = [block["id"] for block in blocks(turn) if block["type"] == "tool_use"]
        used = used or bool(open_calls)
    if used and not body.get("tools"):
        raise ApiError(400, "Requests which include `tool_use` or `tool_result` blocks in their messages must define tools.")
    last = body["messages"][-1]
    if last["role"] == "assistant" and blocks(last)[-1].get("text", "x") != blocks(last)[-1].get("text", "x").rstrip():
        raise ApiError(400, "messages: final assistant content cannot end with trailing whitespace")


def _check_block(block: dict[str, Any], where: str, *, first: int) -> None:
    match block["type"]:
        case "text" if not block["text"].strip():
            raise ApiError(400, "messages: text content blocks must contain non-whitespace text")
        case "tool_use" if not _ID.fullmatch(block["id"]) or not isinstance(block["input"], dict):
            raise ApiError(400, f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        case "thinking" if block.get("signature") != signature(block["thinking"]):
            raise ApiError(400, f"{where}: Invalid `signature` in `thinking` block")
        case "image" | "document":
            _check_source(block["source"], where)
        case "text" | "tool_use" | "tool_result" | "thinking" | "redacted_thinking":
            return
        case other:
            raise ApiError(400, f"{where}: Input tag '{other}' found using 'type' does not match any of the expected tags")


def _check_source(source: dict[str, Any], where: str) -> None:
    if source["type"] == "url":
        if not source["url"].startswith("https://"):
            raise ApiError(400, f"{where}.source: Only HTTPS URLs are supported.")
        return
    known = ("image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf")
    if source["media_type"] not in known:
        raise ApiError(400, f"{where}.source.base64.media_type: Input should be {', '.join(known[:4])}")
    base64.b64decode(source["data"], validate=True)


def _check_sampling(body: dict[str, Any], model: FakeClaude) -> None:
    for name in ("temperature", "top_p", "top_k"):
        if name in body and not model.sampling:
            raise ApiError(400, f"`{name}` is deprecated for this model.")
    if "temperature" in body and "top_p" in body and not model.both:
        raise ApiError(400, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if body.get("temperature", 0) > 1:
        raise ApiError(400, "temperature: range: 0..1")
    if any(not stop.strip() for stop in body.get("stop_sequences", ())):
        raise ApiError(400, "stop_sequences: each stop sequence must contain non-whitespace")


def _check_thinking(body: dict[str, Any], model: FakeClaude) -> None:
    thinking = body.get("thinking")
    kind = (thinking or {}).get("type", "disabled")
    if thinking is not None and kind not in model.kinds:
        if kind == "adaptive":
            raise ApiError(400, "adaptive thinking is not supported on this model")
        words = f'"thinking.type.{kind}" is not supported for this model.'
        raise ApiError(400, f'{words} Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.')
    effort = body.get("output_config", {}).get("effort")
    if effort is not None and effort not in model.efforts:
        raise ApiError(400, "This model does not support the effort parameter.")
    if kind == "disabled":
        return
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        raise ApiError(400, "Thinking may not be enabled when tool_choice forces tool use.")
    if body.get("temperature", 1) != 1:
        raise ApiError(400, "`temperature` may only be set to 1 when thinking is enabled.")
    if "top_k" in body:
        raise ApiError(400, "`top_k` must be unset when thinking is enabled.")
    if kind == "enabled":
        _check_budget(body, thinking)


def _check_budget(body: dict[str, Any], thinking: dict[str, Any]) -> None:
    if thinking["budget_tokens"] < 1024:
        raise ApiError(400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if thinking["budget_tokens"] >= body["max_tokens"]:
        raise ApiError(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    turns = [blocks(turn) for turn in body["messages"] if turn["role"] == "assistant"]
    loop = blocks(body["messages"][-1])[0]["type"] == "tool_result"
    if loop and turns[-1][0]["type"] not in ("thinking", "redacted_thinking"):
        words = "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final"
        raise ApiError(400, f"{words} `assistant` message must start with a thinking block.")


def _check_format(body: dict[str, Any], model: FakeClaude) -> None:
    form = body.get("output_config", {}).get("format")
    if form is None:
        return
    if not model.forms:
        raise ApiError(400, f"'{body['model']}' does not support output format.")
    if form["type"] != "json_schema":
        raise ApiError(400, "output_config.format.type: Input should be 'json_schema'")
    _check_schema(form["schema"])


def _check_schema(schema: dict[str, Any]) -> None:
    if unknown := sorted(schema.keys() - _GRAMMAR):
        raise ApiError(400, f"output_config.format.schema: property '{unknown[0]}' is not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise ApiError(
            400, "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for one in [*inner, *([schema["items"]] if "items" in schema else [])]:
        _check_schema(one)
