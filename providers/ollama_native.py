"""Bodies that clients of Ollama wrote, made ours: what would load a model anew, pin it in memory or cut a prompt in silence is
taken out, and what is sent with `/api/generate` (template, raw, suffix, context) stays as it is."""

from typing import Any, NamedTuple

import orjson

from core.errors import Forbidden, InvalidRequest
from providers.contexts import tokens
from providers.ollama_wire import RUNNER_OPTIONS

_BOTH = ("model", "format", "options", "stream", "think", "logprobs", "top_logprobs")
_FIELDS = {
    "/api/chat": frozenset({*_BOTH, "messages", "tools"}),
    "/api/generate": frozenset({*_BOTH, "prompt", "suffix", "system", "template", "context", "raw", "images"}),
    "/api/embed": frozenset({"model", "input", "truncate", "dimensions", "options"}),
    "/api/embeddings": frozenset({"model", "prompt", "options"}),
}
_TEXTS = frozenset({"prompt", "suffix", "system", "template", "input"})
_SAID = frozenset({"content", "thinking"})


class Question(NamedTuple):
    """A body with the fields that its `path` knows; `prompt_tokens` is the estimate of what it says, rather too many."""

    path: str
    model: str
    body: dict[str, Any]
    prompt_tokens: int

    @property
    def embeds(self) -> bool:
        return self.path in ("/api/embed", "/api/embeddings")

    @property
    def longest_input(self) -> int:
        """Tokens of the longest text to embed, rather too many."""
        said = self.body.get("input", self.body.get("prompt"))
        return max((tokens(_length(text), 1, 0) for text in (said if isinstance(said, list) else [said])), default=0)

    @property
    def num_predict(self) -> int | None:
        """Tokens that the client wants at the most; None when it said nothing or "without end"."""
        wanted = self.body["options"].get("num_predict")
        return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0 else None

    def sent(self, *, stream: bool, keep_alive: int, **runner: int | None) -> dict[str, Any]:
        """The body for Ollama. A prompt that does not fit is refused by it, never cut: `truncate` and `shift` are off."""
        options = self.body["options"] | {name: value for name, value in runner.items() if value is not None}
        body = {**self.body, "options": options, "keep_alive": keep_alive}
        return body if self.embeds else body | {"stream": stream, "truncate": False, "shift": False}


def read(path: str, body: bytes) -> Question:
    """Raises InvalidRequest for what is no object with a model, and Forbidden for the wish to take a model out of memory."""
    if path not in _FIELDS:
        raise InvalidRequest(f"Ollama has no {path[:60]} that can be forwarded.")
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest("The body is not JSON.") from None
    if not isinstance(said, dict):
        raise InvalidRequest("The body is not a JSON object.")
    model = said.get("model") or said.get("name")
    if not isinstance(model, str) or not model:
        raise InvalidRequest("The body names no model.", field="model")
    if _unloads(path, said):
        raise Forbidden("Models are taken out of memory by the operator only.", hint="They leave by themselves when unused.")
    options = said.get("options")
    options = options if isinstance(options, dict) else {}
    kept = {name: value for name, value in said.items() if name in _FIELDS[path] and value is not None}
    kept["options"] = {name: value for name, value in options.items() if name not in RUNNER_OPTIONS and value is not None}
    return Question(path, model, kept | {"model": model}, _tokens(said))


def _unloads(path: str, said: dict[str, Any]) -> bool:
    """Ollama loads, or with a `keep_alive` of 0 unloads, what is asked nothing (server/routes.go)."""
    if path not in ("/api/chat", "/api/generate") or said.get("messages") or said.get("prompt"):
        return False
    keep_alive = said.get("keep_alive")
    if isinstance(keep_alive, str):
        return keep_alive.strip("+-").rstrip("nuµmsh") in ("0", "0.0")
    return keep_alive is not None and not keep_alive


def _tokens(said: dict[str, Any]) -> int:
    messages = said.get("messages")
    messages = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    characters = _characters(said, _TEXTS) + sum([_characters(one, _SAID) for one in messages])
    written = [value for value in (said.get("tools"), *[one.get("tool_calls") for one in messages]) if value]
    characters += sum([len(orjson.dumps(value)) for value in written])
    images = sum([len(one["images"]) for one in (*messages, said) if isinstance(one.get("images"), list)])
    context, inputs = said.get("context"), said.get("input")
    characters += sum(map(_length, inputs)) if isinstance(inputs, list) else 0
    return tokens(characters, len(messages) or 1, images) + (len(context) if isinstance(context, list) else 0)


def _characters(said: dict[str, Any], names: frozenset[str]) -> int:
    return sum([len(value) for name, value in said.items() if name in names and isinstance(value, str)])


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0
