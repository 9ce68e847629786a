"""OpenAI's own client against its front, over a provider that speaks its dialect."""

import base64
from contextlib import asynccontextmanager

import openai
import pytest
from openai import AsyncOpenAI

from api.openai import routes
from core.http import HttpClient
from providers.compatible import OpenAI
from tests.fakes.openai import FakeOpenAI
from tests.unit.api.fronting import KEY, front

MESSAGES = [{"role": "user", "content": "Say something."}]
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}}}
    for name in ("look", "listen")
]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer", "strict": True,
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False},
    },
}  # fmt: skip
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()


@asynccontextmanager
async def client(key: str = KEY):
    """(client, fake, server)"""
    async with FakeOpenAI() as fake:
        provider = OpenAI(HttpClient(), base_url=f"{fake.url}/v1", api_key="sk-of-the-operator")
        async with (
            front(provider, rules=routes.rules()) as server,
            AsyncOpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=key, max_retries=0) as sdk,
        ):
            yield sdk, fake, server


async def test_chat():
    async with client() as (sdk, fake, server):
        fake.answers = ["Olá."]
        reply = await sdk.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES)
    told = reply.parse()
    assert told.choices[0].message.content == "Olá." and told.usage.completion_tokens
    assert reply.headers["x-myelin-provider"] == "openai" and fake.requests[-1].headers["authorization"].endswith("operator")
    assert server.rows[0]["usage"].input_tokens == told.usage.prompt_tokens


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
async def test_stream(options):
    async with client() as (sdk, fake, server):
        fake.answers = ["Olá, mundo inteiro."]
        stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True, **options)
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Olá, mundo inteiro."
    assert len({chunk.id for chunk in chunks}) == 1 and bool(chunks[-1].usage) is bool(options)
    assert server.rows[0]["usage"].output_tokens > 0 and server.rows[0]["outcome"] == "ok"


@pytest.mark.parametrize("stream", [False, True])
async def test_two_tools_at_once(stream):
    async with client() as (sdk, _, server):
        reply = await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, tools=TOOLS, stream=stream)
        if stream:
            pieces = [call async for chunk in reply for choice in chunk.choices for call in choice.delta.tool_calls or []]
            names = {piece.index: piece.function.name for piece in pieces if piece.function.name}
        else:
            names = dict(enumerate(call.function.name for call in reply.choices[0].message.tool_calls))
    assert names == {0: "look", 1: "listen"} and server.rows[0]["finish_reason"] == "tool_calls"


async def test_schema_and_vision():
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    content = [{"type": "text", "text": "What is it?"}, picture]
    async with client() as (sdk, fake, _):
        fake.answers = ['{"a": 1}']
        reply = await sdk.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": content}], response_format=SCHEMA
        )
    assert reply.choices[0].message.content == '{"a": 1}' and fake.requests[-1].body["messages"][0]["content"][1] == picture


async def test_embeddings_as_the_client_asks_for_them():
    async with client() as (sdk, _, server):
        reply = await sdk.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert len(reply.data) == 2 and isinstance(reply.data[0].embedding[0], float)
    assert server.rows[0]["usage"].input_tokens == reply.usage.prompt_tokens and server.rows[0]["usage"].output_tokens == 0


async def test_errors_have_their_classes():
    async with client() as (sdk, fake, _):
        fake.fail("refuse", status=429, retry_after="7")
        with pytest.raises(openai.InternalServerError) as refused:
            await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
        assert refused.value.response.headers["x-should-retry"] == "false" and refused.value.response.headers["retry-after"]
        fake.heal()
        with pytest.raises(openai.BadRequestError) as wrong:
            await sdk.chat.completions.create(model="", messages=MESSAGES)
        assert wrong.value.param == "model"
    async with client("pbpm-not-a-key-0123456789") as (sdk, _, _):
        with pytest.raises(openai.AuthenticationError):
            await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)


async def test_an_error_inside_a_stream_is_an_exception():
    async with client() as (sdk, fake, server):
        fake.answers = ["Olá, mundo inteiro, e tudo o que há nele."]
        fake.fail("cut")
        stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError):
            [chunk async for chunk in stream]
    assert server.rows[0]["outcome"] == "error"
