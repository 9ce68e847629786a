"""Errors in OpenAI's dialect, as deep as each host puts them, and what they become. Pure.

Source: platform.openai.com/docs/guides/error-codes, and what the hosts do otherwise.
"""

from collections.abc import Collection
from typing import Any

from core.errors import ModelOutOfMemory, ModelUnable, ProviderError, ProviderRefused
from providers.failures import from_status, says
from providers.sending import members_of

_TOO_LONG = (
    "context_length_exceeded", "maximum context length", "context size", "context window", "too many tokens",
    "exceed_context_size", "max_new_tokens` must be", "maximum prompt length", "string_above_max_length", "context length",
)  # fmt: skip
_NO_QUOTA = (
    "insufficient_quota",
    "billing",
    "credit balance",
    "insufficient balance",
    "insufficient credits",
    "used all available",
)
_OUT_OF_MEMORY = ("out of memory", "cuda error", "insufficient system resources")
_NO_MODEL = ("model_not_found", "deploymentnotfound", "model_not_supported", "no endpoints found")
_NO_COUNTRY = ("unsupported_country_region_territory",)
_KEY_WORDS = ("invalid_api_key", "incorrect api key", "invalid api key")
#: All that FastAPI (vLLM) and llama.cpp say of an address that they do not have.
_NO_ADDRESS = ("not found", "file not found")
_REFUSED_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
_REFUSED_WORDS = ("support", "unrecognized", "unknown", "unexpected", "not permitted", "not allowed", "extra", "verified")


def error_of(value: Any) -> dict[str, Any]:
    """The members {message, type, param, code} of an error: under `error`, under `detail`, or the object itself."""
    if not isinstance(value, dict):
        return {}
    inner = value.get("error") or value.get("detail") or value
    if isinstance(inner, dict):
        return inner
    if isinstance(inner, list):  # FastAPI's list of what does not fit: TGI's and vLLM's front
        told = [f"{_last(one.get('loc'))}: {one.get('msg')}" for one in inner if isinstance(one, dict)]
        return {"message": "; ".join(told)}
    return {"message": inner if isinstance(inner, str) else "", "type": value.get("error_type"), "code": value.get("code")}


def _last(place: Any) -> str:
    return str(place[-1]) if isinstance(place, list) and place else "body"


def parse_error(body: bytes) -> dict[str, Any]:
    return error_of(members_of(body))


def unsupported(status: int, error: dict[str, Any], optional: Collection[str]) -> str | None:
    """The one of the `optional` members of a body that this model refuses, when that is what is wrong.

    OpenAI names it in `param`; others in their words, xAI in camel case (presencePenalty).
    """
    if status not in (400, 422):
        return None
    param = error.get("param")
    if error.get("code") in _REFUSED_CODES and isinstance(param, str):
        return next((name for name in optional if param == name or param.startswith(f"{name}.")), None)
    words = str(error.get("message") or "")
    if not any(refused in words.lower() for refused in _REFUSED_WORDS):
        return None
    told = set(_names(words))
    return next((name for name in sorted(optional, key=len, reverse=True) if name in told or _camel(name) in told), None)


def _names(words: str) -> list[str]:
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in words[:2000]).split()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def classify_error(
    status: int,
    error: dict[str, Any],
    *,
    title: str = "The provider",
    retry_after: str | None = None,
    model: str | None = None,
    secret: str = "",
    key_hint: str = "Check the key of this provider.",
) -> ProviderError:
    """The typed error for a status and the members of an error. What the words say weighs more than the status."""
    words = " ".join(str(error.get(name) or "") for name in ("message", "type", "code")).lower()
    status = _told_status(error, words) or status if status in (500, 502) else status
    too_long = says(words, _TOO_LONG)
    if status == 404 and str(error.get("message") or "").lower() in _NO_ADDRESS:
        return ModelUnable(f"{title} has no address for that: its model does something else, or its base URL is not complete.")
    if says(words, _NO_MODEL):
        status = 404
    elif says(words, _NO_COUNTRY):
        return ProviderRefused(f"{title} does not answer from this country.", hint="Use another provider.")
    elif says(words, _KEY_WORDS):
        status = 401
    elif status not in (401, 403, 404) and not too_long and says(words, _OUT_OF_MEMORY):
        return ModelOutOfMemory(f"{title} has not enough memory for {model or 'the model'}.", hint="Use a smaller model.")
    return from_status(
        status, str(error.get("message") or ""), title=title, key_hint=key_hint, model=model, retry_after=retry_after,
        secrets=(secret,), too_long=too_long, no_quota=says(words, _NO_QUOTA),
    )  # fmt: skip


def _told_status(error: dict[str, Any], words: str) -> int | None:
    """The status that an error inside a stream would have had before it."""
    code = error.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return 429 if "rate_limit" in words or "rate limit" in words else None
