import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.clock import Clock
from core.errors import InvalidField, InvalidRequest
from providers.ollama import Ollama
from providers.ollama_contexts import BELIEVED_SECONDS
from providers.types import ChatRequest, Message, Thinking, Tool
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_models import FakeModel
from tests.fakes.server import PROSE

SCHEMA = {"type": "object", "properties": {"cpf": {"type": "string"}}}


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        able = ("completion", "thinking")
        server.machine.installed["gemma4:4b"] = FakeModel("gemma4:4b", 10**9, "4B", "gemma4", capabilities=able)
        yield server


class Time:
    now = 0.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def ollama(fake: FakeOllama, time: Time) -> AsyncIterator[Ollama]:
    made = Ollama(base_url=fake.url, clock=Clock(monotonic=lambda: time.now))
    yield made
    await made.close()


def ask(size: int = 10, model: str = "gemma3:1b", **more: Any) -> ChatRequest:
    return ChatRequest(model, (Message.of("user", "x" * size),), **{"max_tokens": 100} | more)


def contexts(fake: FakeOllama) -> list[int]:
    return [body["options"]["num_ctx"] for body in fake.bodies("/api/chat")]


async def test_a_short_question_does_not_shrink_a_model_that_is_loading(ollama: Ollama, fake: FakeOllama) -> None:
    """A model that is loading is not in /api/ps: the second question would load it anew in the midst of the first."""
    fake.load_seconds = 0.05
    first = asyncio.create_task(ollama.chat(ask(20_000)))
    async with asyncio.timeout(5):
        while not fake.bodies("/api/chat"):
            await asyncio.sleep(0)
    await ollama.chat(ask())
    await first
    assert contexts(fake) == [16_384, 16_384] and len({load[1]["num_ctx"] for load in fake.machine.loads}) == 1


async def test_what_is_in_memory_is_believed_for_a_second(ollama: Ollama, fake: FakeOllama, time: Time) -> None:
    for _ in range(4):
        await ollama.chat(ask())
    known = len([received for received in fake.requests if received.path == "/api/ps"])
    time.now += BELIEVED_SECONDS + 0.1
    fake.machine.load(fake.machine.installed["gemma3:1b"], {"num_ctx": 16_384})
    await ollama.chat(ask())
    assert known == 2 and contexts(fake) == [4096] * 4 + [16_384], "another client made it larger: nothing is loaded anew"


async def test_a_context_that_was_asked_for_is_known_at_once(ollama: Ollama, fake: FakeOllama) -> None:
    for size in (10, 20_000, 10):
        await ollama.chat(ask(size))
    assert contexts(fake) == [4096, 16_384, 16_384]


async def test_an_unloaded_model_is_no_longer_believed_to_be_large(ollama: Ollama, fake: FakeOllama) -> None:
    for _ in range(2):
        await ollama.chat(ask(20_000))
    await ollama.unload("gemma3:1b")
    await ollama.chat(ask())
    assert contexts(fake) == [16_384, 16_384, 4096]


async def test_a_question_that_fails_is_no_longer_under_way(ollama: Ollama, fake: FakeOllama) -> None:
    fake.fail("oom", times=1)
    with pytest.raises(Exception, match="memory"):
        await ollama.chat(ask(20_000))
    assert ollama._contexts._under_way == {}


async def test_a_model_that_keeps_to_no_schema_without_thinking_thinks(ollama: Ollama, fake: FakeOllama) -> None:
    document = (Message.of("user", "<document>CPF: 111.444.777-35</document>"),)
    for _ in range(2):
        reply = await ollama.chat(ChatRequest("gemma4:4b", document, schema=SCHEMA, max_tokens=100, room_to_think=True))
        assert reply.text == '{"cpf": "111.444.777-35"}' and reply.thinking == fake.thoughts
    sent = fake.bodies("/api/chat")
    assert [body.get("think") for body in sent] == [False, None, None], "it is found out once"
    assert [body["options"]["num_predict"] for body in sent] == [100, 4196, 4196]


async def test_prose_of_such_a_model_is_never_given_out(ollama: Ollama, fake: FakeOllama) -> None:
    pieces = [delta async for delta in ollama.stream(ask(model="gemma4:4b", schema=SCHEMA))]
    said = "".join(piece.text for piece in pieces)
    assert PROSE[:5] not in said and said.startswith("{")


async def test_who_says_that_a_model_shall_not_think_gets_what_it_says(ollama: Ollama, fake: FakeOllama) -> None:
    reply = await ollama.chat(ask(model="gemma4:4b", schema=SCHEMA, thinking=Thinking("none")))
    assert reply.text == PROSE and len(fake.bodies("/api/chat")) == 1


async def test_what_a_model_lacks_is_said_before_it_is_loaded(ollama: Ollama, fake: FakeOllama) -> None:
    with pytest.raises(InvalidField, match="cannot call tools"):
        await ollama.chat(ask(tools=(Tool("clock"),)))
    with pytest.raises(InvalidField, match="cannot see"):
        await ollama.chat(ChatRequest("gemma3:1b", (Message.of("user", "?", (b"GIF8",)),)))
    assert fake.bodies("/api/chat") == []


async def test_tools_and_results_need_room_too(ollama: Ollama, fake: FakeOllama) -> None:
    tool = Tool("clock", "x" * 20_000)
    await ollama.chat(ask(model="llama3.2:3b", tools=(tool,)))
    assert contexts(fake) == [16_384]


async def test_facts_for_clients_of_ollama(ollama: Ollama, fake: FakeOllama) -> None:
    await ollama.chat(ask())
    shown = await ollama.show("gemma3:1b", verbose=True)
    assert shown["modelfile"].startswith("FROM gemma3:1b\n") and "/root" not in shown["modelfile"]
    assert shown["capabilities"] == ["completion"] and shown["model_info"]["gemma3.context_length"] == 32_768
    assert fake.bodies("/api/show")[-1] == {"model": "gemma3:1b", "verbose": True}
    ((running),) = await ollama.running()
    assert (running["name"], running["context_length"]) == ("gemma3:1b", 4096) and "expires_at" in running
    assert (await ollama.version()).count(".") == 2


async def test_bodies_of_other_paths_do_not_leave(ollama: Ollama, fake: FakeOllama) -> None:
    with pytest.raises(InvalidRequest):
        async with ollama.forward("/api/delete", b'{"model":"gemma3:1b"}', stream=False):
            pass
    assert fake.requests == []
