"""The fake Bedrock is true: AWS's own botocore signs for it, reads its frames and its lists, and raises what it refuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.fakes.bedrock import LLAMA, OLD, R1, SONNET, TITAN, FakeBedrock
from tests.fakes.bedrock_signatures import ACCESS_KEY, SECRET_KEY

PROFILE = f"us.{SONNET}"
ASKED: Any = [{"role": "user", "content": [{"text": "<document>City: Olinda</document> Call weather and clock."}]}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = {
    "tools": [
        {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}},
        {"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
    ]
}
USE: Any = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "clock", "input": {}}}]}
Ask = Callable[..., Any]


@pytest.fixture
async def fake() -> AsyncIterator[FakeBedrock]:
    async with FakeBedrock() as server:
        yield server


def client(fake: FakeBedrock, service: str = "bedrock-runtime", secret: str = SECRET_KEY) -> Any:
    return botocore.session.Session().create_client(
        service, "us-east-1", endpoint_url=fake.url, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )  # fmt: skip


@pytest.fixture
def ask(fake: FakeBedrock) -> Ask:
    """Off the loop, as botocore blocks; `streamed` gives the events as a list."""

    def told(streamed: bool, **request: Any) -> Any:
        named = {"modelId": PROFILE, "messages": ASKED} | request
        with closing(client(fake)) as made:
            if not streamed:
                return made.converse(**named)
            with closing(made.converse_stream(**named)["stream"]) as events:
                return list(events)

    async def call(*, streamed: bool = False, **request: Any) -> Any:
        return await asyncio.to_thread(told, streamed, **request)

    return call


async def test_an_answer_and_its_tokens(ask: Ask, fake: FakeBedrock) -> None:
    fake.answers, fake.cached, fake.stored = ["Hello."], 7, 3
    reply = await ask()
    assert reply["output"]["message"] == {"role": "assistant", "content": [{"text": "Hello."}]}
    assert reply["stopReason"] == "end_turn" and reply["metrics"]["latencyMs"]
    assert (reply["usage"]["cacheReadInputTokens"], reply["usage"]["cacheWriteInputTokens"]) == (7, 3)


async def test_thoughts_text_and_parallel_tools_stream(ask: Ask, fake: FakeBedrock) -> None:
    more = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
    fake.cipher = "Y2lwaGVy"
    events = await ask(streamed=True, toolConfig=TOOLS, inferenceConfig={"maxTokens": 4000}, **more)
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert deltas[0] == {"reasoningContent": {"redactedContent": b"cipher"}}
    thoughts = "".join(delta.get("reasoningContent", {}).get("text", "") for delta in deltas)
    assert thoughts == fake.thoughts and any("signature" in delta.get("reasoningContent", {}) for delta in deltas)
    starts = [event["contentBlockStart"]["start"]["toolUse"]["name"] for event in events if "contentBlockStart" in event]
    assert starts == ["weather", "clock"]
    assert "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta) == '{"city": "Olinda"}'
    assert next(event for event in events if "messageStop" in event)["messageStop"]["stopReason"] == "tool_use"
    assert events[-1]["metadata"]["usage"]["inputTokens"] > 5


async def test_lists(fake: FakeBedrock) -> None:
    with closing(client(fake, "bedrock")) as made:
        models = await asyncio.to_thread(made.list_foundation_models)
        pages = await asyncio.to_thread(lambda: list(made.get_paginator("list_inference_profiles").paginate()))
    assert OLD in [model["modelId"] for model in models["modelSummaries"]]
    assert PROFILE in [profile["inferenceProfileId"] for page in pages for profile in page["inferenceProfileSummaries"]]


async def test_a_signature_with_another_secret_is_refused(fake: FakeBedrock) -> None:
    with closing(client(fake, secret="another")) as made, pytest.raises(ClientError, match="InvalidSignatureException"):
        await asyncio.to_thread(made.converse, modelId=PROFILE, messages=ASKED)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"modelId": "no.such-model"}, "model identifier is invalid"),
        ({"modelId": SONNET}, "inference profile"),
        ({"modelId": R1, "toolConfig": TOOLS}, "doesn't support tool use"),
        ({"modelId": TITAN, "system": [{"text": "x"}]}, "system messages"),
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "start with a user message"),
        ({"messages": ASKED * 2}, "alternate"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "is blank"),
        ({"messages": [*ASKED, USE, *ASKED], "toolConfig": TOOLS}, "Expected toolResult"),
        ({"messages": [*ASKED, USE]}, "toolConfig field must be defined"),
        ({"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}}, "not supported"),
        ({"additionalModelRequestFields": {"reasoning_effort": "low"}}, "not permitted"),
    ],
)  # fmt: skip
async def test_what_bedrock_refuses_is_refused(ask: Ask, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match="ValidationException") as caught:
        await ask(**request_)
    assert words in str(caught.value)


async def test_who_does_not_stream_with_tools_does_not(ask: Ask) -> None:
    with pytest.raises(ClientError, match="streaming mode"):
        await ask(streamed=True, modelId=LLAMA, toolConfig=TOOLS)
    assert (await ask(modelId=LLAMA, toolConfig=TOOLS))["stopReason"] == "tool_use"


async def test_faults_are_the_sdks_errors(ask: Ask, fake: FakeBedrock) -> None:
    fake.fail("refuse", status=429, times=1)
    with pytest.raises(ClientError, match="ThrottlingException"):
        await ask()
    fake.fail("error_in_stream", times=1)
    with pytest.raises(EventStreamError, match="throttlingException"):
        await ask(streamed=True)
