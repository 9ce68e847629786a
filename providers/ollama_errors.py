"""What Ollama's words for a failure mean. Facts from server/routes.go and llm/llama_server.go of Ollama (2026-08)."""

import re
from typing import Any

import orjson

from core.errors import (
    DocumentTooLong,
    InvalidAnswer,
    ModelNotInstalled,
    ModelOutOfMemory,
    ModelUnable,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    QuestionRefused,
)  # fmt: skip
from core.retryafter import retry_seconds
from providers.failures import reason

_OUT_OF_MEMORY = (
    "out of memory", "cudamalloc failed", "requires more system memory", "insufficient memory", "unable to allocate",
    "failed to allocate",
)  # fmt: skip
_CONTEXT_EXCEEDED = (
    "exceed_context_size", "exceeds the available context size", "longer than the context length", "exceeds the context length",
)  # fmt: skip
#: From capabilities that it lists (400), and from the runner (501).
_UNABLE = ("does not support chat", "does not support generate", "does not support embeddings")
_NAMED = re.compile(r"model ['\"]([^'\"]{1,200})['\"] not found")
_PROMPT_TOKENS = re.compile(r"n_prompt_tokens\D{1,8}(\d{1,9})|request \((\d{1,9}) tokens\)")
_BUSY_SECONDS = 5.0
UNREACHABLE_HINT = "Start Ollama (`ollama serve`) and check OLLAMA_URL, or send AI-Provider gemini or builtin."
SLOW_HINT = "Use a smaller model or a shorter document, or send AI-Provider gemini or builtin."
MEMORY_HINT = "Use a smaller model or a shorter document, unload other models, or set the compute mode to cpu."


class ContextExceeded(DocumentTooLong):
    """Ollama refused a prompt that does not fit `num_ctx`; `tokens` is its real length when Ollama told it."""

    def __init__(self, detail: str, tokens: int | None):
        super().__init__(detail, hint="Use a model with a larger context, or send less: fewer pages, a shorter conversation.")
        self.tokens = tokens


def parse(line: bytes) -> dict[str, Any]:
    """One line of NDJSON. Raises ProviderError for what is not an object, and the typed error for `{"error": …}`."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ProviderError("Ollama sent something that is not its protocol.", hint="Check that OLLAMA_URL points to Ollama.")
    if "error" in value:
        raise classify_text(500, str(value["error"]))
    return value


def error_text(body: bytes) -> str:
    """What an error body says: the text of `error`, also when it is an object or JSON in a string."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        return orjson.dumps(error).decode()
    return error if isinstance(error, str) else ""


def classify_text(status: int, text: str, retry_after: str | None = None, model: str | None = None) -> ProviderError:
    """The typed error for Ollama's status and words; `model` is the one that was asked for, when known."""
    lower = text.lower()
    if any(words in lower for words in _OUT_OF_MEMORY):
        return ModelOutOfMemory(f"{_the(model)} does not fit into the memory of this machine.", hint=MEMORY_HINT)
    if any(words in lower for words in _CONTEXT_EXCEEDED):
        found = _PROMPT_TOKENS.search(text)
        tokens = int(found[1] or found[2]) if found else None
        return ContextExceeded(f"The prompt does not fit into the context of {_the(model).replace('The', 'the', 1)}.", tokens)
    if status == 404 or "try pulling it first" in lower:
        return not_installed(model or (found[1] if (found := _NAMED.search(text)) else None))
    if status in (401, 403):
        hint = "Something in front of OLLAMA_URL asks for credentials."
        return ProviderAuthFailed("Ollama refused the request for lack of a key.", hint=hint)
    if status in (429, 503):
        wait = retry_seconds(retry_after)
        wait = _BUSY_SECONDS if wait is None else wait
        return ProviderRateLimited(
            "Ollama is busy and takes no more requests now.", hint="Try again in a moment.", retry_after=wait
        )
    if "token repeat limit" in lower:
        return InvalidAnswer(f"{_the(model)} repeated itself without end.", hint="Ask again, or use a larger model.")
    said = f": {words}" if (words := reason(text)) else ""
    if status >= 400 and any(words in lower for words in _UNABLE):
        return ModelUnable(f"Ollama refused the request ({status}){said}.".replace("..", "."))
    if 300 <= status < 500:
        kind = QuestionRefused if status >= 400 else ProviderRefused
        return kind(f"Ollama refused the request ({status}){said}.".replace("..", "."))
    return ProviderError(f"Ollama failed ({status}){said}.".replace("..", "."), hint="Look into the log of Ollama; ask again.")


def not_installed(model: str | None) -> ModelNotInstalled:
    name = model or "NAME"
    hint = f'Download it with POST /models/download {{"model": "{name}"}} or `ollama pull {name}`.'
    return ModelNotInstalled(f"{_the(model)} is not installed in Ollama.", hint=hint)


def _the(model: str | None) -> str:
    return f"The model {model[:200]}" if model else "The model"
