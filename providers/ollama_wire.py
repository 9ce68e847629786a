"""Ollama's native JSON and back: pure, without HTTP. Facts from server/routes.go and api/types.go of Ollama (2026-08)."""

import base64
import re
from typing import Any

import orjson

from core.errors import (
    DocumentTooLong,
    InvalidAnswer,
    ModelNotInstalled,
    ModelOutOfMemory,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
)  # fmt: skip
from core.retryafter import retry_seconds
from providers.failures import reason
from providers.types import ChatDelta, ChatRequest, FinishReason, Message, Usage

#: A difference in one of these loads the model anew: they are ours to choose, never the caller's.
RUNNER_OPTIONS = frozenset({"num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict"})
_OUT_OF_MEMORY = (
    "out of memory", "cudamalloc failed", "requires more system memory", "insufficient memory", "unable to allocate",
    "failed to allocate",
)  # fmt: skip
_CONTEXT_EXCEEDED = (
    "exceed_context_size", "exceeds the available context size", "longer than the context length", "exceeds the context length",
)  # fmt: skip
_NAMED = re.compile(r"model ['\"]([^'\"]{1,200})['\"] not found")
_PROMPT_TOKENS = re.compile(r"n_prompt_tokens\D{1,8}(\d{1,9})|request \((\d{1,9}) tokens\)")
_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_BUSY_SECONDS = 5.0
UNREACHABLE_HINT = "Start Ollama (`ollama serve`) and check OLLAMA_URL, or send AI-Provider gemini or builtin."
SLOW_HINT = "Use a smaller model or a shorter document, or send AI-Provider gemini or builtin."
MEMORY_HINT = "Use a smaller model or a shorter document, unload other models, or set the compute mode to cpu."


class ContextExceeded(DocumentTooLong):
    """Ollama refused a prompt that does not fit `num_ctx`; `tokens` is its real length when Ollama told it."""

    def __init__(self, detail: str, tokens: int | None):
        super().__init__(detail, hint="Use a model with a larger context, or send fewer pages.")
        self.tokens = tokens


def to_wire(
    request: ChatRequest, *, num_ctx: int, num_gpu: int | None, keep_alive: int, think: bool | str | None
) -> dict[str, Any]:
    """The body of `POST /api/chat`. Nothing is sent as null; runner options in `request.options` are dropped."""
    ours = RUNNER_OPTIONS | {"think"}
    options = {name: value for name, value in request.options.items() if name not in ours and value is not None}
    options["num_ctx"] = num_ctx
    options["num_predict"] = request.max_tokens
    if request.temperature is not None:
        options.setdefault("temperature", request.temperature)
    if num_gpu is not None:
        options["num_gpu"] = num_gpu
    body = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "options": options,
        "keep_alive": keep_alive,
        "truncate": False,
        "shift": False,
    }
    if request.schema is not None:
        body["format"] = request.schema
    think = request.options.get("think", think)
    return body if think is None else {**body, "think": think}


def _message(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        plain["images"] = [base64.b64encode(image.data).decode() for image in message.images if image.data]
    return plain


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


def from_wire(line: dict[str, Any], version: str | None) -> ChatDelta:
    """One line of a chat stream. Counts may be absent (`omitempty`): the usage is then estimated."""
    message = line.get("message")
    said = message if isinstance(message, dict) else {}
    text, thinking = said.get("content") or "", said.get("thinking") or ""
    if not isinstance(text, str) or not isinstance(thinking, str):
        raise ProviderError("Ollama sent an answer that is not text.")
    if line.get("done") is not True:
        return ChatDelta(text, thinking)
    read, written = count(line, "prompt_eval_count"), count(line, "eval_count")
    usage = Usage(read or 0, written or 0, estimated=read is None or written is None)
    return ChatDelta(text, thinking, _REASONS.get(str(line.get("done_reason", "stop")), "other"), usage, version)


def count(line: dict[str, Any], name: str) -> int | None:
    value = line.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


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
        return ContextExceeded(f"The document does not fit into the context of {_the(model).replace('The', 'the', 1)}.", tokens)
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
    if 300 <= status < 500:
        return ProviderRefused(f"Ollama refused the request ({status}){said}.".replace("..", "."))
    return ProviderError(f"Ollama failed ({status}){said}.".replace("..", "."), hint="Look into the log of Ollama; ask again.")


def not_installed(model: str | None) -> ModelNotInstalled:
    name = model or "NAME"
    hint = f'Download it with POST /models/download {{"model": "{name}"}} or `ollama pull {name}`.'
    return ModelNotInstalled(f"{_the(model)} is not installed in Ollama.", hint=hint)


def _the(model: str | None) -> str:
    return f"The model {model[:200]}" if model else "The model"
