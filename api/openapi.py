"""What `/docs` says beyond the signatures: bodies, headers, answers and errors of the document routes."""

from collections.abc import Iterable
from typing import Any

from api.fields import HEADERS

_TEXT = {"type": "string"}
_FIELDS: dict[str, str] = {
    "prompt": "Your question about the document.",
    "format_response": 'The JSON that you want back, as a skeleton such as [{"CNPJ": ""}], or a JSON Schema.',
    "model": "Name of a model, or auto.",
    "ai_provider": "ollama, gemini, builtin, auto, or another configured provider.",
    "example": "An example of the answer.",
    "gemini_api_key": "Your key for Gemini; kept encrypted until the job ends.",
    "priority": "urgent, normal or batch.",
    "idempotency_key": "The same key and upload within 24 hours give the same job, or 409 when that was erased.",
    "webhook_url": "Told when the job ends, signed after Standard Webhooks.",
}
_FORM = {"file": {"type": "string", "format": "binary"}} | {
    name: {"type": "string", "description": f"{text} Or the header {HEADERS[name]}."} for name, text in _FIELDS.items()
}
_HEADERS = [
    {
        "name": HEADERS[name],
        "in": "header",
        "required": False,
        "description": f"{text} Or the form field {name}.",
        "schema": _TEXT,
    }
    for name, text in _FIELDS.items()
]
_SCHEMES = {
    "Key": {"type": "apiKey", "in": "header", "name": "Key"},
    "X-API-Key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_PROBLEM: dict[str, Any] = {
    "description": "An error: RFC 9457 problem details with `code`, `hint` and `request_id`.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code", "hint", "request_id"],
                "properties": {
                    **{name: _TEXT for name in ("type", "title", "detail", "code", "request_id")},
                    "hint": {"type": ["string", "null"]},
                    "status": {"type": "integer"},
                    "errors": {"type": "array", "items": {"type": "object"}},
                },
            }
        }
    },
}
_OBJECT = {"application/json": {"schema": {"type": "object"}}}


def _answers(description: str, content: dict[str, Any], status: int = 200, **extra: Any) -> dict[str, Any]:
    return {"responses": {status: {"description": description, "content": content}, "default": _PROBLEM}, **extra}


UPLOAD = _answers(
    "Accepted: stored durably and queued. With `wait` a finished job is answered with 200.",
    _OBJECT,
    202,
    openapi_extra={
        "parameters": _HEADERS,
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": _FORM}}},
        },
    },
)
JOB = _answers("State, answer, evidence, warnings, usage and timings of the job.", _OBJECT)
EVENTS = _answers("`progress` at every change, `end` with the whole job.", {"text/event-stream": {"schema": _TEXT}})
TEXT = _answers("Pages with text; with `words=1` the words with boxes (points) and confidence.", _OBJECT)
PNG = _answers("The page as PNG.", {"image/png": {"schema": {"type": "string", "format": "binary"}}})
JOBS = _answers('`{"data": […], "has_more", "next"}`: pass `next` as `after`.', _OBJECT)
QUEUE = _answers("Waiting, running and workers of each queue; your unfinished jobs with position and ETA.", _OBJECT)
PROBLEM = {"default": _PROBLEM}


def completed(document: dict[str, Any], opened: Iterable[str]) -> dict[str, Any]:
    """FastAPI's document with the ways to send a key; `opened` are the paths that need none. Errors are always problems."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    free = set(opened)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in free else [{name: []} for name in _SCHEMES]
            operation["responses"].pop("422", None)
            operation["responses"].setdefault("default", _PROBLEM)
    return document
