"""Anthropic's own client over every provider: what its examples show works, whoever answers."""

import json
from collections.abc import Iterator

import pytest
from anthropic import Anthropic, APIStatusError, BadRequestError, NotFoundError
from pydantic import BaseModel

from tests.journeys.clients.hosts import ASKED, DOCUMENT, LONG, PIXEL, THOUGHTS, TOOLS, saw
from tests.journeys.server import KEY

MESSAGE_TOOLS = [{"name": name, "description": told, "input_schema": schema} for name, (told, schema) in TOOLS.items()]
HELLO = [{"role": "user", "content": "Say hello."}]


class City(BaseModel):
    cidade: str


@pytest.fixture
def sdk(server) -> Iterator[Anthropic]:
    with Anthropic(base_url=server.url, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
def model(host) -> str:
    return f"{host.name}/{host.chats}"


def test_a_message(sdk, fake, model):
    fake.answers = ["Olá, mundo."]
    answer = sdk.messages.with_raw_response.create(model=model, max_tokens=100, system="Be short.", messages=HELLO)
    assert answer.headers["x-myelin-provider"] == model.split("/")[0] and answer.headers["request-id"]
    reply = answer.parse()
    *_, block = reply.content  # some models of Ollama's think unasked
    assert (reply.role, block.text, reply.stop_reason) == ("assistant", "Olá, mundo.", "end_turn")
    assert reply.usage.input_tokens and reply.usage.output_tokens


def test_a_stream(sdk, fake, model):
    fake.answers = [LONG]
    with sdk.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert "".join(pieces) == LONG and len(pieces) > 1
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 1


def test_the_events_of_a_stream(sdk, fake, model):
    fake.answers = [LONG]
    kinds = [event.type for event in sdk.messages.create(model=model, max_tokens=100, messages=HELLO, stream=True)]
    told = [kind for kind in kinds if kind != "ping"]
    assert told[:2] == ["message_start", "content_block_start"]
    assert told[-3:] == ["content_block_stop", "message_delta", "message_stop"]


@pytest.mark.parametrize("streams", [True, False])
def test_two_tools_at_once_and_what_they_told(sdk, fake, model, streams):
    asked = {"model": model, "max_tokens": 500, "tools": MESSAGE_TOOLS}
    history = [{"role": "user", "content": ASKED}]
    if streams:
        with sdk.messages.stream(messages=history, **asked) as stream:
            message = stream.get_final_message()
    else:
        message = sdk.messages.create(messages=history, **asked)
    first, second = (block for block in message.content if block.type == "tool_use")
    assert message.stop_reason == "tool_use" and (first.name, second.name) == ("weather", "clock")
    assert first.input == {"cidade": "Olinda"} and second.input == {} and first.id != second.id
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} told"} for call in (first, second)]
    history += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]},
        {"role": "user", "content": results},
    ]
    for block in history[1]["content"]:
        block.pop("caller", None)
    told = sdk.messages.create(messages=history, **asked)
    said = "".join(block.text for block in told.content if block.type == "text")
    assert told.stop_reason == "end_turn" and "weather told" in said and "clock told" in said


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_in_a_schema(sdk, fake, model, streams):
    asked = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": DOCUMENT}], "output_format": City}
    if streams:
        with sdk.messages.stream(**asked) as stream:
            reply = stream.get_final_message()
    else:
        reply = sdk.messages.parse(**asked)
    assert reply.parsed_output == City(cidade="Olinda")


@pytest.mark.parametrize("streams", [True, False])
def test_thoughts_come_and_go_back(sdk, fake, host, model, streams):
    """They go back as they came, with their signatures, and the provider takes them."""
    asked = {"model": model, "max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    history = [{"role": "user", "content": DOCUMENT}]
    if streams:
        with sdk.messages.stream(messages=history, **asked) as stream:
            message = stream.get_final_message()
    else:
        message = sdk.messages.create(messages=history, **asked)
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    assert thoughts == ([THOUGHTS] if host.tells_thoughts else []) and message.content[-1].type == "text"
    blocks = [block.model_dump(exclude_none=True) for block in message.content]
    again = [*history, {"role": "assistant", "content": blocks}, {"role": "user", "content": "And now?"}]
    assert sdk.messages.create(messages=again, **asked).stop_reason == "end_turn"


def test_a_picture(sdk, fake, model):
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    asked = [{"role": "user", "content": [picture, {"type": "text", "text": "What is it?"}]}]
    assert sdk.messages.create(model=model, max_tokens=500, messages=asked).stop_reason == "end_turn"
    assert saw(fake, PIXEL)


def test_an_answer_that_reached_its_limit_and_one_that_met_its_end(sdk, fake, model):
    fake.answers = ["word " * 1000, "one, two, three"]
    assert sdk.messages.create(model=model, max_tokens=5, messages=HELLO).stop_reason == "max_tokens"
    reply = sdk.messages.create(model=model, max_tokens=500, messages=HELLO, stop_sequences=[", three"])
    assert reply.content[-1].text == "one, two" and reply.stop_reason in ("stop_sequence", "end_turn")


@pytest.mark.parametrize("streams", [True, False])
def test_what_a_beta_opens(sdk, fake, host, model, streams):
    """As Claude Code asks. Anthropic itself is told of the beta, without which it refuses the member; for others it is a knob."""
    asked = {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}, "betas": ["context-management-2025-06-27"]}
    answer = sdk.beta.messages.create(model=model, max_tokens=50, messages=HELLO, stream=streams, **asked)
    assert not streams or [event.type for event in answer][-1] == "message_stop"
    told = [received.headers.get("anthropic-beta") for received in fake.requests if received.method == "POST"]
    assert told[-1] == ("context-management-2025-06-27" if host.name == "anthropic" else None)


def test_a_beta_that_is_no_name_is_refused(sdk):
    with pytest.raises(BadRequestError, match="anthropic-beta"):
        sdk.beta.messages.create(model="anthropic/claude-sonnet-4-5", max_tokens=5, messages=HELLO, betas=["a\tb;c"])


def test_tokens_are_counted(sdk, fake, model):
    assert sdk.messages.count_tokens(model=model, messages=HELLO).input_tokens > 0


def test_what_a_provider_refuses_is_a_bad_request(sdk, fake, model):
    fake.fail("refuse", status=400, message="no such thing")
    with pytest.raises(BadRequestError) as raised:
        sdk.messages.create(model=model, max_tokens=5, messages=HELLO)
    error = raised.value.body["error"]
    assert error["type"] == "invalid_request_error" and "no such thing" in error["message"]


def test_an_unknown_model_is_told_in_anthropics_words(sdk):
    with pytest.raises(NotFoundError) as raised:
        sdk.messages.create(model="openai/gpt-4o-minj", max_tokens=5, messages=HELLO)
    assert raised.value.body["type"] == "error" and "gpt-4o-mini" in raised.value.body["error"]["message"]


def test_an_error_inside_a_stream_is_raised(sdk, fake, model):
    fake.answers = [LONG]
    fake.fail("error_in_stream")
    with pytest.raises(APIStatusError), sdk.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream:
        list(stream)


def test_a_stream_without_its_end_is_an_error(sdk, fake, model):
    fake.answers = [LONG]
    fake.fail("cut")
    with pytest.raises(APIStatusError) as raised, sdk.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream:
        list(stream)
    assert json.dumps(raised.value.body)
