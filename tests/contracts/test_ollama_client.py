"""The client that Ollama's makers publish, against the fake: what it understands is what the fake may say."""

import json
from collections.abc import AsyncIterator

import ollama
import pytest

from tests.fakes.ollama import FakeOllama

TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "clock")
]
ASKED = {"role": "user", "content": "Call weather and clock."}


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        yield server


@pytest.fixture
async def client(fake: FakeOllama) -> AsyncIterator[ollama.AsyncClient]:
    made = ollama.AsyncClient(host=fake.url, trust_env=False)
    yield made
    await made._client.aclose()


async def test_the_client_lists_shows_and_sees_what_runs(client: ollama.AsyncClient) -> None:
    assert "gemma3:1b" in [model.model for model in (await client.list()).models]
    shown = await client.show("qwen3:0.6b")
    assert shown.capabilities == ["completion", "tools", "thinking"] and shown.modelinfo["qwen3.context_length"] == 40_960
    await client.generate("gemma3:1b")
    (running,) = (await client.ps()).models
    assert running.model == "gemma3:1b" and running.context_length == 4096


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_client_reads_thoughts_and_two_calls_and_sends_their_results(
    client: ollama.AsyncClient, fake: FakeOllama, streamed: bool
) -> None:
    if streamed:
        pieces = [piece async for piece in await client.chat("qwen3:0.6b", [ASKED], tools=TOOLS, think=True, stream=True)]
    else:
        pieces = [await client.chat("qwen3:0.6b", [ASKED], tools=TOOLS, think=True)]
    calls = [call for piece in pieces for call in piece.message.tool_calls or ()]
    assert "".join(piece.message.thinking or "" for piece in pieces) == fake.thoughts
    assert [(call.function.name, call.function.arguments) for call in calls] == [("weather", {}), ("clock", {})]
    assert pieces[-1].done and pieces[-1].done_reason == "stop" and pieces[-1].eval_count > 2
    spoken = ollama.Message(role="assistant", tool_calls=calls)
    results = [{"role": "tool", "tool_name": call.function.name, "content": f"of {call.function.name}"} for call in calls]
    told = await client.chat("qwen3:0.6b", [ASKED, spoken, *results], tools=TOOLS)
    assert told.message.content == "The tools say: of weather; of clock"


async def test_the_client_gets_json_vectors_and_errors(client: ollama.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"CPF": {"type": "string"}}}
    written = await client.generate("gemma3:1b", "<document>CPF: 111.444.777-35</document>", format=schema)
    assert json.loads(written.response) == {"CPF": "111.444.777-35"} and written.context
    assert len((await client.embed("nomic-embed-text", ["a", "b"], dimensions=4)).embeddings[1]) == 4
    assert (await client.embeddings("nomic-embed-text", "a")).embedding
    with pytest.raises(ollama.ResponseError) as caught:
        await client.chat("nobody:1b", [ASKED])
    assert caught.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="does not support tools"):
        await client.chat("gemma3:1b", [ASKED], tools=TOOLS)


async def test_counts_may_be_missing(client: ollama.AsyncClient, fake: FakeOllama) -> None:
    fake.omits_counts = True
    assert (await client.chat("gemma3:1b", [ASKED])).prompt_eval_count is None
