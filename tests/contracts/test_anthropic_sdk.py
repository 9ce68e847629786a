"""The fake Anthropic is true: Anthropic's own SDK understands what it says, and refuses nothing that our adapter sends to it."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import orjson
import pytest

from core.errors import ProviderAuthFailed, ProviderRefused
from providers.anthropic import Anthropic
from tests.fakes.anthropic import FakeAnthropic

pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")  # the SDK knows which models will end
MODEL = "claude-sonnet-4-5"
ASKED: Any = [{"role": "user", "content": "<document>City: Olinda</document> Call weather and clock."}]
WEATHER: Any = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK: Any = {"name": "clock", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
async def fake() -> AsyncIterator[FakeAnthropic]:
    async with FakeAnthropic() as server:
        yield server


@pytest.fixture
async def sdk(fake: FakeAnthropic) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=fake.url, api_key="sk-ant-test", max_retries=0) as client:
        yield client


async def test_an_answer_and_its_tokens(sdk: anthropic.AsyncAnthropic, fake: FakeAnthropic) -> None:
    fake.answers, fake.cached, fake.stored, fake.reasoning = ["Hello."], 7, 3, 5
    reply = await sdk.messages.create(model=MODEL, max_tokens=50, messages=ASKED)
    assert (reply.content[0].text, reply.stop_reason, reply.type, reply.role) == ("Hello.", "end_turn", "message", "assistant")
    assert (reply.usage.cache_read_input_tokens, reply.usage.cache_creation_input_tokens) == (7, 3)
    assert reply.usage.output_tokens_details.thinking_tokens == 5 and reply.usage.input_tokens > 5


async def test_thoughts_and_parallel_tools_streamed_and_answered(sdk: anthropic.AsyncAnthropic, fake: FakeAnthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    more: Any = {"model": MODEL, "max_tokens": 2000, "tools": [WEATHER, CLOCK], "thinking": thinking}
    async with sdk.messages.stream(messages=ASKED, **more) as stream:
        kinds = [event.type async for event in stream]
        message = await stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop" and "signature" in kinds and "input_json" in kinds
    assert [block.type for block in message.content] == ["thinking", "tool_use", "tool_use"]
    assert [(block.name, block.input) for block in message.content[1:]] == [("weather", {"city": "Olinda"}), ("clock", {})]
    assert message.stop_reason == "tool_use" and message.usage.output_tokens > 2
    results: Any = [{"type": "tool_result", "tool_use_id": block.id, "content": "21"} for block in message.content[1:]]
    fake.answers = ["21 °C."]
    history: Any = [*ASKED, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    reply = await sdk.messages.create(messages=history, **more)
    assert reply.content[-1].text == "21 °C."


async def test_the_form_of_an_answer_and_its_ends(sdk: anthropic.AsyncAnthropic, fake: FakeAnthropic) -> None:
    form: Any = {"format": {"type": "json_schema", "schema": WEATHER["input_schema"] | {"additionalProperties": False}}}
    reply = await sdk.messages.create(
        model=MODEL,
        max_tokens=50,
        messages=[{"role": "user", "content": "<document>City: Olinda</document>"}],
        output_config=form,
    )
    assert orjson.loads(reply.content[0].text) == {"city": "Olinda"}
    fake.answers = ["word " * 9, "one, two"]
    reply = await sdk.messages.create(model=MODEL, max_tokens=3, messages=ASKED)
    assert (reply.stop_reason, reply.content[0].text) == ("max_tokens", "word " * 3)
    reply = await sdk.messages.create(model=MODEL, max_tokens=30, messages=ASKED, stop_sequences=[", t"])
    assert (reply.stop_reason, reply.stop_sequence, reply.content[0].text) == ("stop_sequence", ", t", "one")


async def test_tokens_are_counted_and_models_listed(sdk: anthropic.AsyncAnthropic) -> None:
    assert (await sdk.messages.count_tokens(model=MODEL, messages=ASKED)).input_tokens > 5
    listed = {model.id: model async for model in sdk.models.list()}
    assert listed[MODEL].max_input_tokens == 200_000 and listed[MODEL].capabilities.image_input.supported


def turn(*blocks: Any, role: str = "user") -> Any:
    return {"role": role, "content": list(blocks)}


USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
PNG = {"type": "base64", "media_type": "image/bmp", "data": base64.b64encode(b"BM").decode()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "claude-3-haiku-20240307", "max_tokens": 5000}, "maximum allowed"),
        ({"messages": []}, "at least one"),
        ({"messages": [{"role": "system", "content": "x"}]}, "system"),
        ({"messages": [turn({"type": "text", "text": " "})]}, "non-whitespace"),
        ({"messages": [turn({"type": "thinking", "thinking": "x", "signature": "y"}, role="assistant")]}, "signature"),
        ({"messages": [*ASKED, turn(USE, role="assistant"), *ASKED], "tools": [WEATHER]}, "tool_result"),
        ({"messages": [*ASKED, turn(USE, role="assistant")]}, "must define tools"),
        ({"messages": [turn({"type": "image", "source": PNG})]}, "media_type"),
        ({"messages": [turn({"type": "image", "source": {"type": "url", "url": "http://a.example/b.png"}})]}, "HTTPS"),
        ({"messages": [*ASKED, turn({"type": "text", "text": "So "}, role="assistant")]}, "trailing whitespace"),
        ({"temperature": 0.1, "top_p": 0.5}, "cannot both"),
        ({"model": "claude-opus-4-7", "temperature": 0.1}, "deprecated"),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1024}, "greater than"),
        ({"thinking": {"type": "adaptive"}}, "adaptive"),
        ({"model": "claude-opus-4-7", "thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking.type.enabled"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 0}, "set to 1"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": [CLOCK], "tool_choice": {"type": "any"}}, "forces"),
        ({"output_config": {"effort": "low"}}, "effort"),
        ({"output_config": {"format": {"type": "json_schema", "schema": WEATHER["input_schema"]}}}, "additionalProperties"),
        ({"extra_body": {"seed": 1}}, "seed"),
    ],
)  # fmt: skip
async def test_what_anthropic_refuses_is_refused(sdk: anthropic.AsyncAnthropic, changes: dict[str, Any], words: str) -> None:
    """What the SDK has no argument for (any longer) goes beside them."""
    sampling = {name: changes[name] for name in ("temperature", "top_p", "top_k") if name in changes}
    named = {"model": MODEL, "max_tokens": 2000, "messages": ASKED} | {
        name: value for name, value in changes.items() if name not in sampling
    }
    with pytest.raises(anthropic.BadRequestError, match=words):
        await sdk.messages.create(**{"extra_body": sampling} | named)


async def test_faults_are_the_sdks_errors(sdk: anthropic.AsyncAnthropic, fake: FakeAnthropic) -> None:
    fake.fail("refuse", status=529, retry_after="3", times=1)
    with pytest.raises(anthropic.APIStatusError) as caught:
        await sdk.messages.create(model=MODEL, max_tokens=9, messages=ASKED)
    assert caught.value.status_code == 529 and caught.value.response.headers["retry-after"] == "3"
    fake.fail("error_in_stream", times=1)
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        async with sdk.messages.stream(model=MODEL, max_tokens=9, messages=ASKED) as stream:
            await stream.get_final_message()
    with pytest.raises(anthropic.NotFoundError):
        await sdk.messages.create(model="no", max_tokens=9, messages=ASKED)


async def test_bodies_are_forwarded_as_they_are(fake: FakeAnthropic) -> None:
    """Both the answer and its stream come back byte by byte; the key is ours, never the client's."""
    provider = Anthropic(base_url=f"{fake.url}/v1", api_key="sk-ant-ours")
    fake.answers = ["Hello.", "Hello."]
    body = orjson.dumps({"model": MODEL, "max_tokens": 9, "messages": ASKED, "stream": True})
    async with provider.forward("/messages", body, stream=True) as response:
        said = await response.read()
    assert said.startswith(b"event: message_start\n") and said.endswith(b'data: {"type":"message_stop"}\n\n')
    assert fake.requests[-1].raw == body and fake.requests[-1].headers["x-api-key"] == "sk-ant-ours"
    counted = orjson.dumps({"model": MODEL, "messages": ASKED})
    async with provider.forward("/messages/count_tokens", counted, stream=False, api_key="sk-ant-theirs") as response:
        assert orjson.loads(await response.read())["input_tokens"] > 5
    assert fake.requests[-1].headers["x-api-key"] == "sk-ant-theirs"
    with pytest.raises(ProviderRefused, match="Field required"):
        async with provider.forward("/messages", counted, stream=False):
            pass
    await provider.close()
    with pytest.raises(ProviderAuthFailed):
        async with Anthropic(base_url=fake.url).forward("/messages", body, stream=False):
            pass
