"""GET /models in OpenAI's dialect; some hosts tell more of a model than its name. Pure."""

import re
from datetime import UTC, datetime
from typing import Any

from providers.telling import entries
from providers.types import ModelInfo

#: What a model makes when it makes no text, by a part of its name: OpenAI tells only names.
_KINDS = (
    ("deep-research", "responses"), ("computer-use", "responses"), ("codex", "responses"),
    ("embed", "embedding"), ("whisper", "transcription"), ("transcribe", "transcription"), ("tts", "speech"), ("dall-e", "image"),
    ("image", "image"), ("sora", "video"), ("video", "video"), ("moderation", "moderation"), ("realtime", "realtime"),
    ("audio", "audio"), ("rerank", "rerank"), ("davinci-002", "legacy"), ("babbage-002", "legacy"), ("-instruct-0914", "legacy"),
    ("gpt-3.5-turbo-instruct", "legacy"),
)  # fmt: skip
_LAST_DATE = 1 << 33
#: OpenAI's largest answer at /responses only.
_LARGEST = re.compile(r"(?:gpt-|o\d)[a-z0-9.-]*-pro(?:-[\d-]+)?")


def model_info(entry: Any, provider: str) -> ModelInfo | None:
    """One entry; None without a name. vLLM, LM Studio, llama.cpp, xAI, Mistral and OpenRouter tell the context as well,
    HuggingFace that of each host that may answer: the least of them is sure."""
    name = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        return None
    meta, top, architecture = (_object(entry, key) for key in ("meta", "top_provider", "architecture"))
    context = _first_number(
        entry.get("max_model_len"), entry.get("context_length"), entry.get("loaded_context_length"),
        entry.get("max_context_length"), meta.get("n_ctx"), meta.get("n_ctx_train"), _least(_hosts(entry)),
    )  # fmt: skip
    return ModelInfo(
        name=name,
        provider=provider,
        size=_first_number(meta.get("size")),
        context=context,
        output_limit=_first_number(top.get("max_completion_tokens")),
        capabilities=_capabilities(name, entry, architecture),
        modified_at=_date(entry.get("created")),
        description=entry["description"] if isinstance(entry.get("description"), str) else None,
    )


def _capabilities(name: str, entry: dict[str, Any], architecture: dict[str, Any]) -> tuple[str, ...]:
    """Only what is told; a kind is guessed from the name where nothing else is."""
    lower = name.lower()
    plain = "responses" if _LARGEST.fullmatch(lower) else "completion"
    kind = next((kind for part, kind in _KINDS if part in lower), plain)
    found = {kind: None}
    told = architecture.get("input_modalities") or entry.get("input_modalities")
    capable = entry.get("capabilities")  # Mistral: an object of truths; llama.cpp: a list
    vision = (
        (isinstance(told, list) and "image" in told)
        or (isinstance(capable, dict) and capable.get("vision") is True)
        or (isinstance(capable, list) and "multimodal" in capable)
    )
    parameters = entry.get("supported_parameters")
    tools = (isinstance(parameters, list) and "tools" in parameters) or (
        isinstance(capable, dict) and capable.get("function_calling") is True
    )
    hosts = _hosts(entry)
    tools = tools or (bool(hosts) and all(host.get("supports_tools") is True for host in hosts))
    if kind == "completion":
        found |= ({"vision": None} if vision else {}) | ({"tools": None} if tools else {})
        found |= {"thinking": None} if isinstance(parameters, list) and "reasoning" in parameters else {}
    return tuple(found)


def _hosts(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that answer for HuggingFace and are up."""
    return [host for host in entries(entry, "providers") if host.get("status", "live") == "live"]


def _least(hosts: list[dict[str, Any]]) -> int | None:
    return min((size for host in hosts if (size := _first_number(host.get("context_length")))), default=None)


def _date(told: Any) -> str | None:
    """ISO 8601 from seconds since 1970; many hosts tell 0, or the time of the question."""
    return datetime.fromtimestamp(told, UTC).isoformat() if isinstance(told, int) and 0 < told < _LAST_DATE else None


def _object(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _first_number(*told: Any) -> int | None:
    return next((value for value in told if isinstance(value, int) and value > 0), None)
