"""What is special about Gemini: keys that come with requests, an SDK that must not be paid for at the start, pages."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from aiohttp import web

from core.errors import InvalidAnswer, ProviderAuthFailed, ProviderError, ProviderTimeout
from providers.gemini import Gemini
from providers.gemini_client import CappedStream, Caps, TooLarge
from providers.gemini_wire import Reading
from providers.patience import Patience
from providers.types import ChatRequest, Message, Thinking, Tool, ToolCall, ToolResult
from tests.fakes.gemini import SIGNATURE, FakeGemini, model


@pytest.fixture
async def fake() -> AsyncIterator[FakeGemini]:
    async with FakeGemini() as server:
        yield server


@pytest.fixture
async def gemini(fake: FakeGemini) -> AsyncIterator[Gemini]:
    made = Gemini(base_url=fake.url + "/", api_key="of-the-settings")
    yield made
    await made.close()


def ask(key: str | None = None, **changes: object) -> ChatRequest:
    return ChatRequest(
        "gemini-2.5-flash", (Message.of("user", "<document>CPF: 111.444.777-35</document>"),), api_key=key, **changes
    )


def keys(fake: FakeGemini) -> list[str]:
    return [received.headers["x-goog-api-key"] for received in fake.requests]


def test_the_sdk_is_not_imported_until_it_is_needed() -> None:
    code = "import sys; import providers.registry as r; r.build(r.configured({}), None); sys.exit('google.genai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_key_of_the_request_wins_over_that_of_the_settings(gemini: Gemini, fake: FakeGemini) -> None:
    for key in ("one", None, " two\n"):
        await gemini.chat(ask(key))
    await gemini.list_models("three")
    await gemini.embed("gemini-embedding-001", ["x"], api_key="four")
    assert keys(fake) == ["one", "of-the-settings", "two", "three", "four"]


async def test_keys_of_requests_at_the_same_time_do_not_mix(gemini: Gemini, fake: FakeGemini) -> None:
    fake.token_seconds = 0.002
    await asyncio.gather(*(gemini.chat(ask(f"key-{number}", max_tokens=number + 1, room_to_think=True)) for number in range(30)))
    sent = {
        received.headers["x-goog-api-key"]: received.body["generationConfig"]["maxOutputTokens"] for received in fake.requests
    }
    assert sent == {f"key-{number}": 8192 + number + 1 for number in range(30)}


async def test_a_key_is_in_no_url_no_log_and_no_attribute(
    gemini: Gemini, fake: FakeGemini, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await gemini.chat(ask("AIzaCANARY"))
        await gemini.list_models("AIzaCANARY")
    assert "AIzaCANARY" not in caplog.text
    assert all("AIzaCANARY" not in str(received.query) + received.path for received in fake.requests)
    assert "AIzaCANARY" not in repr([vars(gemini), vars(gemini._client), vars(gemini._client._transport)])


@pytest.mark.parametrize("key", ["chave com espaço", "ção", "a\nb"])
async def test_what_cannot_be_a_key_is_not_sent(gemini: Gemini, fake: FakeGemini, key: str) -> None:
    with pytest.raises(ProviderAuthFailed):
        await gemini.chat(ask(key))
    assert fake.requests == []


async def test_without_any_key_the_hint_says_where_to_get_one(fake: FakeGemini) -> None:
    gemini = Gemini(base_url=fake.url, api_key="")
    for call in (gemini.chat(ask()), gemini.list_models(), gemini.embed("m", ["x"])):
        with pytest.raises(ProviderAuthFailed) as caught:
            await call
        assert "Gemini-API-Key" in caught.value.hint and "aistudio.google.com" in caught.value.hint
    assert fake.requests == []
    await gemini.close()


async def test_what_goes_out(gemini: Gemini, fake: FakeGemini) -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {"cpf": {"type": ["string", "null"]}},
        "additionalProperties": False,
    }
    reply = await gemini.chat(ask(schema=schema, max_tokens=100, room_to_think=True))
    assert json.loads(reply.text) == {"cpf": "111.444.777-35"}
    (sent,) = fake.requests
    assert (sent.method, sent.path, sent.query) == (
        "POST",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        {"alt": "sse"},
    )
    assert sent.headers["accept-encoding"] == "identity" and "x-myelin-call" not in sent.headers
    assert sent.body == {
        "contents": [{"role": "user", "parts": [{"text": "<document>CPF: 111.444.777-35</document>"}]}],
        "generationConfig": {
            "temperature": 0.0,
            "maxOutputTokens": 8292,
            "responseMimeType": "application/json",
            "responseJsonSchema": {name: value for name, value in schema.items() if name != "$schema"},
        },
    }


async def test_thoughts_are_counted_as_output(gemini: Gemini, fake: FakeGemini) -> None:
    fake.thought_tokens = 50
    assert (await gemini.chat(ask())).usage.output_tokens > 50


async def test_the_last_thoughts_and_the_cache_are_counted_apart(gemini: Gemini, fake: FakeGemini) -> None:
    fake.thought_tokens, fake.cached_tokens = 50, 4
    usage = (await gemini.chat(ask())).usage
    assert (usage.output_reasoning, usage.cache_read) == (50, 4) and usage.input_tokens == 10 and usage.output_text > 3


@pytest.mark.parametrize("embedder", ["gemini-embedding-001", "gemini-embedding-2"])
async def test_each_text_has_a_vector_however_many_there_are(gemini: Gemini, fake: FakeGemini, embedder: str) -> None:
    fake.models["gemini-embedding-2"] = model("gemini-embedding-2", 2048, 1, ("embedContent",))
    texts = [f"text {number}" for number in range(205)] + ["half \ud800"]
    found = await gemini.embed(embedder, texts, dimensions=4)
    assert len(found.vectors) == 206 and {len(values) for values in found.vectors} == {4}
    assert len({tuple(values) for values in found.vectors}) == 206
    assert [len(body["requests"]) for body in fake.bodies(":batchEmbedContents")] == [100, 100, 6]
    assert found.usage.estimated and found.usage.input_tokens == sum(map(len, texts)) // 4


@pytest.mark.parametrize(
    ("reason", "error"), [("MALFORMED_FUNCTION_CALL", InvalidAnswer), ("UNEXPECTED_TOOL_CALL", InvalidAnswer)]
)
async def test_a_call_that_went_wrong_is_an_error_and_no_answer(
    gemini: Gemini, fake: FakeGemini, reason: str, error: type[ProviderError]
) -> None:
    fake.finish = reason
    with pytest.raises(error, match="cannot be read"):
        await gemini.chat(ask())


async def test_signatures_go_back_as_they_came(gemini: Gemini, fake: FakeGemini) -> None:
    """Through the SDK, whose bytes are base64 of the other alphabet; the fake refuses what it did not sign."""
    fake.calls = [[("clock", {}), ("clock", {})]]
    request = replace(ask(), model="gemini-3.5-flash", tools=(Tool("clock"),), thinking=Thinking("low"))
    said = (await gemini.chat(request)).parts
    assert [getattr(part, "signature", None) for part in said] == [None, SIGNATURE, None]
    results = tuple(Message("tool", (ToolResult(call.id, "clock", "{}"),)) for call in said if isinstance(call, ToolCall))
    again = replace(request, messages=(*request.messages, Message("assistant", said), *results))
    assert (await gemini.chat(again)).finish_reason == "stop"
    signed = [part.get("thoughtSignature") for part in fake.requests[-1].body["contents"][1]["parts"]]
    assert signed == [SIGNATURE.replace("+", "-").replace("/", "_"), None]


async def test_an_unknown_option_of_a_caller_does_not_stop_a_question(gemini: Gemini, fake: FakeGemini) -> None:
    assert (await gemini.chat(ask(options={"num_ctx": 4096, "think": True, "top_k": 3}))).finish_reason == "stop"
    assert fake.requests[0].body["generationConfig"]["topK"] == 3


async def test_a_filtered_answer_says_so(gemini: Gemini, fake: FakeGemini) -> None:
    fake.fail("filtered")
    reply = await gemini.chat(ask())
    assert (reply.text, reply.finish_reason) == ("", "filtered")


async def test_the_sdk_does_not_try_again_by_itself(gemini: Gemini, fake: FakeGemini) -> None:
    fake.fail("refuse", status=503)
    with pytest.raises(ProviderError):
        await gemini.chat(ask())
    assert len(fake.requests) == 1


async def test_all_pages_of_the_list_are_read(gemini: Gemini, fake: FakeGemini) -> None:
    fake.models |= {f"gemini-9.{number}-flash": model(f"gemini-9.{number}-flash") for number in range(40)}
    fake.page_size = 7
    names = [info.name for info in await gemini.list_models()]
    assert len(names) == len(set(names)) == 50 and "imagen-4.0-generate-001" not in names
    assert len(fake.requests) == 8 and fake.requests[-1].query["pageToken"]


async def test_the_list_is_asked_without_the_heavy_sdk(gemini: Gemini) -> None:
    assert await gemini.list_models()
    assert gemini._client._sdk is None


async def test_a_list_without_end_ends(gemini: Gemini, fake: FakeGemini) -> None:
    fake.models |= {f"gemini-9.{number}-flash": model(f"gemini-9.{number}-flash") for number in range(40)}
    fake.page_size = 1
    assert len(await gemini.list_models()) <= 20
    assert len(fake.requests) <= 21


async def test_a_list_that_hangs_has_an_end(fake: FakeGemini) -> None:
    fake.latency = 30
    gemini = Gemini(base_url=fake.url, api_key="k", patience=Patience(listing=0.05))
    with pytest.raises(ProviderTimeout):
        await gemini.list_models()
    await gemini.close()


async def test_connections_serve_again_and_nothing_stays_open(gemini: Gemini, fake: FakeGemini) -> None:
    for number in range(5):
        await gemini.chat(ask(f"key-{number}"))
    pool = gemini._client._transport._inner._pool
    assert len(pool.connections) == 1 and pool.connections[0].is_idle()
    assert gemini._client._transport.bodies == {}


async def test_a_server_that_hangs_after_the_end_does_not_hold_up_the_answer(gemini: Gemini, fake: FakeGemini) -> None:
    fake.fail("hang_at_the_end")
    async with asyncio.timeout(10):
        assert (await gemini.chat(ask())).finish_reason == "stop"


async def test_a_question_given_up_leaves_no_connection(gemini: Gemini, fake: FakeGemini) -> None:
    fake.fail("endless_tokens")
    with pytest.raises(InvalidAnswer):
        await gemini.chat(ask(max_tokens=10))
    async with asyncio.timeout(1):
        await fake.hung_up.wait()
    assert gemini._client._transport.bodies == {} and gemini._client._transport._inner._pool.connections == []


class Chunks(httpx2.AsyncByteStream):
    def __init__(self, *chunks: bytes):
        self.chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


@pytest.mark.parametrize(
    ("chunks", "fits"),
    [
        ([b"x" * 10, b"\n", b"x" * 10], True),
        ([b"x" * 10, b"x"], False),
        ([b"\n" + b"x" * 11], False),
        ([b"x\n" * 15], True),
        ([b"x\n" * 16], False),
    ],
)
async def test_bodies_and_lines_are_capped(chunks: list[bytes], fits: bool) -> None:
    stream = CappedStream(Chunks(*chunks), Caps(body=30, line=10))
    if fits:
        assert [chunk async for chunk in stream] == chunks
    else:
        with pytest.raises(TooLarge):
            [chunk async for chunk in stream]


@pytest.mark.parametrize("bug", [AttributeError, KeyError, TypeError, ValueError])
async def test_a_bug_of_ours_is_not_blamed_on_gemini(gemini: Gemini, monkeypatch: pytest.MonkeyPatch, bug: type) -> None:
    def broken(*_: object) -> None:
        raise bug("ours")

    monkeypatch.setattr(Reading, "deltas", broken)
    with pytest.raises(bug, match="ours"):
        await gemini.chat(ask())


class Nonsense(FakeGemini):
    text = b""

    async def _call(self, _request: web.Request) -> web.Response:
        return web.Response(body=b"data: " + self.text + b"\n\n", content_type="text/event-stream")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"candidates": 7}', b'{"candidates": [{"content": {"parts": [[]]}}]}'])
async def test_what_the_sdk_trips_over_is_geminis_fault(text: bytes) -> None:
    async with Nonsense() as fake:
        fake.text, gemini = text, Gemini(base_url=fake.url, api_key="k")
        with pytest.raises(ProviderError, match="not its protocol"):
            await gemini.chat(ask())
        await gemini.close()
