"""What Google's words for a failure mean: pure. Facts from python-genai 3.4 and the v1beta API."""

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
    QuestionRefused,
)  # fmt: skip
from core.retryafter import retry_seconds
from providers.failures import reason

KEY_HINT = (
    "Send your key in the header Gemini-API-Key or set GEMINI_API_KEY in .env; https://aistudio.google.com/apikey makes one."
)
_KEY_WORDS = ("api_key_invalid", "api key not valid", "api key not found", "api key expired", "valid api key")
_NO_COUNTRY = "user location is not supported"
_TOO_LONG = ("exceeds the maximum number of tokens", "input token count")


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
        kind = QuestionRefused if status == 400 and _NO_COUNTRY not in words else ProviderRefused
        return kind(f"Gemini refused the request {sentence}")
    return ProviderError(f"Gemini failed {sentence}", hint="Ask again in a moment.")


def _retry_delay(details: list[dict[str, Any]], header: str | None) -> float | None:
    """google.rpc.RetryInfo: `"retryDelay": "34.07s"`."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (seconds := retry_seconds(delay.removesuffix("s"))) is not None:
            return seconds
    return retry_seconds(header)
