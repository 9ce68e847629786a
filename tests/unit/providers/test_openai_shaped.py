import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from core.errors import ModelNotInstalled, ProviderAuthFailed, ProviderError, ProviderRateLimited, ProviderTimeout
from providers.compatible import Compatible, OpenAI, Vllm
from providers.openai_shaped import OpenAIShaped
from providers.patience import Patience
from providers.types import ChatRequest, Message, Text, Thought, Tool, ToolCall, ToolResult, Usage
from tests.fakes.openai import FakeOpenAI

ASKED = (Message.of("user", "Hello? Call weather and time. city: Olinda"),)
ASK = ChatRequest("gpt-4o-mini", ASKED, max_tokens=50, room_to_think=True)
TOOLS = (
    Tool("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}}),
    Tool("time", "", {"type": "object", "properties": {"city": {"type": "string"}}}),
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def openai(fake: FakeOpenAI) -> AsyncIterator[OpenAI]:
    made = OpenAI(base_url=f"{fake.url}/v1/", api_key=" key\n")
    yield made
    await made.close()


async def test_two_parallel_calls_and_their_results(openai: OpenAI, fake: FakeOpenAI) -> None:
    reply = await openai.chat(replace(ASK, tools=TOOLS))
    first, second = reply.parts
    assert (first.name, second.name) == ("weather", "time") and first.id != second.id
    assert json.loads(first.arguments) == {"city": "Olinda"} and reply.finish_reason == "tool_calls"
    results = Message("tool", (ToolResult(first.id, "weather", "21 °C"), ToolResult(second.id, "time", "9 h")))
    fake.answers.append("It is 21 °C at 9.")
    reply = await openai.chat(replace(ASK, tools=TOOLS, messages=(*ASKED, Message("assistant", reply.parts), results)))
    assert reply.text == "It is 21 °C at 9." and reply.finish_reason == "stop"


async def test_thoughts_refusals_and_tokens(openai: OpenAI, fake: FakeOpenAI) -> None:
    fake.cached, fake.reasoning = 3, 7
    fake.replies = [{"content": "Hi", "reasoning_content": "hm hm"}, {"content": None, "refusal": "I cannot do that."}]
    reply = await openai.chat(ASK)
    assert reply.parts == (Thought("hm hm"), Text("Hi")) and reply.model_version == "fp_fake"
    assert reply.usage == Usage(15 - 3, 2, False, 3, 0, 7) and not reply.usage.estimated
    assert (await openai.chat(ASK)).finish_reason == "filtered"


async def test_what_a_model_refuses_is_learnt_once(openai: OpenAI, fake: FakeOpenAI) -> None:
    asked = replace(ASK, model="gpt-5-mini", temperature=0.0, top_p=0.5)
    assert (await openai.chat(asked)).finish_reason == "stop"
    sent = fake.bodies("/chat/completions")
    assert len(sent) == 3 and not sent[-1].keys() & {"temperature", "top_p"} and sent[-1]["max_completion_tokens"] == 50 + 8192
    await openai.chat(asked)
    assert len(fake.requests) == 4
    await openai.chat(replace(asked, model="gpt-4o-mini"))
    assert fake.bodies("/chat/completions")[-1]["temperature"] == 0.0


async def test_a_host_of_unknown_ways_learns_the_name_of_the_cap(fake: FakeOpenAI) -> None:
    host = Compatible(base_url=f"{fake.url}/v1", api_key="k")
    await host.chat(replace(ASK, model="gpt-5-mini", temperature=None))
    first, second = fake.bodies("/chat/completions")
    assert "max_tokens" in first and "max_tokens" not in second and second["max_completion_tokens"] == 50 + 8192
    await host.close()


async def test_what_cannot_be_left_out_is_not_asked_for_again(openai: OpenAI, fake: FakeOpenAI) -> None:
    fake.refused = {"tools"}
    with pytest.raises(ProviderError):
        await openai.chat(replace(ASK, tools=TOOLS))
    assert len(fake.requests) == 1


async def test_a_model_that_may_not_stream_answers_whole(openai: OpenAI, fake: FakeOpenAI) -> None:
    fake.refused = {"stream"}
    fake.answers = ["Hello."]
    reply = await openai.chat(ASK)
    assert (reply.text, reply.finish_reason, reply.usage.output_tokens) == ("Hello.", "stop", 2)
    assert not fake.bodies("/chat/completions")[-1].keys() & {"stream", "stream_options"}
    fake.replies = [{"content": None, "tool_calls": [
        {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]}]  # fmt: skip
    assert (await openai.chat(ASK)).parts == (ToolCall("call_a", "weather", "{}"),)


async def test_a_list_comes_out_of_the_object_that_openai_wants(openai: OpenAI, fake: FakeOpenAI) -> None:
    row = {"type": "object", "properties": {"cnpj": {"type": "string"}}, "required": ["cnpj"], "additionalProperties": False}
    fake.answers = ['{"answer": [{"cnpj": "12"}, {"cnpj": "34"}]}', '{"answer":[]}']
    asked = replace(ASK, schema={"type": "array", "items": row})
    assert json.loads((await openai.chat(asked)).text) == [{"cnpj": "12"}, {"cnpj": "34"}]
    async with aclosing(openai.stream(asked)) as deltas:
        assert "".join([delta.text async for delta in deltas]) == "[]"
    assert fake.bodies("/chat/completions")[0]["response_format"]["json_schema"]["strict"] is True


async def test_usage_that_never_comes_does_not_hold_the_answer_back(fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.openai_shaped._AFTER_THE_END", 0.05)
    host = Vllm(base_url=f"{fake.url}/v1", api_key="k")
    fake.fail("hang_at_the_end")
    fake.answers = ["Hello."]
    async with asyncio.timeout(5):
        reply = await host.chat(ASK)
    assert (reply.text, reply.finish_reason) == ("Hello.", "stop")
    await host.close()


async def test_an_answer_without_its_end_is_none_though_it_says_done(openai: OpenAI, fake: FakeOpenAI) -> None:
    fake.replies = [{"content": "Hel", "finish_reason": None}]
    with pytest.raises(ProviderError, match="ended before it was complete"):
        await openai.chat(ASK)


async def test_connections_serve_again(openai: OpenAI, fake: FakeOpenAI) -> None:
    for _ in range(5):
        await openai.chat(ASK)
        await openai.embed("text-embedding-3-small", ["a"])
    assert len({received.peer for received in fake.requests}) == 1


async def test_vectors_have_the_size_that_was_wanted(openai: OpenAI, fake: FakeOpenAI) -> None:
    found = await openai.embed("text-embedding-3-small", ["one", "two"], dimensions=3)
    assert [len(vector) for vector in found.vectors] == [3, 3] and found.usage == Usage(2)
    assert fake.bodies("/embeddings")[0]["encoding_format"] == "base64"


async def test_a_host_that_has_no_list_has_the_names_that_were_given(fake: FakeOpenAI) -> None:
    host = Compatible(base_url=fake.url, models=("a", "b"))
    assert [(info.name, info.provider) for info in await host.list_models()] == [("a", "compatible"), ("b", "compatible")]
    assert not fake.requests
    await host.close()


async def test_a_missing_key_is_told_with_its_setting() -> None:
    for host in (OpenAI(base_url="http://127.0.0.1:1"),):
        with pytest.raises(ProviderAuthFailed) as caught:
            await host.chat(ASK)
        assert "OPENAI_API_KEY" in caught.value.hint
        await host.close()


# ---- forwarding ----------------------------------------------------------------------------------------------------

BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"stream":true,"x-unknown" : 1}'


async def test_a_body_goes_as_it_is_and_the_answer_comes_as_it_is(openai: OpenAI, fake: FakeOpenAI) -> None:
    fake.strict = False
    async with openai.forward("/chat/completions", BODY, stream=True) as response:
        told = await response.read()
    assert fake.requests[0].raw == BODY and fake.requests[0].headers["authorization"] == "Bearer key"
    assert fake.requests[0].headers["content-type"] == "application/json"
    assert told.startswith(b'data: {"id":"chatcmpl-fake"') and told.endswith(b"data: [DONE]\n\n")
    async with openai.forward(
        "/embeddings", b'{"model":"text-embedding-3-small","input":"a"}', stream=False, api_key="other"
    ) as got:
        assert json.loads(await got.read())["object"] == "list"
    assert fake.requests[1].headers["authorization"] == "Bearer other"


async def test_what_is_no_200_is_typed(openai: OpenAI, fake: FakeOpenAI) -> None:
    fake.fail("refuse", status=429, retry_after="3")
    with pytest.raises(ProviderRateLimited) as caught:
        async with openai.forward("/chat/completions", BODY.replace(b',"x-unknown" : 1', b""), stream=True):
            raise AssertionError
    assert caught.value.retry_after == 3
    with pytest.raises(ModelNotInstalled):
        async with openai.forward("/chat/completions", b'{"model":"no"}', stream=False):
            raise AssertionError


async def test_failures_while_reading_are_typed_and_leaving_hangs_up(fake: FakeOpenAI) -> None:
    host: OpenAIShaped = OpenAI(base_url=f"{fake.url}/v1", api_key="k", patience=Patience(between=0.05))
    fake.strict = False
    fake.fail("hang_stream")
    with pytest.raises(ProviderTimeout):
        async with host.forward("/chat/completions", BODY, stream=True) as response:
            await response.read()
    async with asyncio.timeout(1):
        await fake.hung_up.wait()
    fake.hung_up.clear()
    async with host.forward("/chat/completions", BODY, stream=True) as response:
        await response.chunk()
    async with asyncio.timeout(1):
        await fake.hung_up.wait()
    await host.close()
