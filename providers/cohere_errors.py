"""Errors of Cohere and what they become; what a model refuses that can be asked in another way. Pure.

Source: docs.cohere.com/reference/errors, and answers of the service as clients quote them.
"""

from typing import Any

from core.errors import ProviderError
from providers.failures import from_status, says
from providers.sending import members_of
from providers.telling import text

KEY_HINT = "Set COHERE_API_KEY in .env; https://dashboard.cohere.com/api-keys makes one."
_TOO_LONG = ("too many tokens", "context length", "maximum context", "prompt is too long")
_NO_QUOTA = ("payment method", "billing", "api calls / month")
_REFUSING = ("support", "not allowed", "not compatible", "unknown field", "unrecognized", "only available")
_DROPPABLE = (
    "tool_choice",
    "strict_tools",
    "frequency_penalty",
    "presence_penalty",
    "safety_mode",
    "priority",
    "logprobs",
    "seed",
)


def parse_error(body: bytes) -> dict[str, Any]:
    """The members {id, message} of an error's body; {} when it has none."""
    return members_of(body) or {}


def unsupported(status: int, error: dict[str, Any], body: dict[str, Any]) -> str | None:
    """The word of `to_wire` for what of `body` the model refuses, when that is what is wrong."""
    words = text(error, "message").lower()
    if status not in (400, 422):
        return None
    if "json_schema" in body.get("response_format", {}) and "schema" in words:
        return "json_schema"
    if not any(refusing in words for refusing in _REFUSING):
        return None
    if "think" in words or "reasoning" in words:
        earlier = any(isinstance(turn.get("content"), list) and turn["role"] == "assistant" for turn in body["messages"])
        return "thinking" if "thinking" in body else "thoughts" if earlier else None
    return next((name for name in _DROPPABLE if name in body and name in words), None)


def is_lasting(refused: str | None) -> bool:
    """Whether the model refuses it always: not this schema, which another may be."""
    return refused != "json_schema"


def classify_error(
    status: int, error: dict[str, Any], *, retry_after: str | None = None, model: str | None = None, secret: str = ""
) -> ProviderError:
    """The typed error for a status and a body {message}; 498 is Cohere's own for words that it blocks."""
    said = text(error, "message")
    return from_status(
        status, said, title="Cohere", key_hint=KEY_HINT, model=model, retry_after=retry_after, secrets=(secret,),
        too_long=says(said, _TOO_LONG), no_quota=says(said, _NO_QUOTA),
    )  # fmt: skip
