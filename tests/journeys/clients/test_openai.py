"""OpenAI's own client over every provider: what its examples show works, whoever answers."""

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest
from openai import APIError, BadRequestError, OpenAI
from pydantic import BaseModel

from tests.journeys.clients.hosts import ASKED, DOCUMENT, LONG, PIXEL, THOUGHTS, TOOLS, saw
from tests.journeys.server import KEY


class City(BaseModel):
    cidade: str


CHAT_TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in TOOLS.items()
]
FLAT_TOOLS = [{"type": "function", "strict": False, **tool["function"]} for tool in CHAT_TOOLS]
HELLO = [{"role": "developer", "content": "Be short."}, {"role": "user", "content": "Say hello."}]


@pytest.fixture
def sdk(server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
def model(host) -> str:
    return f"{host.name}/{host.chats}"


def test_a_chat(sdk, fake, model):
    fake.answers = ["Olá, mundo."]
    answer = sdk.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    assert answer.headers["x-myelin-provider"] == model.split("/")[0] and answer.headers["x-request-id"]
    reply = answer.parse()
    (choice,) = reply.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "Olá, mundo.", "stop")
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


@pytest.mark.parametrize("told", [True, False])
def test_a_stream(sdk, fake, model, told):
    fake.answers = [LONG]
    options = {"stream_options": {"include_usage": True}} if told else {}
    chunks = list(sdk.chat.completions.create(model=model, messages=HELLO, stream=True, **options))
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == LONG and len([text for text in texts if text]) > 1
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == "stop" and set(reasons[:-1]) == {None}
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usages) == told and all(usage.completion_tokens for usage in usages)
    assert len({chunk.id for chunk in chunks if chunk.id}) == 1  # Azure's first chunk has none


@pytest.mark.parametrize("streams", [True, False])
def test_two_tools_at_once_and_what_they_told(sdk, model, fake, streams):
    history = [{"role": "user", "content": ASKED}]
    asked = {"model": model, "messages": history, "tools": CHAT_TOOLS}
    if streams:
        with sdk.chat.completions.stream(**asked) as stream:
            for _ in stream:
                pass
            choice = stream.get_final_completion().choices[0]
    else:
        choice = sdk.chat.completions.create(**asked).choices[0]
    first, second = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and (first.function.name, second.function.name) == ("weather", "clock")
    assert json.loads(first.function.arguments) == {"cidade": "Olinda"} and first.id != second.id
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in (first, second)
    ]
    history += [
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": first.id, "content": "sunny"},
        {"role": "tool", "tool_call_id": second.id, "content": "noon"},
    ]
    told = sdk.chat.completions.create(**asked).choices[0]
    assert told.finish_reason == "stop" and "sunny" in told.message.content and "noon" in told.message.content


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_in_a_schema(sdk, fake, model, streams):
    asked = {"model": model, "messages": [{"role": "user", "content": DOCUMENT}], "response_format": City}
    if streams:
        with sdk.chat.completions.stream(**asked) as stream:
            told = stream.get_final_completion()
    else:
        told = sdk.chat.completions.parse(**asked)
    assert told.choices[0].message.parsed == City(cidade="Olinda")


@pytest.mark.parametrize("streams", [True, False])
def test_thoughts(sdk, fake, host, model, streams):
    """Told in the words of most hosts; OpenAI itself tells none."""
    asked = {"model": model, "messages": [{"role": "user", "content": DOCUMENT}], "reasoning_effort": "high"}
    if streams:
        said = [chunk.choices[0].delta for chunk in sdk.chat.completions.create(**asked, stream=True) if chunk.choices]
    else:
        said = [sdk.chat.completions.create(**asked).choices[0].message]
    thoughts = "".join(getattr(one, "reasoning_content", None) or "" for one in said)
    assert thoughts == (THOUGHTS if host.tells_thoughts else "") and "".join(one.content or "" for one in said)


def test_a_picture(sdk, fake, model):
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]
    assert sdk.chat.completions.create(model=model, messages=asked).choices[0].finish_reason == "stop"
    assert saw(fake, PIXEL)


def test_an_answer_that_reached_its_limit(sdk, fake, model):
    fake.answers = ["word " * 1000] * 2
    assert sdk.chat.completions.create(model=model, messages=HELLO, max_tokens=5).choices[0].finish_reason == "length"
    chunks = list(sdk.chat.completions.create(model=model, messages=HELLO, max_completion_tokens=5, stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"


def test_an_older_completion(sdk, fake, model):
    fake.answers = ["Olá, mundo."] * 2
    whole = sdk.completions.create(model=model, prompt="Say hello.")
    assert whole.choices[0].text == "Olá, mundo." and whole.object == "text_completion"
    pieces = list(sdk.completions.create(model=model, prompt="Say hello.", stream=True))
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == "Olá, mundo."


def test_a_response(sdk, fake, model):
    fake.answers = ["Olá, mundo."] * 2
    whole = sdk.responses.create(model=model, instructions="Be short.", input="Say hello.", store=False)
    assert whole.output_text == "Olá, mundo." and whole.status == "completed" and whole.usage.output_tokens
    with sdk.responses.stream(model=model, input="Say hello.", store=False) as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_text == "Olá, mundo."
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"


def test_a_response_that_calls_tools(sdk, fake, model):
    whole = sdk.responses.create(model=model, input=ASKED, tools=FLAT_TOOLS, store=False)
    calls = [item for item in whole.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather", "clock"] and json.loads(calls[0].arguments) == {"cidade": "Olinda"}
    history = [{"role": "user", "content": ASKED}]
    history += [call.model_dump(include={"type", "call_id", "name", "arguments"}) for call in calls]
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": f"{call.name} told"} for call in calls]
    told = sdk.responses.create(model=model, input=history, tools=FLAT_TOOLS, store=False)
    assert "weather told" in told.output_text and "clock told" in told.output_text


def test_a_response_in_a_schema(sdk, fake, model):
    assert sdk.responses.parse(model=model, input=DOCUMENT, text_format=City, store=False).output_parsed == City(cidade="Olinda")


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(sdk, embedder, encoding):
    """Unasked the client wants base64 and unpacks it."""
    model = f"{embedder.name}/{embedder.embeds}"
    told = sdk.embeddings.create(model=model, input=["one", "two"], encoding_format=encoding)
    first, second = (one.embedding for one in told.data)
    if encoding == "base64":
        first, second = b64decode(first), b64decode(second)
    assert len(first) == len(second) > 0 and first != second and told.usage.prompt_tokens
    assert sdk.embeddings.create(model=model, input="one").data[0].embedding


def test_a_response_tells_its_thoughts(sdk, fake, host, model):
    asked = {"model": model, "input": DOCUMENT, "reasoning": {"effort": "high", "summary": "auto"}, "store": False}
    whole = sdk.responses.create(**asked)
    with sdk.responses.stream(**asked) as stream:
        for told in (whole, stream.until_done().get_final_response()):
            thoughts = [part.text for item in told.output if item.type == "reasoning" for part in item.summary]
            assert thoughts == ([THOUGHTS] if host.tells_thoughts else []) and told.output[-1].type == "message"


def test_what_makes_no_embeddings_is_said_so_with_others_that_do(sdk, model):
    with pytest.raises(BadRequestError, match="Some that make embeddings: .*embed") as raised:
        sdk.embeddings.create(model=model, input="one")
    assert (raised.value.type, raised.value.param) == ("invalid_request_error", "model")


def test_what_only_embeds_is_said_so_with_others_that_chat(sdk, street, embedder):
    street.fakes[embedder.name].requests.clear()
    for streams in (True, False):
        with pytest.raises(BadRequestError, match="does not chat, it makes embeddings. Some that chat: ") as raised:
            sdk.chat.completions.create(model=f"{embedder.name}/{embedder.embeds}", messages=HELLO, stream=streams)
    assert raised.value.param == "model" and not street.fakes[embedder.name].requests


@pytest.mark.parametrize("streams", [True, False])
def test_what_a_provider_refuses_is_a_bad_request(sdk, fake, model, streams):
    fake.fail("refuse", status=400, message="no such thing")
    with pytest.raises(BadRequestError) as raised:
        sdk.chat.completions.create(model=model, messages=HELLO, stream=streams)
    assert raised.value.code == "provider_refused" and "no such thing" in raised.value.body["message"]


def test_an_error_inside_a_stream_is_raised(sdk, fake, model):
    fake.answers = [LONG]
    fake.fail("error_in_stream")
    with pytest.raises(APIError):
        list(sdk.chat.completions.create(model=model, messages=HELLO, stream=True))


def test_a_stream_without_its_end_is_an_error(sdk, fake, model):
    fake.answers = [LONG]
    fake.fail("cut")
    with pytest.raises(APIError):
        list(sdk.chat.completions.create(model=model, messages=HELLO, stream=True))
