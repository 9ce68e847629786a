"""Cohere over HTTP: what is learnt of its models, and what takes more than one request."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.errors import ModelNotInstalled, ProviderAuthFailed, ProviderError, ProviderRefused
from providers.cohere import Cohere
from providers.types import ChatRequest, Message, Text, Thinking, Tool
from tests.fakes.cohere import FakeCohere

ASKED = Message.of("user", "<document>Cidade: Olinda</document>")
NULLABLE = {
    "type": "object",
    "properties": {"cidade": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["cidade"],
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeCohere]:
    async with FakeCohere() as server:
        yield server


@pytest.fixture
async def cohere(fake: FakeCohere) -> AsyncIterator[Cohere]:
    made = Cohere(base_url=f"{fake.url}/v2", api_key="k")
    yield made
    await made.close()


async def test_who_cannot_think_is_asked_without_it_from_then_on(cohere: Cohere, fake: FakeCohere) -> None:
    for _ in range(2):
        reply = await cohere.chat(ChatRequest("command-a-03-2025", (ASKED,), thinking=Thinking("high")))
        assert reply.text and not reply.thinking
    assert ["thinking" in body for body in fake.bodies("/v2/chat")] == [True, False, False]


async def test_a_schema_that_is_refused_is_told_in_words_and_the_next_one_tried_again(cohere: Cohere, fake: FakeCohere) -> None:
    for _ in range(2):
        reply = await cohere.chat(ChatRequest("command-r-08-2024", (ASKED,), schema=NULLABLE))
        assert json.loads(reply.text) == {"cidade": "Olinda"}
    forms = [body["response_format"] for body in fake.bodies("/v2/chat")]
    assert ["json_schema" in form for form in forms] == [True, False, True, False]


async def test_a_list_stands_in_an_object_on_the_wire_alone(cohere: Cohere, fake: FakeCohere) -> None:
    fake.answers.append('{"answer": [1, 2]}')
    reply = await cohere.chat(ChatRequest("command-a-03-2025", (ASKED,), schema={"type": "array", "items": {"type": "integer"}}))
    assert json.loads(reply.text) == [1, 2]


async def test_a_plan_is_what_is_said_before_the_calls(cohere: Cohere, fake: FakeCohere) -> None:
    fake.plan = "I will look at the clock."
    reply = await cohere.chat(ChatRequest("command-a-03-2025", (Message.of("user", "clock?"),), tools=(Tool("clock"),)))
    assert reply.parts[0] == Text(fake.plan) and reply.finish_reason == "tool_calls"
    again = (Message.of("user", "clock?"), Message("assistant", reply.parts))
    await cohere.chat(ChatRequest("command-a-03-2025", again, tools=(Tool("clock"),)))
    assert fake.bodies("/v2/chat")[-1]["messages"][1]["tool_plan"] == fake.plan


async def test_many_texts_become_vectors_in_more_requests(cohere: Cohere, fake: FakeCohere) -> None:
    told = await cohere.embed("embed-v4.0", [f"text {number}" for number in range(200)], dimensions=16)
    assert [len(body["texts"]) for body in fake.bodies("/v2/embed")] == [96, 96, 8]
    assert len(told.vectors) == 200 and {len(vector) for vector in told.vectors} == {16}
    assert told.usage.input_tokens > 200 and not told.usage.estimated
    with pytest.raises(ProviderRefused, match="not supported by the embed API"):
        await cohere.embed("command-a-03-2025", ["x"])
    with pytest.raises(ModelNotInstalled, match="no-model"):
        await cohere.embed("no-model", ["x"])


@pytest.mark.parametrize("vectors", [[[1.0]], [[1.0], []], [[1.0], ["x"]], [[1.0], None]])
async def test_vectors_that_are_none_are_an_error(cohere: Cohere, fake: FakeCohere, vectors: list[Any]) -> None:
    fake.vectors = vectors
    with pytest.raises(ProviderError, match="other vectors"):
        await cohere.embed("embed-v4.0", ["one", "two"])


async def test_every_page_of_the_models_is_read(cohere: Cohere, fake: FakeCohere) -> None:
    assert [info.name for info in await cohere.list_models()] == list(fake.models)


async def test_without_a_key_nothing_is_sent(fake: FakeCohere) -> None:
    cohere = Cohere(base_url=fake.url)
    with pytest.raises(ProviderAuthFailed) as caught:
        await cohere.list_models()
    assert "COHERE_API_KEY" in caught.value.hint and not fake.requests
    await cohere.close()
