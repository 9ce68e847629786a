"""Bedrock over HTTP: what is learnt of its models, ends of streams, keys, and lists that come in pages."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.errors import InvalidField, ModelNotInstalled, ProviderAuthFailed, ProviderRefused
from core.http import HttpClient
from providers import bedrock as adapter
from providers.bedrock import Bedrock
from providers.types import ChatRequest, Image, Message, Thinking, Thought, Tool, ToolCall, ToolChoice, ToolResult
from tests.fakes.bedrock import GPT, LLAMA, NOVA, OLD, R1, SONNET, TITAN, FakeBedrock
from tests.fakes.bedrock_signatures import ACCESS_KEY, SECRET_KEY

ASKED = Message.of("user", "<document>Cidade: Olinda</document> Call clock.")
CITY = {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]}
LIST = {"type": "array", "items": {"type": "string"}}
CLOCK = Tool("clock", "Tells the time.")
PROFILE = f"us.{SONNET}"


@pytest.fixture
async def fake() -> AsyncIterator[FakeBedrock]:
    async with FakeBedrock() as server:
        yield server


@pytest.fixture
async def bedrock(fake: FakeBedrock) -> AsyncIterator[Bedrock]:
    made = Bedrock(base_url=f"{fake.url}/", access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    yield made
    await made.close()


def ask(model: str, *messages: Message, **changes: Any) -> ChatRequest:
    return ChatRequest(model, messages or (ASKED,), **changes)


def paths(fake: FakeBedrock) -> list[str]:
    return [received.path.rpartition("/")[2] for received in fake.requests]


@pytest.mark.parametrize("model", [PROFILE, OLD, NOVA, GPT, LLAMA, R1, TITAN])
@pytest.mark.parametrize("schema", [CITY, LIST, {}], ids=["object", "list", "any"])
async def test_every_model_answers_with_json_in_its_own_way(
    bedrock: Bedrock, fake: FakeBedrock, model: str, schema: dict[str, Any]
) -> None:
    if schema == {}:
        fake.answers.append('{"cidade": "Olinda"}')
    told = ask(model, Message.of("system", "Be brief."), ASKED, schema=schema)
    value = json.loads((await bedrock.chat(told)).text)
    assert isinstance(value, list if schema == LIST else dict)
    tried = len(fake.requests)
    fake.answers.append('{"answer": []}' if schema == LIST else "{}")
    fake.answers.append("{}")
    await bedrock.chat(told)
    assert len(fake.requests) == tried + 1, "what it refuses is known"


async def test_who_cannot_stream_with_tools_answers_whole_from_then_on(bedrock: Bedrock, fake: FakeBedrock) -> None:
    for _ in range(2):
        reply = await bedrock.chat(ask(LLAMA, tools=(CLOCK,)))
        assert reply.finish_reason == "tool_calls" and [call.name for call in reply.parts] == ["clock"]
        assert reply.usage.input_tokens > 10 and not reply.usage.estimated
    assert paths(fake) == ["converse-stream", "converse", "converse"]


async def test_a_whole_answer_has_its_thoughts(bedrock: Bedrock, fake: FakeBedrock) -> None:
    bedrock._refusals.learn(OLD, "stream")
    reply = await bedrock.chat(ask(OLD, thinking=Thinking("low"), max_tokens=4000))
    assert isinstance(reply.parts[0], Thought) and reply.parts[0].signature and reply.text and reply.finish_reason == "stop"


async def test_who_knows_no_system_is_told_by_the_user(bedrock: Bedrock, fake: FakeBedrock) -> None:
    reply = await bedrock.chat(ask(TITAN, Message.of("system", "Be brief."), ASKED))
    assert reply.text and "system" not in fake.requests[-1].body
    assert fake.requests[-1].body["messages"][0]["content"][0] == {"text": "Be brief.\n\n"}


async def test_tools_of_the_caller_are_never_left_out_silently(bedrock: Bedrock, fake: FakeBedrock) -> None:
    with pytest.raises(ProviderRefused, match="doesn't support tool use"):
        await bedrock.chat(ask(R1, tools=(CLOCK,)))
    with pytest.raises(ProviderRefused):
        await bedrock.chat(ask(R1, tools=(CLOCK,), schema=CITY))
    assert (await bedrock.chat(ask(R1))).text


async def test_an_error_of_the_callers_tools_teaches_nothing(bedrock: Bedrock, fake: FakeBedrock) -> None:
    fake.fail("refuse", status=400, message="The tool name clock is not allowed.", times=1)
    with pytest.raises(ProviderRefused):
        await bedrock.chat(ask(OLD, tools=(CLOCK,)))
    await bedrock.chat(ask(OLD, schema=CITY))
    assert fake.requests[-1].body["toolConfig"]["toolChoice"] == {"tool": {"name": "answer"}}


async def test_thoughts_that_another_host_signed_are_left_out_once(bedrock: Bedrock, fake: FakeBedrock) -> None:
    past = (ASKED, Message("assistant", (Thought("Hm.", "of another"), Thought("Y2lwaGVy", redacted=True))), ASKED)
    for _ in range(2):
        assert (await bedrock.chat(ask(PROFILE, *past, Message.of("assistant", "So"), ASKED))).text
    assert ["reasoningContent" in json.dumps(received.body) for received in fake.requests] == [True, False, True, False]


async def test_a_redacted_thought_goes_there_and_back(bedrock: Bedrock, fake: FakeBedrock) -> None:
    fake.cipher = "Y2lwaGVy"
    reply = await bedrock.chat(ask(PROFILE))
    assert reply.parts[0] == Thought("Y2lwaGVy", redacted=True)
    await bedrock.chat(ask(PROFILE, ASKED, Message("assistant", reply.parts), ASKED))
    assert fake.requests[-1].body["messages"][1]["content"][0] == {"reasoningContent": {"redactedContent": "Y2lwaGVy"}}


async def test_calls_of_the_past_are_told_with_their_tools(bedrock: Bedrock, fake: FakeBedrock) -> None:
    past = (
        ASKED,
        Message("assistant", (ToolCall("call|1", "clock", "{}"),)),
        Message("tool", (ToolResult("call|1", "clock", "noon"),)),
    )
    for changes in ({}, {"tools": (CLOCK,), "tool_choice": ToolChoice("none")}):
        assert "noon" in (await bedrock.chat(ask(PROFILE, *past, **changes))).text
        assert fake.requests[-1].body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "clock"
    assert "toolConfig" not in (await _sent(bedrock, fake, ask(PROFILE, tools=(CLOCK,), tool_choice=ToolChoice("none"))))


async def _sent(bedrock: Bedrock, fake: FakeBedrock, request: ChatRequest) -> dict[str, Any]:
    await bedrock.chat(request)
    return fake.requests[-1].body


async def test_a_stop_sequence_is_named(bedrock: Bedrock, fake: FakeBedrock) -> None:
    fake.answers = ["one, two, three"]
    reply = await bedrock.chat(ask(PROFILE, stop=(", three",)))
    assert (reply.text, reply.finish_reason, reply.stop_sequence) == ("one, two", "stop", ", three")


async def test_usage_is_told_in_buckets_that_do_not_overlap(bedrock: Bedrock, fake: FakeBedrock) -> None:
    fake.cached, fake.stored = 700, 30
    usage = (await bedrock.chat(ask(PROFILE))).usage
    assert (usage.cache_read, usage.cache_write) == (700, 30) and 0 < usage.input_uncached < 100


async def test_an_answer_that_is_whole_does_not_wait_for_its_usage(
    bedrock: Bedrock, fake: FakeBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_AFTER_THE_END", 0.05)
    fake.fail("hang_at_the_end")
    async with asyncio.timeout(2):
        reply = await bedrock.chat(ask(PROFILE))
    assert reply.text and not reply.usage.estimated


async def test_pictures_by_their_address_are_refused_before_anything_is_sent(bedrock: Bedrock, fake: FakeBedrock) -> None:
    for image in (Image(url="https://x/y.png"), Image(b"%PDF-1.7")):
        with pytest.raises(InvalidField):
            await bedrock.chat(ask(PROFILE, Message("user", (image,))))
    assert not fake.requests


async def test_a_model_that_needs_its_profile_says_so(bedrock: Bedrock, fake: FakeBedrock) -> None:
    with pytest.raises(ModelNotInstalled, match="inference profile") as caught:
        await bedrock.chat(ask(SONNET))
    assert "us." in caught.value.hint


@pytest.mark.parametrize("keys", [{"access_key": ACCESS_KEY, "secret_key": "other"}, {"api_key": "invalid"}, {}])
async def test_keys_that_are_not_taken(fake: FakeBedrock, keys: dict[str, str]) -> None:
    bedrock = Bedrock(base_url=fake.url, **keys)
    for asked in (bedrock.chat(ask(PROFILE)), bedrock.list_models()):
        with pytest.raises(ProviderAuthFailed, match="key"):
            await asked
    await bedrock.close()


async def test_a_bearer_key_opens_it_too(fake: FakeBedrock) -> None:
    bedrock = Bedrock(base_url=fake.url, api_key=" bedrock-api-key ")
    assert (await bedrock.chat(ask(PROFILE))).text and await bedrock.list_models()
    await bedrock.close()


async def test_models_and_every_page_of_the_profiles(bedrock: Bedrock, fake: FakeBedrock) -> None:
    listed = {info.name: info for info in await bedrock.list_models()}
    assert PROFILE in listed and SONNET not in listed and OLD in listed and "stability.sd3" not in listed
    assert sum(name.startswith("us.") for name in listed) == 2
    assert listed[PROFILE].capabilities == ("completion", "tools", "vision", "thinking") and listed[PROFILE].context == 200_000
    assert listed[R1].capabilities == ("completion", "thinking") and listed[TITAN].capabilities == ("completion",)
    assert listed["amazon.titan-embed-text-v2:0"].capabilities == ("embedding",)


async def test_a_key_that_may_not_list_profiles_lists_the_models(bedrock: Bedrock, fake: FakeBedrock) -> None:
    fake.profiles_denied = True
    listed = [info.name for info in await bedrock.list_models()]
    assert OLD in listed and PROFILE not in listed


@pytest.mark.parametrize(
    ("given", "runtime", "lists"),
    [
        ({}, "https://bedrock-runtime.us-east-1.amazonaws.com", "https://bedrock.us-east-1.amazonaws.com"),
        ({"region": "cn-north-1"}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "https://bedrock.cn-north-1.amazonaws.com.cn"),
        ({"base_url": "http://proxy:8/bedrock/"}, "http://proxy:8/bedrock", "http://proxy:8/bedrock"),
    ],
)  # fmt: skip
def test_its_addresses(given: dict[str, str], runtime: str, lists: str) -> None:
    bedrock = Bedrock(HttpClient(), **given)
    assert (bedrock._runtime, bedrock._lists) == (runtime, lists)
