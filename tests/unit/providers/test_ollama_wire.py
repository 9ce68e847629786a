import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    InvalidAnswer,
    ModelNotInstalled,
    ModelOutOfMemory,
    ModelUnable,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    QuestionRefused,
)
from providers.ollama_errors import ContextExceeded, classify_text, error_text, parse
from providers.ollama_wire import Reading, to_wire
from providers.types import ChatDelta, ChatRequest, Message, Usage

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
WHERE = {"num_ctx": 8192, "num_gpu": None, "keep_alive": 900, "think": None, "num_predict": 5}


def test_the_whole_body_of_a_question() -> None:
    request = ChatRequest(
        "gemma3:1b",
        (Message.of("system", "S"), Message.of("user", "ação", (b"\x89PNG",)), Message.of("assistant", "A")),
        schema=SCHEMA,
        max_tokens=700,
        api_key="secret",
        options={"top_p": 0.5, "num_ctx": 1, "num_gpu": 7, "num_thread": 3, "seed": None},
    )
    assert to_wire(request, num_ctx=8192, num_gpu=0, keep_alive=-1, think=False, num_predict=700) == {
        "model": "gemma3:1b",
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "ação", "images": ["iVBORw=="]},
            {"role": "assistant", "content": "A"},
        ],
        "stream": True,
        "format": SCHEMA,
        "options": {"top_p": 0.5, "num_ctx": 8192, "num_predict": 700, "temperature": 0.0, "num_gpu": 0},
        "keep_alive": -1,
        "truncate": False,
        "shift": False,
        "think": False,
    }


def test_what_was_not_asked_for_is_not_sent() -> None:
    body = to_wire(ChatRequest("m", (Message.of("user", "?"),), max_tokens=5, temperature=None), **WHERE)
    assert body.keys() == {"model", "messages", "stream", "options", "keep_alive", "truncate", "shift"}
    assert body["options"] == {"num_ctx": 8192, "num_predict": 5}


@pytest.mark.parametrize(
    ("line", "delta"),
    [
        ({"message": {"content": "a"}, "done": False}, ChatDelta("a")),
        ({"message": {"content": "", "thinking": "t"}}, ChatDelta("", "t")),
        ({"done": False}, ChatDelta()),
        (
            {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2},
            ChatDelta(finish_reason="stop", usage=Usage(7, 2), model_version="v"),
        ),
        ({"done": True, "done_reason": "length", "eval_count": 2},
         ChatDelta(finish_reason="length", usage=Usage(0, 2, True), model_version="v")),
        ({"done": True}, ChatDelta(finish_reason="stop", usage=Usage(0, 0, True), model_version="v")),
        ({"done": True, "done_reason": "unload", "prompt_eval_count": -1, "eval_count": True},
         ChatDelta(finish_reason="other", usage=Usage(0, 0, True), model_version="v")),
    ],
)  # fmt: skip
def test_lines_of_a_stream(line: dict[str, Any], delta: ChatDelta) -> None:
    assert Reading("v").delta(line) == delta


@pytest.mark.parametrize("content", [7, ["x"], {"a": 1}])
def test_an_answer_that_is_not_text_is_an_error(content: Any) -> None:
    with pytest.raises(ProviderError, match="not text"):
        Reading(None).delta({"message": {"content": content}})


@pytest.mark.parametrize("line", [b"", b"<html>", b"[1]", b'"x"', b"null", b"\xff", b'{"a":', b"NaN"])
def test_what_is_not_an_object_is_not_its_protocol(line: bytes) -> None:
    with pytest.raises(ProviderError, match="not its protocol"):
        parse(line)


def test_an_error_inside_the_stream_is_typed() -> None:
    with pytest.raises(ModelOutOfMemory):
        parse(b'{"error":"CUDA error: out of memory"}')


EXCEEDED = json.dumps({"error": {"code": 400, "message": "request (8889 tokens) exceeds the available context size (4096 tokens)",
                                 "type": "exceed_context_size_error", "n_prompt_tokens": 8889, "n_ctx": 4096}})  # fmt: skip


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (404, 'model "x:1b" not found, try pulling it first', ModelNotInstalled, "x:1b"),
        (404, "model 'x' not found", ModelNotInstalled, "The model x is"),
        (500, "llama runner process has terminated: cudaMalloc failed: out of memory", ModelOutOfMemory, "memory"),
        (500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)", ModelOutOfMemory, "memory"),
        (400, EXCEEDED, ContextExceeded, "context"),
        (400, "the prompt is longer than the context length currently available to the model; x", ContextExceeded, "context"),
        (503, "server busy, please try again.  maximum pending requests exceeded", ProviderRateLimited, "busy"),
        (429, "", ProviderRateLimited, "busy"),
        (401, "unauthorized", ProviderAuthFailed, "key"),
        (400, '"nomic-embed-text" does not support chat', ModelUnable, "does not support chat"),
        (501, "this model does not support embeddings", ModelUnable, "does not support embeddings"),
        (400, '"gemma3:1b" does not support tools', QuestionRefused, "does not support tools"),
        (302, "", ProviderRefused, "(302)"),
        (500, "prediction aborted, token repeat limit reached", InvalidAnswer, "repeated itself"),
        (500, "open /root/.ollama/models/x: no such file", ProviderError, "open … no such file"),
        (500, "", ProviderError, "(500)."),
    ],
)
def test_words_of_ollama_become_typed_errors(status: int, text: str, kind: type, words: str) -> None:
    error = classify_text(status, text)
    assert type(error) is kind and words in error.detail


def test_the_real_length_of_a_prompt_is_read_from_the_refusal() -> None:
    assert classify_text(400, EXCEEDED).tokens == 8889
    assert classify_text(400, "request (77 tokens) exceeds the available context size").tokens == 77
    assert classify_text(400, "longer than the context length").tokens is None


def test_the_hint_for_a_missing_model_can_be_typed_as_it_stands() -> None:
    error = classify_text(404, "", model="gemma3:1b")
    assert 'POST /models/download {"model": "gemma3:1b"}' in error.hint and "ollama pull gemma3:1b" in error.hint


def test_a_busy_server_says_when() -> None:
    assert classify_text(503, "busy", "7").retry_after == 7
    assert classify_text(503, "busy").retry_after == 5


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":"x"}', "x"),
        (b'{"error":{"a":1}}', '{"a":1}'),
        (b'{"error":null}', ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_the_words_of_an_error_body(body: bytes, text: str) -> None:
    assert error_text(body) == text


@given(st.integers(200, 599), st.text(max_size=400))
def test_any_words_become_a_provider_error(status: int, text: str) -> None:
    error = classify_text(status, text, text)
    assert isinstance(error, ProviderError) and len(error.detail) < 320 and "\n" not in error.detail
