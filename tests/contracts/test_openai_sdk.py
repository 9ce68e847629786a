"""The fake OpenAI is true: OpenAI's own SDK understands what it says, and refuses nothing that our adapter sends to it."""

import math
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.fakes.azure import VERSION, FakeAzure
from tests.fakes.openai import FakeOpenAI

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Call weather and time. city: Olinda"}]
WEATHER = {"type": "function", "function": {
    "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}}  # fmt: skip
TIME = {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def sdk(fake: FakeOpenAI) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


async def test_an_answer_and_its_tokens(sdk: openai.AsyncOpenAI, fake: FakeOpenAI) -> None:
    fake.answers, fake.cached, fake.reasoning = ["Hello."], 2, 5
    reply = await sdk.chat.completions.create(model="gpt-5-mini", messages=ASKED, max_completion_tokens=50)
    assert (reply.object, reply.choices[0].message.content, reply.choices[0].finish_reason) == (
        "chat.completion",
        "Hello.",
        "stop",
    )
    assert reply.usage.completion_tokens_details.reasoning_tokens == 5 and reply.usage.prompt_tokens_details.cached_tokens == 2
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


async def test_a_stream_has_its_usage_in_a_chunk_without_choices(sdk: openai.AsyncOpenAI, fake: FakeOpenAI) -> None:
    fake.answers = ["Hello there."]
    stream = await sdk.chat.completions.create(
        model="gpt-4o-mini", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert {(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks} == {
        (chunks[0].id, chunks[0].created, "gpt-4o-mini", "chat.completion.chunk")
    }
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello there."
    assert [chunk.usage is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False] and not chunks[-1].choices
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]


async def test_parallel_tools_streamed_and_answered(sdk: openai.AsyncOpenAI, fake: FakeOpenAI) -> None:
    async with sdk.chat.completions.stream(model="gpt-4o-mini", messages=ASKED, tools=[WEATHER, TIME]) as stream:
        async for _ in stream:
            pass
        message = (await stream.get_final_completion()).choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["weather", "time"]
    assert message.tool_calls[0].function.arguments == '{"city": "Olinda"}'
    fake.answers = ["21 °C."]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "21"} for call in message.tool_calls]
    history = [*ASKED, message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}), *results]
    for call in history[1]["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    reply = await sdk.chat.completions.create(model="gpt-4o-mini", messages=history, tools=[WEATHER, TIME])
    assert reply.choices[0].message.content == "21 °C."


async def test_a_refusal_and_a_cut_answer(sdk: openai.AsyncOpenAI, fake: FakeOpenAI) -> None:
    fake.replies = [{"content": None, "refusal": "No."}]
    reply = await sdk.chat.completions.create(model="gpt-4o-mini", messages=ASKED)
    assert (reply.choices[0].message.refusal, reply.choices[0].message.content) == ("No.", None)
    fake.answers = ["word " * 100]
    reply = await sdk.chat.completions.create(model="gpt-4o-mini", messages=ASKED, max_tokens=3)
    assert reply.choices[0].finish_reason == "length" and len(reply.choices[0].message.content) == 15


async def test_vectors_come_as_base64_unless_numbers_are_wanted(sdk: openai.AsyncOpenAI, fake: FakeOpenAI) -> None:
    packed = await sdk.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=4)
    assert fake.bodies("/embeddings")[0]["encoding_format"] == "base64" and packed.usage.prompt_tokens == 2
    plain = await sdk.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=4, encoding_format="float")
    for one, other in zip(packed.data, plain.data, strict=True):
        assert all(math.isclose(left, right, abs_tol=1e-6) for left, right in zip(one.embedding, other.embedding, strict=True))


async def test_models_are_listed(sdk: openai.AsyncOpenAI) -> None:
    assert "gpt-5-mini" in [model.id async for model in sdk.models.list()]


@pytest.mark.parametrize(
    ("changes", "kind", "param"),
    [
        ({"model": "no"}, openai.NotFoundError, None),
        ({"model": "gpt-5-mini", "max_tokens": 3}, openai.BadRequestError, "max_tokens"),
        ({"model": "gpt-5-mini", "temperature": 0}, openai.BadRequestError, "temperature"),
        ({"messages": [{"role": "robot", "content": "x"}]}, openai.BadRequestError, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, openai.BadRequestError, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]}, openai.BadRequestError, "messages[0].role"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"tool_choice": "auto"}, openai.BadRequestError, "tool_choice"),
        ({"extra_body": {"num_ctx": 4096}}, openai.BadRequestError, "num_ctx"),
        ({"stop": ["a", "b", "c", "d", "e"]}, openai.BadRequestError, "stop"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "messages"),
        ({"stream_options": {"include_usage": True}}, openai.BadRequestError, "stream_options"),
    ],
)
async def test_what_openai_refuses_is_refused(
    sdk: openai.AsyncOpenAI, changes: dict, kind: type[openai.APIStatusError], param: str | None
) -> None:
    with pytest.raises(kind) as caught:
        await sdk.chat.completions.create(**{"model": "gpt-4o-mini", "messages": ASKED} | changes)
    assert caught.value.param == param and caught.value.type == "invalid_request_error"


async def test_faults_are_the_sdks_errors(sdk: openai.AsyncOpenAI, fake: FakeOpenAI) -> None:
    fake.fail("refuse", status=429, retry_after="3", times=1)
    with pytest.raises(openai.RateLimitError) as caught:
        await sdk.chat.completions.create(model="gpt-4o-mini", messages=ASKED)
    assert caught.value.response.headers["retry-after"] == "3"
    fake.fail("error_in_stream", times=1)
    with pytest.raises(openai.APIError, match="The server had an error"):
        stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=ASKED, stream=True)
        _ = [chunk async for chunk in stream]


async def test_azure_by_its_deployments() -> None:
    async with FakeAzure() as fake:
        fake.answers = ["Hello."]
        async with openai.AsyncAzureOpenAI(azure_endpoint=fake.url, api_key="k", api_version=VERSION, max_retries=0) as sdk:
            stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=ASKED, stream=True)
            chunks = [chunk async for chunk in stream]
    assert not chunks[0].choices and "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:]) == "Hello."
