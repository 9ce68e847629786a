"""What `/docs` says beyond the signatures: bodies, headers, answers and errors of the document routes."""

from collections.abc import Iterable
from typing import Any

from fastapi import Response
from pydantic import BaseModel, TypeAdapter

from api import reference
from api.fields import HEADERS
from api.shapes import Accepted, Job, Problem

_REFERENCE = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
_FIELDS: dict[str, str] = {
    "prompt": "Your question about the document.",
    "format_response": 'The JSON that you want back, as a skeleton such as [{"CNPJ": ""}], or a JSON Schema.',
    "model": "Name of a model, or auto.",
    "ai_provider": "ollama, gemini, builtin, auto, or another configured provider.",
    "example": 'An example of the answer, such as [{"CNPJ": "XX.XXX.XXX/0001-XX"}]; it shows the form of the values.',
    "gemini_api_key": "Your key for Gemini; kept encrypted until the job ends.",
    "priority": "urgent, normal or batch.",
    "vision": "auto (badly read pages go as pictures to a model that sees), always or never.",
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
    "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
}


def _other(kind: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An answer that is no JSON."""
    return {"response_class": Response, "responses": {200: {"description": description, "content": {kind: {"schema": schema}}}}}


UPLOAD: dict[str, Any] = {
    "response_description": "Accepted: stored durably and queued.",
    "responses": {
        200: {
            "model": Job | Accepted,
            "description": "The job, ended within `wait`; or the job of an Idempotency-Key that was used before.",
        }
    },
    "openapi_extra": {
        "parameters": _HEADERS,
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": _FORM}}},
        },
    },
}
EVENTS = _other("text/event-stream", "`progress` with state and progress at every change, `end` with the whole Job.", _TEXT)
PNG = _other("image/png", "The page as PNG.", {"type": "string", "format": "binary"})


def body(shape: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """What `openapi_extra` says of a JSON body that the endpoint reads itself."""
    schema = shape.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """`schema` with what it refers to in its place: its own definitions are found from its own root only."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(one, definitions) for name, one in schema.items()}


def completed(document: dict[str, Any], opened: Iterable[str]) -> dict[str, Any]:
    """FastAPI's document with the fronts and the ways to send a key; `opened` are the paths that need none. Errors are
    problems, but for the fronts."""
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    described = TypeAdapter(Problem).json_schema(ref_template=_REFERENCE)
    components["schemas"] |= described.pop("$defs") | {"Problem": described}
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    document["paths"] |= reference.paths()
    free = set(opened)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in free else [{name: []} for name in _SCHEMES]
            operation["responses"].pop("422", None)
            operation["responses"].setdefault("default", _PROBLEM)
    return document
