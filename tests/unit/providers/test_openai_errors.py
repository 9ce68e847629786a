from typing import Any

import orjson
import pytest

from core.errors import (
    DocumentTooLong,
    ModelNotInstalled,
    ModelOutOfMemory,
    ModelUnable,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
)  # fmt: skip
from providers.openai_errors import classify_error, parse_error, unsupported
from providers.openai_wire import OPTIONAL


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "a", "code": None}}, "a"),  # OpenAI
        ({"code": "x", "error": "a"}, "a"),  # xAI
        ({"error": "a", "error_type": "validation"}, "a"),  # TGI
        ({"object": "error", "message": "a", "code": 400}, "a"),  # vLLM
        ({"detail": "a"}, "a"),  # FastAPI
        ({"detail": [{"loc": ["body", "max_tokens"], "msg": "too large"}, {"msg": "b"}]}, "max_tokens: too large; body: b"),
    ],
)
def test_the_message_is_found_where_the_host_put_it(body: Any, message: str) -> None:
    assert parse_error(orjson.dumps(body))["message"] == message


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, DocumentTooLong),
        (
            400,
            {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"},
            DocumentTooLong,
        ),
        (422, {"message": "`inputs` tokens + `max_new_tokens` must be <= 4096"}, DocumentTooLong),
        (400, {"message": "This model's maximum prompt length is 131072"}, DocumentTooLong),
        (413, {"message": "Request too large for model, please reduce your message size"}, DocumentTooLong),
        (500, {"message": "CUDA out of memory: use a smaller context size"}, DocumentTooLong),
        (404, {"message": "no endpoints found with this context length"}, ModelNotInstalled),
        (429, {"code": "insufficient_quota"}, ProviderRefused),
        (402, {"message": "Insufficient Balance"}, ProviderRefused),
        (429, {"message": "Rate limit reached"}, ProviderRateLimited),
        (503, {"message": "Loading model"}, ProviderRateLimited),
        (404, {"code": "DeploymentNotFound"}, ModelNotInstalled),
        (404, {"message": "Not Found"}, ModelUnable),
        (404, {"code": 404, "message": "File Not Found", "type": "not_found_error"}, ModelUnable),
        (404, {"message": "model is not found"}, ModelNotInstalled),
        (404, {}, ModelNotInstalled),
        (403, {"code": "model_not_found", "message": "Project does not have access"}, ModelNotInstalled),
        (400, {"code": "model_not_supported"}, ModelNotInstalled),
        (403, {"code": "unsupported_country_region_territory"}, ProviderRefused),
        (400, {"error": "Incorrect API key provided", "message": "Incorrect API key provided: xa***"}, ProviderAuthFailed),
        (401, {}, ProviderAuthFailed),
        (500, {"message": "CUDA out of memory"}, ModelOutOfMemory),
        (500, {"message": "oops", "code": 429}, ProviderRateLimited),
        (504, {}, ProviderTimeout),
        (500, {}, ProviderError),
    ],
)
def test_what_the_words_say_weighs_more_than_the_status(status: int, error: dict[str, Any], kind: type[ProviderError]) -> None:
    assert type(classify_error(status, error, model="m")) is kind


def test_the_wait_and_the_secret() -> None:
    error = classify_error(429, {"message": "slow"}, retry_after="7")
    assert error.retry_after == 7
    error = classify_error(400, {"message": "bad key sk-canary here"}, secret="sk-canary", title="X")
    assert "sk-canary" not in error.detail and error.detail.startswith("X refused the request: bad key …")


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ({"code": "unsupported_parameter", "param": "max_tokens"}, "max_tokens"),
        ({"code": "unsupported_value", "param": "temperature"}, "temperature"),
        ({"code": "unsupported_value", "param": "stream", "message": "must be verified to stream this model"}, "stream"),
        ({"code": "unsupported_parameter", "param": "reasoning.effort"}, "reasoning"),
        ({"message": "Argument not supported on this model: presencePenalty"}, "presence_penalty"),
        ({"message": "Model grok-4 does not support parameter reasoningEffort."}, "reasoning_effort"),
        ({"message": "top_p: Extra inputs are not permitted"}, "top_p"),
        ({"message": "Unrecognized request argument supplied: stream_options"}, "stream_options"),
        ({"message": "stop must be a string"}, None),
        ({"code": "unsupported_parameter", "param": "messages"}, None),
        ({"code": "unsupported_parameter", "param": None}, None),
        ({"message": "tools are not supported"}, None),
        ({}, None),
    ],
)
def test_what_a_model_refuses_is_understood(error: dict[str, Any], name: str | None) -> None:
    assert unsupported(400, error, OPTIONAL) == name
    assert unsupported(500, error, OPTIONAL) is None
    assert unsupported(400, error, set()) is None
