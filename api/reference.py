"""The fronts in `/openapi.json`: what each address is for, an example that works, and who wrote its contract.

Their bodies and answers are those of OpenAI, Anthropic and Ollama, whose own documents describe them.
"""

from dataclasses import dataclass
from typing import Any

_HELLO = [{"role": "user", "content": "Say hello."}]
_MODEL = {"model": "gemma3:1b"}
_EMBEDDER = {"model": "nomic-embed-text"}
_WRITERS = {
    "OpenAI": "https://platform.openai.com/docs/api-reference",
    "Anthropic": "https://docs.anthropic.com/en/api",
    "Ollama": "https://docs.ollama.com/api",
}
_OBJECT = {"type": "object"}
_ERRORS = {
    "OpenAI": '`{"error": {"message", "type", "param", "code"}}`',
    "Anthropic": '`{"type": "error", "error": {"type", "message"}}`',
    "Ollama": '`{"error": "…"}`',
}


@dataclass(frozen=True, slots=True)
class Entry:
    """`example` is a body, None for what takes none; `streams` is the type of its stream."""

    writer: str
    summary: str
    example: dict[str, Any] | None = None
    streams: str | None = None


_EVENTS, _LINES = "text/event-stream", "application/x-ndjson"
#: By method and template, as the gate has them.
ENTRIES = {
    "POST /v1/chat/completions": Entry("OpenAI", "Answers a chat.", _MODEL | {"messages": _HELLO}, _EVENTS),
    "POST /v1/completions": Entry("OpenAI", "Goes on with a text.", _MODEL | {"prompt": "Say hello."}, _EVENTS),
    "POST /v1/responses": Entry(
        "OpenAI", "Answers; nothing is kept here.", _MODEL | {"input": "Say hello.", "store": False}, _EVENTS
    ),
    "POST /v1/embeddings": Entry("OpenAI", "Texts as vectors.", _EMBEDDER | {"input": ["one", "two"]}),
    "GET /v1/models": Entry("OpenAI", "The models of all providers; as Anthropic lists them when `anthropic-version` is sent."),
    "GET /v1/models/{model}": Entry("OpenAI", "One model."),
    "POST /v1/messages": Entry("Anthropic", "Answers a chat.", _MODEL | {"max_tokens": 256, "messages": _HELLO}, _EVENTS),
    "POST /v1/messages/count_tokens": Entry("Anthropic", "The tokens of a chat.", _MODEL | {"messages": _HELLO}),
    "POST /api/chat": Entry("Ollama", "Answers a chat.", _MODEL | {"messages": _HELLO, "stream": False}, _LINES),
    "POST /api/generate": Entry("Ollama", "Goes on with a text.", _MODEL | {"prompt": "Say hello.", "stream": False}, _LINES),
    "POST /api/embed": Entry("Ollama", "Texts as vectors.", _EMBEDDER | {"input": ["one", "two"]}),
    "POST /api/embeddings": Entry("Ollama", "One text as a vector, as older clients ask.", _EMBEDDER | {"prompt": "one"}),
    "GET /api/tags": Entry("Ollama", "The models of all providers."),
    "POST /api/show": Entry("Ollama", "What a model is and can do.", _MODEL),
    "GET /api/ps": Entry("Ollama", "The models that are in memory."),
    "GET /api/version": Entry("Ollama", "The version that Ollama's clients look for."),
    "POST /api/pull": Entry("Ollama", "Downloads a model, for the operator.", _MODEL, _LINES),
    "DELETE /api/delete": Entry("Ollama", "Deletes a model, for the operator.", _MODEL),
    "POST /api/copy": Entry("Ollama", "Gives a model another name, for the operator.", {"source": "a", "destination": "b"}),
    "POST /api/create": Entry("Ollama", "Refused: models are not made here.", {}),
    "POST /api/push": Entry("Ollama", "Refused: models are not published here.", {}),
    "POST /api/blobs/{digest}": Entry("Ollama", "Refused: models are not made here.", {}),
}


def paths() -> dict[str, Any]:
    """The `paths` of the fronts."""
    described: dict[str, Any] = {}
    for place, entry in ENTRIES.items():
        method, template = place.split(" ")
        described.setdefault(template, {})[method.lower()] = _operation(template, entry)
    return described


def _operation(template: str, entry: Entry) -> dict[str, Any]:
    content = {"application/json": {"schema": _OBJECT}}
    if entry.streams:
        content[entry.streams] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "tags": [f"{entry.writer}'s clients"],
        "summary": entry.summary,
        "externalDocs": {"url": _WRITERS[entry.writer]},
        "responses": {
            "200": {"description": f"As {entry.writer} answers.", "content": content},
            "default": {
                "description": f"An error: {_ERRORS[entry.writer]}.",
                "content": {"application/json": {"schema": _OBJECT}},
            },
        },
    }
    if "{" in template:
        name = template[template.index("{") + 1 : -1]
        operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}]
    if entry.example is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": _OBJECT, "example": entry.example}}}
    return operation
