"""Everything that can be said to a model and by it, through every provider that has it: over HTTP, through the real client code."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from providers.assembly import Assembly
from providers.base import Provider
from providers.types import ChatRequest, Image, Message, Part, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult
from tests.contracts.test_providers import CASES, Case
from tests.fakes import bedrock
from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_models import FakeModel
from tests.fakes.openai import FakeOpenAI
from tests.fakes.speaking import FakeSpeaker

CITY = {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]}
TOOLS = (Tool("weather", "Tells the weather.", CITY), Tool("clock", "Tells the time."))
ASKED = Message.of("user", "<document>Cidade: Olinda</document> Call weather and clock.")
MODELS = {
    "ollama": ("everything:4b",), "gemini": ("gemini-2.5-flash", "gemini-3.5-flash"), "openai": ("gpt-4o-mini",),
    "azure": ("gpt-4o-mini",), "vllm": ("gpt-4o-mini",), "llamacpp": ("gpt-4o-mini",), "openrouter": ("gpt-4o-mini",),
    "anthropic": ("claude-sonnet-4-5", "claude-opus-4-7", "claude-opus-4-6", "claude-sonnet-4-20250514"),
    "bedrock": (f"us.{bedrock.SONNET}", f"us.{bedrock.OPUS}", bedrock.OLD, bedrock.NOVA),
    "cohere": ("command-a-plus-05-2026",),
}  # fmt: skip
#: What has no knobs to shape the words with, in some of its models at least.
SHAPELESS = {"anthropic", "bedrock"}
#: Who thinks unless it is told not to.
UNASKED = {"cohere"}
ABLE = [pytest.param((case, model), id=f"{case.name}-{model}") for case in CASES for model in MODELS.get(case.name, ())]
Fake = FakeOllama | FakeGemini | FakeOpenAI | FakeSpeaker


@pytest.fixture(params=ABLE)
def case(request: pytest.FixtureRequest) -> tuple[Case, str]:
    return request.param


@pytest.fixture
async def fake(case: tuple[Case, str]) -> AsyncIterator[Fake]:
    async with case[0].fake() as server:
        if isinstance(server, FakeOllama):
            able = ("completion", "tools", "thinking", "vision")
            server.machine.installed["everything:4b"] = FakeModel("everything:4b", 3 << 30, "4B", "qwen3", 40_960, able)
        yield server


@pytest.fixture
async def provider(case: tuple[Case, str], fake: Fake) -> AsyncIterator[Provider]:
    made = case[0].build(fake.url, {})
    yield made
    await made.close()


def ask(case: tuple[Case, str], *messages: Message, **changes: Any) -> ChatRequest:
    return ChatRequest(case[1], messages, api_key="k", **changes)


async def streamed(provider: Provider, request: ChatRequest) -> tuple[tuple[Part, ...], str]:
    assembly, reason = Assembly(), ""
    async with aclosing(provider.stream(request)) as deltas:
        async for delta in deltas:
            assembly.add(delta)
            reason = delta.finish_reason or reason
    return assembly.parts(), reason


def calls_of(parts: tuple[Part, ...]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall)]


async def test_two_tools_are_called_at_once_and_their_results_are_read(case: Any, provider: Provider, fake: Fake) -> None:
    reply = await provider.chat(ask(case, ASKED, tools=TOOLS))
    first, second = calls_of(reply.parts)
    assert reply.finish_reason == "tool_calls" and (first.name, second.name) == ("weather", "clock")
    assert json.loads(first.arguments) == {"cidade": "Olinda"} and json.loads(second.arguments) == {}
    assert first.id != second.id
    results = (
        Message("tool", (ToolResult(first.id, "weather", '{"sun": true}'),)),
        Message("tool", (ToolResult(second.id, "clock", "noon"),)),
    )
    told = await provider.chat(ask(case, ASKED, Message("assistant", reply.parts), *results, tools=TOOLS))
    assert told.finish_reason == "stop" and "sun" in told.text and "noon" in told.text


@pytest.mark.parametrize("given", [False, True], ids=["our ids", "its ids"])
async def test_calls_in_a_stream_have_ids_and_indexes_of_their_own(
    case: Any, provider: Provider, fake: Fake, given: bool
) -> None:
    fake.call_ids = given
    fake.calls = [[("clock", {"n": 1}), ("clock", {"n": 2})]] * 2
    ids = set()
    for _ in range(2):
        parts, reason = await streamed(provider, ask(case, ASKED, tools=TOOLS))
        assert reason == "tool_calls"
        assert [json.loads(call.arguments) for call in calls_of(parts)] == [{"n": 1}, {"n": 2}]
        ids |= {call.id for call in calls_of(parts)}
    assert len(ids) == (2 if given else 4), "ids of ours differ from answer to answer"


@pytest.mark.parametrize(
    ("choice", "called"),
    [(ToolChoice("none"), []), (ToolChoice("required", "clock"), ["clock"]), (ToolChoice(), ["weather", "clock"])],
)
async def test_choices_of_tools(case: Any, provider: Provider, choice: ToolChoice, called: list[str]) -> None:
    reply = await provider.chat(ask(case, ASKED, tools=TOOLS, tool_choice=choice))
    assert [call.name for call in calls_of(reply.parts)] == called
    assert bool(reply.text) == (not called)


async def test_thoughts_come_before_the_answer_and_apart_from_it(case: Any, provider: Provider, fake: Fake) -> None:
    reply = await provider.chat(ask(case, Message.of("user", "<document>Cidade: Olinda</document>"), thinking=Thinking("high")))
    if isinstance(fake, FakeOpenAI) and not fake.shows_thoughts:
        assert reply.thinking == "" and fake.bodies(case[0].path)[0]["reasoning_effort"] == "high"
        return
    assert reply.thinking == fake.thoughts and fake.thoughts not in reply.text and reply.text
    again = await provider.chat(ask(case, ASKED, Message("assistant", reply.parts), ASKED))
    assert again.finish_reason == "stop"


async def test_nobody_thinks_who_shall_not(case: Any, provider: Provider, fake: Fake) -> None:
    reply = await provider.chat(ask(case, ASKED, thinking=Thinking("none")))
    assert reply.thinking == "" and reply.text


async def test_a_picture_goes_out_as_its_bytes(case: Any, provider: Provider, fake: Fake) -> None:
    seen = Message("user", (Image(b"\x89PNG\r\n"), Text("?")))
    assert (await provider.chat(ask(case, seen))).finish_reason == "stop"
    assert "iVBORw0K" in json.dumps(fake.bodies(case[0].path)[0])


async def test_an_answer_ends_at_a_stop_sequence(case: Any, provider: Provider, fake: Fake) -> None:
    fake.answers = ["one, two, three"]
    reply = await provider.chat(ask(case, ASKED, stop=(", three", "x")))
    assert (reply.text, reply.finish_reason) == ("one, two", "stop")


async def test_an_answer_ends_at_its_limit(case: Any, provider: Provider, fake: Fake) -> None:
    fake.answers = ["word " * 40_000]
    reply = await provider.chat(ask(case, ASKED, max_tokens=5, room_to_think=True))
    assert reply.finish_reason == "length" and reply.text.startswith("word")


async def test_an_answer_keeps_to_its_schema(case: Any, provider: Provider) -> None:
    reply = await provider.chat(ask(case, ASKED, schema=CITY))
    assert json.loads(reply.text) == {"cidade": "Olinda"}
    assert reply.thinking == "" or case[0].name in UNASKED


async def test_what_shapes_the_words_goes_out(case: Any, provider: Provider, fake: Fake) -> None:
    if case[0].name in SHAPELESS:
        pytest.skip("it takes few of them or none")
    said = {"top_p": 0.25, "top_k": 33, "seed": 77, "presence_penalty": 0.125, "frequency_penalty": 0.375}
    await provider.chat(ask(case, ASKED, temperature=None, **said))
    (body,) = fake.bodies(case[0].path)
    sent = body.get("options") or body.get("generationConfig") or body
    if case[0].name in ("openai", "azure"):
        del said["top_k"]  # they have none
    assert (
        set(said.values()) <= {value for value in sent.values() if not isinstance(value, list | dict)}
        and "temperature" not in sent
    )
