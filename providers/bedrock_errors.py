"""Errors of Bedrock and what they become; what a model refuses that can be asked in another way. Pure.

Source: docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html, and answers of the service as clients
quote them.
"""

from collections.abc import Mapping
from typing import Any

from core.errors import ModelNotInstalled, ProviderAuthFailed, ProviderError
from providers.bedrock_signing import KEY_HINT
from providers.failures import from_status, says
from providers.sending import members_of
from providers.telling import text

_STATUS_OF = {  # an error inside a stream has a type and no status
    "throttlingexception": 429, "validationexception": 400, "serviceunavailableexception": 503, "modeltimeoutexception": 408,
    "modelstreamerrorexception": 424, "internalserverexception": 500, "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
}  # fmt: skip
_TOO_LONG = ("too long", "too many input tokens", "input tokens exceed", "maximum context", "context length", "context window")
_NO_MODEL = ("model identifier is invalid", "end of its life", "could not resolve the foundation model", "no such model")
_REFUSING = (
    "support",
    "not permitted",
    "not allowed",
    "deprecated",
    "cannot both",
    "must be",
    "unknown",
    "unexpected",
    "invalid",
)
#: How a refusal names it, our word, its name on the wire.
_SAMPLING = (
    ("topp", "top_p", "topP"),
    ("top_p", "top_p", "topP"),
    ("temperature", "temperature", "temperature"),
    ("stopsequences", "stop_sequences", "stopSequences"),
    ("stop sequences", "stop_sequences", "stopSequences"),
)


def parse_error(body: bytes, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """{type, message} of an error: its type stands in a header, or in the body behind a `#`."""
    told = members_of(body) or {}
    kind = headers.get("x-amzn-errortype", "").partition(":")[0] or text(told, "__type").rpartition("#")[2]
    return {"type": kind, "message": text(told, "message") or text(told, "Message")}


def status_of(kind: str) -> int:
    """The status that an error inside a stream would have had before it."""
    return _STATUS_OF.get(kind.lower(), 500)


def unsupported(status: int, error: dict[str, Any], body: dict[str, Any]) -> str | None:
    """The word of `to_wire` for what of `body` the model refuses, when that is what is wrong; `stream` for streaming itself."""
    words = text(error, "message").lower()
    if status != 400:
        return None
    if "streaming" in words and "support" in words:
        return "stream"
    more, config = body.get("additionalModelRequestFields", {}), body.get("outputConfig", {})
    if "textFormat" in config and any(word in words for word in ("format", "schema", "outputconfig", "structured output")):
        return "format"
    if "signature" in words or "reasoning content" in words or "reasoningcontent" in words:
        blocks = [block for turn in body["messages"] for block in turn["content"]]
        return "thoughts" if any("reasoningContent" in block for block in blocks) else None
    if not any(refusing in words for refusing in _REFUSING):
        return None
    return _refused(words, more, config, body)


def _refused(words: str, more: dict[str, Any], config: dict[str, Any], body: dict[str, Any]) -> str | None:
    if "system" in body and "system" in words:
        return "system"
    if "effort" in config and "effort" in words:
        return "effort"
    if "thinking" in more and "think" in words:
        return text(more["thinking"], "type") or None
    if more.keys() & {"reasoning_effort", "reasoningConfig"} and "reasoning" in words:
        return "reasoning"
    tools = body.get("toolConfig", {}).get("tools", ())
    if any(tool["toolSpec"].get("strict") for tool in tools) and "strict" in words:
        return "strict"
    if tools and "tool" in words:
        return "tool"
    if "top_k" in more and ("top_k" in words or "topk" in words):
        return "top_k"
    told = body.get("inferenceConfig", {})
    return next((word for shown, word, name in _SAMPLING if name in told and shown in words), None)


def is_lasting(refused: str | None, error: dict[str, Any]) -> bool:
    """Whether the model refuses it always: not earlier thoughts, which may be others' another time, nor one schema."""
    return refused != "thoughts" and not (refused == "format" and "schema" in text(error, "message").lower())


def classify_error(
    status: int,
    error: dict[str, Any],
    *,
    retry_after: str | None = None,
    model: str | None = None,
    secrets: tuple[str, ...] = (),
) -> ProviderError:
    """The typed error for a status and {type, message}."""
    said = text(error, "message")
    words, name = said.lower(), model or "the model"
    if status in (401, 403) and "model" in words and "access" in words:
        hint = "Ask for access to the model in the console of AWS Bedrock, and allow bedrock:InvokeModel to the key."
        return ProviderAuthFailed(f"AWS Bedrock does not let this key use {name}.", hint=hint)
    if status == 400 and "on-demand throughput" in words:
        hint = "Use the name of its inference profile, such as us. before it; GET /models/list shows them."
        return ModelNotInstalled(f"AWS Bedrock serves {name} by an inference profile only.", hint=hint)
    if status == 404 or says(said, _NO_MODEL):
        hint = "GET /v1/models and GET /models/list show what there is; AWS_REGION says where."
        return ModelNotInstalled(f"AWS Bedrock does not have {name} in this region.", hint=hint)
    return from_status(
        429 if text(error, "type").lower() == "servicequotaexceededexception" else status, said, title="AWS Bedrock",
        key_hint=KEY_HINT, model=model, retry_after=retry_after, secrets=secrets, too_long=says(said, _TOO_LONG),
    )  # fmt: skip
