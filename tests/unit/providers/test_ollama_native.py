"""Clients' own bodies for Ollama: what is made of them, and what they get through the adapter."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    DocumentTooLong,
    Forbidden,
    InvalidRequest,
    ModelNotInstalled,
    ModelOutOfMemory,
    MyelinError,
    ProviderTimeout,
)
from providers.ollama import Ollama, Patience
from providers.ollama_native import read
from providers.ollama_wire import RUNNER_OPTIONS, finish_reason, usage
from providers.types import Usage
from tests.fakes.ollama import FakeOllama

CHAT = {"model": "gemma3:1b", "messages": [{"role": "user", "content": "<document>CPF: 111.444.777-35</document>"}]}


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        yield server


@pytest.fixture
async def ollama(fake: FakeOllama) -> AsyncIterator[Ollama]:
    made = Ollama(base_url=fake.url, always_on=["llama3.2:3b"], mode=lambda: "cpu")
    yield made
    await made.close()


def sent(path: str, body: dict[str, Any]) -> dict[str, Any]:
    return read(path, json.dumps(body).encode()).sent(stream=True, keep_alive=900, num_ctx=8192, num_gpu=None, num_predict=7)


def test_a_chat_keeps_what_is_the_clients_and_loses_what_is_ours() -> None:
    body = {
        "name": "m", "messages": [{"role": "user", "content": "?"}], "tools": [{"a": 1}], "format": "json", "think": "high",
        "stream": False, "keep_alive": "24h", "truncate": True, "shift": True, "logprobs": True, "top_logprobs": 3,
        "_debug_render_only": True, "fallbacks": ["x"], "template": "no field of a chat",
        "options": {"num_ctx": 131_072, "num_gpu": 1, "num_thread": 64, "use_mmap": False, "temperature": 0.5, "stop": ["x"], "seed": None},
    }  # fmt: skip
    assert sent("/api/chat", body) == {
        "model": "m", "messages": [{"role": "user", "content": "?"}], "tools": [{"a": 1}], "format": "json", "think": "high",
        "stream": True, "keep_alive": 900, "truncate": False, "shift": False, "logprobs": True, "top_logprobs": 3,
        "options": {"temperature": 0.5, "stop": ["x"], "num_ctx": 8192, "num_predict": 7},
    }  # fmt: skip


def test_a_prompt_keeps_its_template_and_its_context() -> None:
    body = {
        "model": "m", "prompt": "def f(", "suffix": ")", "system": "S", "template": "{{ .Prompt }}", "context": [1, 2],
        "raw": True, "images": ["iVBORw0K"],
    }  # fmt: skip
    assert sent("/api/generate", body) == body | {
        "options": {"num_ctx": 8192, "num_predict": 7}, "stream": True, "keep_alive": 900, "truncate": False, "shift": False,
    }  # fmt: skip


def test_texts_to_embed_keep_their_own_rule_of_cutting() -> None:
    body = {"model": "m", "input": ["a"], "truncate": True, "dimensions": 64, "options": {"num_ctx": 9}, "keep_alive": 0}
    made = read("/api/embed", json.dumps(body).encode()).sent(stream=False, keep_alive=900, num_gpu=0)
    assert made == {
        "model": "m", "input": ["a"], "truncate": True, "dimensions": 64, "options": {"num_gpu": 0}, "keep_alive": 900,
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"model":""}', b'{"model":7}', b'{"model":{"a":1}}', b'{"a":NaN}', b"\xff"],
)
def test_what_is_no_question_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read("/api/chat", body)


def test_other_paths_are_never_forwarded() -> None:
    for path in ("/api/create", "/api/blobs/sha256:0", "/api/chat/", "/api/pull"):
        with pytest.raises(InvalidRequest):
            read(path, json.dumps(CHAT).encode())


@pytest.mark.parametrize("keep_alive", [0, 0.0, "0", "0s", "0m", "-0s", False])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_nobody_takes_a_model_out_of_memory(path: str, keep_alive: Any) -> None:
    with pytest.raises(Forbidden):
        read(path, json.dumps({"model": "m", "keep_alive": keep_alive}).encode())
    read(path, json.dumps({"model": "m", "keep_alive": "10s"}).encode())
    read("/api/chat", json.dumps(CHAT | {"keep_alive": keep_alive}).encode())


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=2), max_leaves=4)
NAMES = ["messages", "prompt", "tools", "images", "context", "options", "input", "system", "keep_alive", "format"]


@given(st.sampled_from(["/api/chat", "/api/generate", "/api/embed"]), st.dictionaries(st.sampled_from(NAMES), JSON))
def test_bodies_of_any_shape_are_read_or_refused(path: str, body: dict[str, Any]) -> None:
    try:
        question = read(path, json.dumps({**body, "model": "m"}).encode())
    except MyelinError:
        return
    made = question.sent(stream=True, keep_alive=1, num_ctx=5)
    assert question.prompt_tokens > 0 and made["options"].keys() & RUNNER_OPTIONS == {"num_ctx"}


def test_everything_that_is_said_is_counted() -> None:
    def tokens(**body: Any) -> int:
        path = "/api/generate" if "prompt" in body else "/api/chat"
        return read(path, json.dumps({"model": "m", **body}).encode()).prompt_tokens

    long = "x" * 23_000
    least = tokens(messages=[{"content": ""}])
    for message in ({"content": long}, {"thinking": long}, {"tool_calls": [{"function": {"arguments": {"a": long}}}]}):
        assert tokens(messages=[message]) >= least + 10_000
    assert tokens(messages=[{"content": "", "images": ["a", "b"]}]) == least + 4096
    assert tokens(messages=[{"content": ""}], tools=[{"d": long}]) >= 10_000
    assert tokens(prompt=long, suffix=long, system=long, template=long) >= 40_000
    assert tokens(prompt="", context=[1] * 700) >= 700


async def exchange(ollama: Ollama, path: str, body: dict[str, Any], *, stream: bool = True) -> list[dict[str, Any]]:
    async with ollama.forward(path, json.dumps(body).encode(), stream=stream) as response:
        return [json.loads(line) async for line in response.lines()]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_the_last_line_tells_the_usage(ollama: Ollama, fake: FakeOllama, path: str) -> None:
    said = await exchange(ollama, path, CHAT if path == "/api/chat" else {"model": "gemma3:1b", "prompt": "oi"})
    assert len(said) > 2
    last = said[-1]
    assert last["done"] and usage(last) == Usage(last["prompt_eval_count"], last["eval_count"]) and finish_reason(last) == "stop"
    (body,) = fake.bodies(path)
    assert body["options"]["num_gpu"] == 0 and body["options"]["num_ctx"] == 8192 and body["keep_alive"] == 900
    assert body["options"]["num_predict"] > 4096


async def test_a_whole_answer_may_take_its_time(fake: FakeOllama) -> None:
    """Its status line comes with its end, so that the wait for the first token cannot be the limit."""
    fake.token_seconds = 0.02
    fake.answers = ["one two three four five"]
    ollama = Ollama(
        base_url=fake.url,
        patience=Patience(first_token=0.05, load_floor=0, load_bytes_per_second=1e12, prefill_tokens_per_second=1e9),
    )
    (line,) = await exchange(ollama, "/api/chat", CHAT, stream=False)
    assert line["done"] and line["message"]["content"] == "one two three four five"
    await ollama.close()


async def test_a_model_that_is_always_on_stays(ollama: Ollama, fake: FakeOllama) -> None:
    await exchange(ollama, "/api/chat", CHAT | {"model": "llama3.2:3b", "keep_alive": 1})
    assert fake.bodies("/api/chat")[0]["keep_alive"] == -1


async def test_an_empty_question_loads_the_model_with_a_context_of_ours(ollama: Ollama, fake: FakeOllama) -> None:
    (line,) = await exchange(ollama, "/api/generate", {"model": "gemma3:1b"})
    assert line["done_reason"] == "load" and finish_reason(line) == "other"
    assert fake.machine.loads == [("gemma3:1b", {"num_ctx": 8192, "num_gpu": 0})]


async def test_a_dense_chat_is_asked_again_with_the_context_that_it_needs(ollama: Ollama, fake: FakeOllama) -> None:
    fake.characters_per_token = 0.5
    said = await exchange(ollama, "/api/chat", CHAT | {"messages": [{"role": "user", "content": "7" * 12_000}]})
    assert [body["options"]["num_ctx"] for body in fake.bodies("/api/chat")] == [16_384, 32_768]
    assert usage(said[-1]).input_tokens > 24_000


async def test_a_chat_that_cannot_fit_is_refused_and_never_cut(ollama: Ollama, fake: FakeOllama) -> None:
    fake.characters_per_token = 1
    with pytest.raises(DocumentTooLong, match="gemma3:1b"):
        await exchange(ollama, "/api/chat", CHAT | {"messages": [{"role": "user", "content": "7" * 60_000}]})


async def test_errors_before_the_stream_are_typed(ollama: Ollama, fake: FakeOllama) -> None:
    fake.fail("oom", times=1)
    with pytest.raises(ModelOutOfMemory):
        await exchange(ollama, "/api/chat", CHAT)
    with pytest.raises(ModelNotInstalled):
        await exchange(ollama, "/api/chat", CHAT | {"model": "nobody:1b"})


async def test_a_stream_that_falls_silent_is_a_timeout(fake: FakeOllama) -> None:
    fake.fail("hang_stream")
    ollama = Ollama(base_url=fake.url, patience=Patience(between_tokens=0.05))
    with pytest.raises(ProviderTimeout):
        await exchange(ollama, "/api/chat", CHAT)
    await ollama.close()


async def test_who_leaves_lets_the_model_go(ollama: Ollama, fake: FakeOllama) -> None:
    fake.fail("endless_tokens")
    async with ollama.forward("/api/chat", json.dumps(CHAT).encode(), stream=True) as response:
        await anext(response.lines())
    async with asyncio.timeout(1):
        await fake.hung_up.wait()
    assert ollama._contexts._under_way == {}


async def test_vectors_in_both_forms(ollama: Ollama, fake: FakeOllama) -> None:
    for path, body, name in (("/api/embed", {"input": "oi"}, "embeddings"), ("/api/embeddings", {"prompt": "oi"}, "embedding")):
        body = {"model": "nomic-embed-text", **body}
        async with ollama.forward(path, json.dumps(body).encode(), stream=False) as response:
            assert json.loads(await response.read())[name]
        assert fake.bodies(path)[0]["options"] == {"num_gpu": 0}
