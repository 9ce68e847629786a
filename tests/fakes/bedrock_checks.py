"""What the real Bedrock refuses in the body of Converse: the shapes of AWS's own service model, then the words of its models.

Source: botocore's description of bedrock-runtime, docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html, and
answers of the service as clients quote them.
"""

import base64
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from aiohttp import web
from botocore.model import StructureShape
from botocore.validate import ParamValidator

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STATUS = {
    "ValidationException": 400, "AccessDeniedException": 403, "UnrecognizedClientException": 403, "ThrottlingException": 429,
    "ResourceNotFoundException": 404, "ModelTimeoutException": 408, "InternalServerException": 500,
    "ServiceUnavailableException": 503, "ModelErrorException": 424, "ServiceQuotaExceededException": 400,
}  # fmt: skip
_KINDS = {400: "ValidationException", 401: "UnrecognizedClientException"} | {
    status: kind for kind, status in _STATUS.items() if status not in (400, 403)
}


@dataclass(frozen=True)
class FakeModel:
    """`thinks` are kinds of thinking: Claude's `enabled`, `adaptive` and `disabled`, `nova`, `effort`; `forms` of answers,
    `tools` with a choice of them, `streams` them, takes turns of the `system`; `direct`: without a profile."""

    maker: str
    sees: bool = False
    thinks: tuple[str, ...] = ()
    forms: bool = False
    tools: bool = True
    streams: bool = True
    system: bool = True
    direct: bool = True


class ApiError(Exception):
    def __init__(self, kind: str, message: str, status: int | None = None):
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, status or _STATUS.get(kind, 400)

    @classmethod
    def of(cls, status: int, message: str) -> "ApiError":
        return cls(_KINDS.get(status, "AccessDeniedException" if status == 403 else "InternalServerException"), message, status)

    def response(self, headers: dict[str, str] | None = None) -> web.Response:
        told = {"x-amzn-errortype": f"{self.kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"} | (headers or {})
        return web.json_response({"message": self.message}, status=self.status, headers=told)


def refused(message: str) -> ApiError:
    return ApiError("ValidationException", message)


@cache
def _shape(operation: str) -> StructureShape:
    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model(operation).input_shape


def check(body: dict[str, Any], name: str, model: FakeModel, *, streamed: bool) -> None:
    """Raises ApiError."""
    report = ParamValidator().validate({**body, "modelId": name}, _shape("ConverseStream" if streamed else "Converse"))
    if report.has_errors():
        raise refused(f"Malformed input request: {' '.join(report.generate_report().split())}, please reformat your input.")
    if not model.streams and streamed and "toolConfig" in body:
        raise refused("This model doesn't support tool use in streaming mode.")
    if not model.system and body.get("system"):
        raise refused("This model doesn't support system messages. Try again without system messages.")
    _check_messages(body, model)
    _check_tools(body, model)
    _check_thinking(body, model)
    form = body.get("outputConfig", {}).get("textFormat")
    if form and not model.forms:
        raise refused("The model returned the following errors: output_config.format: Extra inputs are not permitted")
    if form:
        _check_schema(json.loads(form["structure"]["jsonSchema"]["schema"]))


def _check_messages(body: dict[str, Any], model: FakeModel) -> None:
    turns = body.get("messages") or []
    if not turns or turns[0]["role"] != "user":
        raise refused(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message."
        )
    open_calls: list[str] = []
    for place, turn in enumerate(turns):
        if place and turn["role"] == turns[place - 1]["role"]:
            raise refused("A conversation must alternate between user and assistant roles.")
        for block in turn["content"]:
            _check_block(block, model)
        results = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        if sorted(results) != sorted(open_calls):
            words = "Expected toolResult blocks at messages"
            raise refused(f"{words}.{place}.content for the following Ids: {', '.join(open_calls or results)}")
        open_calls = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
    used = any(block.keys() & {"toolUse", "toolResult"} for turn in turns for block in turn["content"])
    if used and "toolConfig" not in body:
        raise refused("The toolConfig field must be defined when using toolUse and toolResult content blocks.")


def _check_block(block: dict[str, Any], model: FakeModel) -> None:
    if "text" in block and not block["text"].strip():
        raise refused("The text field in the ContentBlock object is blank. Add text to the text field, and try again.")
    if "image" in block:
        if not model.sees:
            raise refused("This model doesn't support the image content block that you provided.")
        base64.b64decode(block["image"]["source"]["bytes"], validate=True)
    if "toolUse" in block and not _ID.fullmatch(block["toolUse"]["toolUseId"]):
        raise refused(f"Value '{block['toolUse']['toolUseId']}' at 'toolUseId' failed to satisfy constraint: [a-zA-Z0-9_-]+")
    for inner in block.get("toolResult", {}).get("content", ()):
        _check_block(inner, model)
    if thought := block.get("reasoningContent"):
        if "enabled" not in model.thinks and "adaptive" not in model.thinks:
            raise refused("This model doesn't support the reasoningContent content block that you provided.")
        told = thought.get("reasoningText")
        if told and told.get("signature") != signature(told["text"]):
            raise refused("The model returned the following errors: Invalid `signature` in `thinking` block")


def signature(thoughts: str) -> str:
    return base64.b64encode(f"signed:{thoughts}".encode()).decode()


def _check_tools(body: dict[str, Any], model: FakeModel) -> None:
    config = body.get("toolConfig")
    if config is None:
        return
    if not model.tools:
        raise refused("This model doesn't support tool use.")
    for tool in config["tools"]:
        if tool["toolSpec"]["inputSchema"]["json"].get("type") != "object":
            raise refused("The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object.")


def _check_thinking(body: dict[str, Any], model: FakeModel) -> None:
    more, config = body.get("additionalModelRequestFields", {}), body.get("inferenceConfig", {})
    kind = more.get("thinking", {}).get("type")
    words = "The model returned the following errors: "
    if kind and kind not in model.thinks:
        raise refused(f'{words}"thinking.type.{kind}" is not supported for this model.')
    if "reasoningConfig" in more and "nova" not in model.thinks:
        raise refused(f"{words}extraneous key [reasoningConfig] is not permitted")
    if "reasoning_effort" in more and "effort" not in model.thinks:
        raise refused(f"{words}extraneous key [reasoning_effort] is not permitted")
    if more.get("reasoningConfig", {}).get("maxReasoningEffort") == "high" and config.keys() & {"temperature", "topP"}:
        raise refused("Temperature and topP are not permitted with reasoning effort high.")
    if kind in ("enabled", "adaptive"):
        if config.get("temperature", 1) != 1:
            raise refused(f"{words}`temperature` may only be set to 1 when thinking is enabled.")
        if body.get("toolConfig", {}).get("toolChoice", {"auto": {}}).keys() & {"any", "tool"}:
            raise refused(f"{words}Thinking may not be enabled when tool_choice forces tool use.")
    if kind == "enabled" and not 1024 <= more["thinking"]["budget_tokens"] < config.get("maxTokens", 1 << 30):
        raise refused(f"{words}`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_schema(schema: dict[str, Any]) -> None:
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise refused("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false")
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for one in [*inner, *([schema["items"]] if "items" in schema else [])]:
        _check_schema(one)
