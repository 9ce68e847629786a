"""Errors as clients see them: RFC 9457 `application/problem+json` with `code`, `hint` and `request_id`, or the dialect that
the client of a front expects."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.words import of_parameter
from core.errors import InvalidField, InvalidRequest, MethodNotAllowed, MyelinError, NotFound, ProviderError

_MAX_RETRY_AFTER = 300
ErrorDialect = Literal["native", "openai", "anthropic", "ollama"]


def problem(
    error: MyelinError, request_id: str, errors: Sequence[dict[str, Any]] = ()
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Body and headers of an error answer; 429 and 503 always carry `Retry-After` (seconds)."""
    if not errors and error.field:
        errors = [{"field": error.field, "message": error.detail}]
    body = {
        "type": f"urn:myelin:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "hint": error.hint,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = list(errors)
    headers = [(b"content-type", b"application/problem+json"), *_common_headers(error, request_id)]
    return orjson.dumps(body), headers


def _common_headers(error: MyelinError, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", request_id.encode())]
    if error.status in (429, 503, 507) or error.retry_after:
        seconds = min(max(round(error.retry_after or 1), 1), _MAX_RETRY_AFTER)
        headers.append((b"retry-after", str(seconds).encode()))
    headers += error.headers
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def spoken_at(path: str) -> ErrorDialect:
    """The dialect of an address that nothing is known of."""
    path = f"{path}/"
    if path.startswith("/v1/"):
        return "anthropic" if path.startswith("/v1/messages/") else "openai"
    return "ollama" if path.startswith("/api/") else "native"


_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_ANTHROPIC_TYPES = {
    401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error", 504: "timeout_error",
}  # fmt: skip


def in_words(error: MyelinError) -> str:
    """Detail and cure in one text, for dialects that have no place of their own for the cure."""
    return f"{error.detail} {error.hint}" if error.hint else error.detail


def in_dialect(error: MyelinError, dialect: ErrorDialect) -> dict[str, Any]:
    """The body of `error` for a client of OpenAI, Anthropic or Ollama, also for an error inside a stream."""
    if dialect == "ollama":
        return {"error": in_words(error)}
    if dialect == "anthropic":
        kind = _ANTHROPIC_TYPES.get(error.status) or ("api_error" if error.status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": in_words(error)}}
    kind = _OPENAI_TYPES.get(error.status) or ("api_error" if error.status >= 500 else "invalid_request_error")
    return {"error": {"message": in_words(error), "type": kind, "param": error.field, "code": error.code}}


def rendered(error: MyelinError, dialect: ErrorDialect, request_id: str) -> tuple[bytes, int, list[tuple[bytes, bytes]]]:
    """(body, status, headers). The other dialects know no 422; `x-should-retry: false` (which OpenAI's and Anthropic's SDKs
    obey) says that the gateway itself has tried again already, so that tries are not multiplied by tries."""
    if dialect == "native":
        body, headers = problem(error, request_id)
        return body, error.status, headers
    headers = [(b"content-type", b"application/json"), *_common_headers(error, request_id)]
    if isinstance(error, ProviderError):
        headers.append((b"x-should-retry", b"false"))
    if dialect == "anthropic":
        headers.append((b"request-id", request_id.encode()))  # where its SDK looks for it
    return orjson.dumps(in_dialect(error, dialect)), error.front_status, headers


def unexpected() -> MyelinError:
    """What a caller learns of a bug: nothing but where its cause is written."""
    return MyelinError("Something unexpected went wrong.", hint="The operator finds the cause in the log by the request_id.")


def _respond(request: Request, error: MyelinError, errors: Sequence[dict[str, Any]] = ()) -> Response:
    body, headers = problem(error, request.scope["state"]["request_id"], errors)
    response = Response(body, status_code=error.status)
    response.raw_headers = [*headers, (b"content-length", str(len(body)).encode())]
    return response


def _parameters(route: APIRoute, error: RequestValidationError) -> Iterator[tuple[str, str]]:
    """Name and sentence of each parameter of `route` that cannot be used."""
    declared = {field.alias: field for field in (*route.dependant.path_params, *route.dependant.query_params)}
    for found in error.errors():
        name = str(found["loc"][-1])
        yield name, of_parameter(name, found, declared[name].field_info.description)


def install(app: FastAPI) -> None:
    """Every error that reaches the application leaves it in the native dialect."""

    @app.exception_handler(MyelinError)
    async def ours(request: Request, error: MyelinError) -> Response:
        return _respond(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [{"field": name, "message": message} for name, message in _parameters(request.scope["route"], error)]
        detail = " ".join(item["message"] for item in errors)
        hint = "GET /docs describes the parameters of each address."
        return _respond(request, InvalidField(detail, hint=hint), errors)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        known = {404: NotFound("There is nothing at this address."), 405: MethodNotAllowed("other methods")}
        return _respond(request, known.get(error.status_code) or InvalidRequest("The request cannot be understood."))

    @app.exception_handler(Exception)
    async def bug(request: Request, _error: Exception) -> Response:
        return _respond(request, unexpected())
