"""Errors of Anthropic and what they become; what a model refuses that can be asked in another way. Pure.

Source: docs.anthropic.com/en/api/errors, and answers of the service as clients quote them.
"""

from typing import Any

from core.errors import ProviderError
from providers.failures import from_status, says
from providers.sending import members_of
from providers.telling import member, text

KEY_HINT = "Set ANTHROPIC_API_KEY in .env; https://console.anthropic.com makes one."
_TOO_LONG = ("prompt is too long", "context window", "exceed context limit", "input length and `max_tokens`")
_NO_QUOTA = ("credit balance", "billing", "usage limits")
_STATUS_OF = {  # an error inside a stream has a type and no status
    "authentication_error": 401, "permission_error": 403, "not_found_error": 404, "invalid_request_error": 400,
    "rate_limit_error": 429, "overloaded_error": 529, "timeout_error": 504, "billing_error": 402, "request_too_large": 413,
}  # fmt: skip
_SAMPLING = ("top_p", "top_k", "temperature")
_REFUSING = (
    "support",
    "deprecated",
    "not permitted",
    "cannot both",
    "not allowed",
    "unexpected",
    "unknown",
    "must be",
    "too complex",
)


def parse_error(body: bytes) -> dict[str, Any]:
    """The members {type, message} of an error's body; {} when it has none."""
    return member(members_of(body), "error")


def status_of(error: dict[str, Any]) -> int:
    """The status that an error inside a stream would have had before it."""
    return _STATUS_OF.get(text(error, "type"), 500)


def unsupported(status: int, error: dict[str, Any], body: dict[str, Any]) -> str | None:
    """The word of `to_wire` for what of `body` the model refuses, when that is what is wrong."""
    words = text(error, "message").lower()
    if status != 400:
        return None
    if "signature" in words and any(block.get("type") == "thinking" for turn in body["messages"] for block in turn["content"]):
        return "thoughts"
    if not any(refusing in words for refusing in _REFUSING):
        return None
    config, thinking = body.get("output_config", {}), text(body.get("thinking"), "type")
    if thinking and "think" in words:
        return thinking
    if "effort" in config and "effort" in words:
        return "effort"
    if "format" in config and any(word in words for word in ("format", "schema", "output_config")):
        return "format"
    if any(tool.get("strict") for tool in body.get("tools", ())) and "strict" in words:
        return "strict"
    return next((name for name in _SAMPLING if name in body and name in words), None)


def is_lasting(refused: str | None, error: dict[str, Any]) -> bool:
    """Whether the model refuses it always: not earlier thoughts, which may be others' another time, nor one schema."""
    return refused != "thoughts" and not (refused == "format" and "schema" in text(error, "message").lower())


def classify_error(
    status: int, error: dict[str, Any], *, retry_after: str | None = None, model: str | None = None, secret: str = ""
) -> ProviderError:
    """The typed error for a status and an `error` object {type, message}; 529 is Anthropic's own `overloaded`."""
    said = text(error, "message")
    return from_status(
        status, said, title="Anthropic", key_hint=KEY_HINT, model=model, retry_after=retry_after, secrets=(secret,),
        too_long=says(said, _TOO_LONG), no_quota=says(said, _NO_QUOTA),
    )  # fmt: skip
