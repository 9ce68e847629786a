from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    DocumentTooLong,
    ModelNotInstalled,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
)
from providers.gemini_errors import classify_error, error_of
from providers.gemini_models import model_info, model_version
from providers.gemini_wire import Reading, to_wire
from providers.types import ChatDelta, ChatRequest, Message, Usage


def test_the_whole_question() -> None:
    request = ChatRequest(
        "gemini-2.0-flash",
        (
            Message.of("system", "S"),
            Message.of("system", "T"),
            Message.of("user", "ação", (b"\xff\xd8", b"RIFF0000WEBP")),
            Message.of("assistant", "A"),
        ),
        schema={"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
        max_tokens=700,
        api_key="secret",
        options={"top_p": 0.5},
    )
    contents, config = to_wire(request)
    assert contents == [
        {"role": "user", "parts": [
            {"inline_data": {"mime_type": "image/jpeg", "data": b"\xff\xd8"}},
            {"inline_data": {"mime_type": "image/webp", "data": b"RIFF0000WEBP"}}, {"text": "ação"},
        ]},
        {"role": "model", "parts": [{"text": "A"}]},
    ]  # fmt: skip
    assert config == {
        "top_p": 0.5, "max_output_tokens": 700, "system_instruction": "S\n\nT", "temperature": 0.0,
        "response_mime_type": "application/json", "response_json_schema": {"type": "object"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("gemini-2.0-flash", 100), ("gemini-1.5-pro", 100), ("gemini-2.5-flash", 8292), ("gemini-3-pro", 8292), ("gemma-3", 8292)],
)
def test_models_that_think_have_room_for_it(model: str, tokens: int) -> None:
    request = ChatRequest(model, (Message.of("user", "?"),), max_tokens=100, room_to_think=True)
    assert to_wire(request)[1]["max_output_tokens"] == tokens
    assert to_wire(replace(request, room_to_think=False))[1]["max_output_tokens"] == 100


def test_versions() -> None:
    assert [model_version(name) for name in ("gemini-3-flash", "gemini-2.5-pro-001", "imagen-4")] == [(3, 0), (2, 5), None]


def chunk(text: str = "", finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}]}}
    return {"candidates": [candidate | ({"finish_reason": finish} if finish else {})], **more}


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (None, None), ("FINISH_REASON_UNSPECIFIED", None), ("STOP", "stop"), ("MAX_TOKENS", "length"),
        ("SAFETY", "filtered"), ("RECITATION", "filtered"), ("PROHIBITED_CONTENT", "filtered"),
        ("MALFORMED_RESPONSE", "other"), ("SOMETHING_NEW", "other"),
    ],
)  # fmt: skip
def test_reasons_to_finish(finish: str | None, reason: str | None) -> None:
    said, *last = read(chunk("a", finish))
    assert said == ChatDelta("a")
    assert last == ([ChatDelta(finish_reason=reason, usage=Usage(estimated=True))] if reason else [])


def read(*chunks: dict[str, Any]) -> list[ChatDelta]:
    reading = Reading("m")
    return [delta for one in chunks for delta in reading.deltas(one)]


def test_thoughts_are_output_but_not_answer() -> None:
    parts = [{"text": "hmm", "thought": True}, {"text": "yes"}, {"inline_data": {}}]
    usage = {
        "prompt_token_count": 10, "candidates_token_count": 2, "thoughts_token_count": 30, "tool_use_prompt_token_count": 1,
        "cached_content_token_count": 4,
    }  # fmt: skip
    told = read({"candidates": [{"content": {"parts": parts}}], "usage_metadata": usage, "model_version": "v"}, chunk("", "STOP"))
    counted = Usage(7, 2, cache_read=4, output_reasoning=30)
    assert told == [ChatDelta("", "hmm"), ChatDelta("yes"), ChatDelta(finish_reason="stop", usage=counted, model_version="v")]


def test_a_blocked_prompt_says_why() -> None:
    with pytest.raises(ProviderRefused, match="PROHIBITED_CONTENT"):
        read({"prompt_feedback": {"block_reason": "PROHIBITED_CONTENT"}})


@pytest.mark.parametrize(
    "empty", [{}, {"candidates": []}, {"candidates": [{}]}, {"candidates": [{"content": {}}]}, {"prompt_feedback": {}}]
)
def test_a_chunk_may_be_empty(empty: dict[str, Any]) -> None:
    assert read(empty) == []


INVALID_KEY = {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
               "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (400, INVALID_KEY, ProviderAuthFailed, "refused the API key"),
        (400, {"message": "x", "details": [{"reason": "API_KEY_INVALID"}]}, ProviderAuthFailed, "key"),
        (400, {"message": "API key expired. Please renew the API key."}, ProviderAuthFailed, "key"),
        (
            400,
            {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
            DocumentTooLong,
            "longer",
        ),
        (400, {"message": "User location is not supported for the API use."}, ProviderRefused, "User location is not supported"),
        (401, {}, ProviderAuthFailed, "key"),
        (403, {"status": "PERMISSION_DENIED"}, ProviderAuthFailed, "key"),
        (404, {"status": "NOT_FOUND"}, ModelNotInstalled, "no model m"),
        (429, {}, ProviderRateLimited, "quota"),
        (500, {"message": "An internal error"}, ProviderError, "(500): An internal error."),
        (503, {}, ProviderRateLimited, "overloaded"),
        (504, {}, ProviderTimeout, "in time"),
        (302, {}, ProviderRefused, "(302)."),
    ],
)
def test_errors_of_google_are_typed(status: int, error: dict[str, Any], kind: type, words: str) -> None:
    made = classify_error(status, error, model="m")
    assert type(made) is kind and words in made.detail


def test_the_delay_of_a_limit_is_read_from_retry_info() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.Help"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"},
    ]
    assert classify_error(429, {"details": details}, retry_after="5").retry_after == 34.07
    assert classify_error(429, {}, retry_after="5").retry_after == 5
    assert classify_error(429, {"details": [{"retryDelay": "soon"}]}).retry_after is None


def test_a_key_in_googles_words_is_not_passed_on() -> None:
    assert "AIzaX" not in classify_error(400, {"message": "Bad key AIzaX given"}, secret="AIzaX").detail


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": {"code": 1}}, {"code": 1}), ([{"error": {"code": 1}}], {"code": 1}), ({"code": 1}, {"code": 1}),
        ({"error": "x"}, {}), ([], {}), (None, {}), ("x", {}), ([7], {}),
    ],
)  # fmt: skip
def test_where_the_error_stands(body: Any, error: dict[str, Any]) -> None:
    assert error_of(body) == error


def test_models_that_make_no_text_are_left_out() -> None:
    listed = {
        "name": "models/gemini-3-flash",
        "inputTokenLimit": 9,
        "outputTokenLimit": 4,
        "supportedGenerationMethods": ["generateContent", "x", {}],
    }
    info = model_info(listed | {"displayName": "Flash"})
    assert (info.name, info.context, info.output_limit, info.capabilities, info.description) == (
        "gemini-3-flash",
        9,
        4,
        ("completion", "vision", "tools", "thinking"),
        "Flash",
    )
    assert model_info({"name": "models/imagen", "supportedGenerationMethods": ["predict"]}) is None
    assert model_info({"supportedGenerationMethods": ["generateContent"]}) is None
    assert model_info({}) is None


@given(st.integers(300, 599), st.text(max_size=300))
def test_any_words_become_a_provider_error(status: int, text: str) -> None:
    error = classify_error(status, {"message": text})
    assert isinstance(error, ProviderError) and "\n" not in error.detail and len(error.detail) < 320
