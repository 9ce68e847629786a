"""Gemini's vocabulary and back: pure, without the SDK. Facts from python-genai 3.4 and the v1beta API."""

import re
from typing import Any

import orjson

from core.errors import (
    DocumentTooLong,
    ModelNotInstalled,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
)  # fmt: skip
from core.retryafter import retry_seconds
from providers.failures import reason
from providers.types import ChatDelta, ChatRequest, FinishReason, Message, ModelInfo, Usage

#: Thinking models write their thoughts out of the same budget as the answer.
THINKING_ROOM = 8192
DEFAULT_MAX_TOKENS = 4096
KEY_HINT = (
    "Send your key in the header Gemini-API-Key or set GEMINI_API_KEY in .env; https://aistudio.google.com/apikey makes one."
)
_VERSION = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?\b")
_FILTERED = frozenset({
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION", "ESCALATION", "PUP_LIMITED_DISABLED", "MODEL_ARMOR",
})  # fmt: skip
_KEY_WORDS = ("api_key_invalid", "api key not valid", "api key not found", "api key expired", "valid api key")
_TOO_LONG = ("exceeds the maximum number of tokens", "input token count")
_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"), (b"%PDF", "application/pdf"))
_KINDS = {"generateContent": "completion", "embedContent": "embedding"}


def to_wire(request: ChatRequest) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(contents, config) for `generate_content_stream`. `$schema` is dropped: Google refuses it in some models."""
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    contents = [_content(message) for message in request.messages if message.role != "system"]
    config: dict[str, Any] = {**request.options, "max_output_tokens": max_output_tokens(request)}
    if system:
        config["system_instruction"] = system
    if request.temperature is not None:
        config.setdefault("temperature", request.temperature)
    if request.schema is not None:
        config["response_mime_type"] = "application/json"
        config["response_json_schema"] = {name: value for name, value in request.schema.items() if name != "$schema"}
    return contents, config


def max_output_tokens(request: ChatRequest) -> int:
    """The cap of the answer, with room for thoughts in the models that think (2.5 and later)."""
    asked = request.max_tokens or DEFAULT_MAX_TOKENS
    version = model_version(request.model)
    return asked + THINKING_ROOM if version is None or version >= (2, 5) else asked


def model_version(name: str) -> tuple[int, int] | None:
    """`gemini-2.5-flash` is (2, 5); None for other families."""
    found = _VERSION.match(name)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _content(message: Message) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"inline_data": {"mime_type": image.media_type or _mime(image.data), "data": image.data}} for image in message.images
    ]
    parts.append({"text": message.content})
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts}


def _mime(image: bytes) -> str:
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime in _MAGIC if image.startswith(magic)), "image/png")


def from_wire(chunk: dict[str, Any]) -> ChatDelta:
    """One chunk of a stream (`GenerateContentResponse.model_dump(mode="json")`). Raises ProviderRefused for a blocked prompt."""
    candidates = chunk.get("candidates") or []
    feedback = chunk.get("prompt_feedback") or {}
    if not candidates and (blocked := feedback.get("block_reason")):
        raise ProviderRefused(
            f"Gemini refused the prompt ({reason(str(blocked))}).",
            hint="Use another model, or send AI-Provider ollama or builtin.",
        )
    first = candidates[0] if candidates else {}
    parts = (first.get("content") or {}).get("parts") or []
    said = "".join(part.get("text") or "" for part in parts if not part.get("thought"))
    thought = "".join(part.get("text") or "" for part in parts if part.get("thought"))
    usage = chunk.get("usage_metadata")
    return ChatDelta(
        said, thought, _finish(first.get("finish_reason")), _usage(usage) if usage else None, chunk.get("model_version")
    )


def _finish(word: str | None) -> FinishReason | None:
    match word:
        case None | "FINISH_REASON_UNSPECIFIED":
            return None
        case "STOP":
            return "stop"
        case "MAX_TOKENS":
            return "length"
    return "filtered" if word in _FILTERED else "other"


def _usage(usage: dict[str, Any]) -> Usage:
    """Google counts thoughts apart from the answer (`candidatesTokenCount` is without them); both are paid as output."""
    read = (usage.get("prompt_token_count") or 0) + (usage.get("tool_use_prompt_token_count") or 0)
    return Usage(read, (usage.get("candidates_token_count") or 0) + (usage.get("thoughts_token_count") or 0))


def model_info(model: dict[str, Any]) -> ModelInfo | None:
    """One entry of the list (`Model.model_dump()`); None for what has no name or makes no text."""
    name = (model.get("name") or "").removeprefix("models/")
    kinds = tuple(_KINDS[action] for action in model.get("supported_actions") or () if action in _KINDS)
    if not name or not kinds:
        return None
    # The list does not tell: every Gemini that makes text takes pictures; of the other families some do not.
    if "completion" in kinds and model_version(name) is not None:
        kinds += ("vision",)
    return ModelInfo(
        name=name,
        provider="gemini",
        context=model.get("input_token_limit"),
        output_limit=model.get("output_token_limit"),
        capabilities=kinds,
        description=model.get("description") or model.get("display_name"),
    )


def parse_error(body: bytes) -> dict[str, Any]:
    try:
        return error_of(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}


def error_of(value: Any) -> dict[str, Any]:
    """The `error` object of a body; streams wrap it in a list, and the SDK may have taken it out already."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    inner = value.get("error", value)
    return inner if isinstance(inner, dict) else {}


def classify_error(
    status: int, error: dict[str, Any], *, retry_after: str | None = None, model: str | None = None, secret: str = ""
) -> ProviderError:
    """The typed error for a status and an `error` object {code, message, status, details}."""
    message = str(error.get("message") or "")
    details = [detail for detail in error.get("details") or () if isinstance(detail, dict)]
    words = (message + " " + " ".join(str(detail.get("reason", "")) for detail in details)).lower()
    if status in (401, 403) or (status == 400 and any(known in words for known in _KEY_WORDS)):
        return ProviderAuthFailed("Gemini refused the API key.", hint=KEY_HINT)
    if status == 404:
        name = model or "asked for"
        return ModelNotInstalled(
            f"Gemini has no model {name}.", hint="GET /models/gemini lists the models that your key can use."
        )
    if status == 429:
        return ProviderRateLimited(
            "Gemini limits the rate of this key, or its quota is used up.",
            hint="Wait, use another model or key, or send AI-Provider ollama or builtin.",
            retry_after=_retry_delay(details, retry_after),
        )
    if status == 503:
        return ProviderRateLimited(
            "Gemini is overloaded now.",
            hint="Try again in a moment, or use another model.",
            retry_after=retry_seconds(retry_after),
        )
    if status in (408, 499, 504):
        return ProviderTimeout("Gemini did not finish its answer in time.", hint="Ask again, or send fewer pages.")
    if status == 400 and any(known in words for known in _TOO_LONG):
        return DocumentTooLong("The document is longer than the Gemini model can read.", hint="Send fewer pages.")
    said = f": {shown}" if (shown := reason(message, (secret,))) else ""
    sentence = f"({status}){said}".rstrip(".") + "."
    if 300 <= status < 500:
        return ProviderRefused(f"Gemini refused the request {sentence}")
    return ProviderError(f"Gemini failed {sentence}", hint="Ask again in a moment.")


def _retry_delay(details: list[dict[str, Any]], header: str | None) -> float | None:
    """google.rpc.RetryInfo: `"retryDelay": "34.07s"`."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (seconds := retry_seconds(delay.removesuffix("s"))) is not None:
            return seconds
    return retry_seconds(header)
