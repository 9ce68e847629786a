"""Ollama's own client over every provider: what its examples show works, whoever answers."""

import json
from collections.abc import Iterator
from functools import partial

import pytest
from ollama import Client, ResponseError

from tests.journeys.clients.hosts import ASKED, CITY, DOCUMENT, HOSTS, LONG, PIXEL, THOUGHTS, TOOLS, saw
from tests.journeys.server import KEY

CHAT_TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in TOOLS.items()
]
HELLO = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Say hello."}]


@pytest.fixture
def sdk(server) -> Iterator[Client]:
    with Client(server.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30) as client:
        yield client


@pytest.fixture
def model(host) -> str:
    return f"{host.name}/{host.chats}"


def test_the_models_of_all_are_listed_and_shown(sdk):
    names = {model.model for model in sdk.list().models}
    assert all({f"{host.name}/{host.chats}", host.chats} & names for host in HOSTS)
    for host in HOSTS:
        assert "completion" in sdk.show(f"{host.name}/{host.chats}").capabilities
    assert sdk.ps().models is not None


def test_a_chat(sdk, fake, model):
    fake.answers = ["Olá, mundo."]
    reply = sdk.chat(model, HELLO)
    assert (reply.message.role, reply.message.content, reply.done, reply.done_reason) == (
        "assistant",
        "Olá, mundo.",
        True,
        "stop",
    )
    assert reply.prompt_eval_count and reply.eval_count and reply.total_duration


def test_a_stream(sdk, fake, model):
    fake.answers = [LONG]
    pieces = list(sdk.chat(model, HELLO, stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == LONG and len(pieces) > 2
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True] and pieces[-1].eval_count


@pytest.mark.parametrize("streams", [True, False])
def test_two_tools_at_once_and_what_they_told(sdk, fake, model, streams):
    history = [{"role": "user", "content": ASKED}]
    replies = sdk.chat(model, history, tools=CHAT_TOOLS, stream=True) if streams else [sdk.chat(model, history, tools=CHAT_TOOLS)]
    calls = [call for reply in replies for call in reply.message.tool_calls or ()]
    assert [(call.function.name, call.function.arguments) for call in calls] == [("weather", {"cidade": "Olinda"}), ("clock", {})]
    history.append({"role": "assistant", "content": "", "tool_calls": [call.model_dump() for call in calls]})
    history += [{"role": "tool", "tool_name": call.function.name, "content": f"{call.function.name} told"} for call in calls]
    told = sdk.chat(model, history, tools=CHAT_TOOLS)
    assert "weather told" in told.message.content and "clock told" in told.message.content


def test_a_text_is_completed(sdk, fake, model):
    fake.answers = [LONG] * 2
    assert sdk.generate(model, "Say hello.", system="Be short.").response == LONG
    pieces = list(sdk.generate(model, "Say hello.", stream=True))
    assert "".join(piece.response for piece in pieces) == LONG and pieces[-1].done


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_in_a_schema(sdk, fake, model, streams):
    told = sdk.chat(model, [{"role": "user", "content": DOCUMENT}], format=CITY, stream=streams)
    said = "".join(piece.message.content or "" for piece in (told if streams else [told]))
    assert json.loads(said) == {"cidade": "Olinda"}


@pytest.mark.parametrize("streams", [True, False])
def test_thoughts(sdk, fake, host, model, streams):
    chat = sdk.chat(model, [{"role": "user", "content": DOCUMENT}], think=True, stream=streams)
    text = sdk.generate(model, DOCUMENT, think=True, stream=streams)
    chatted = [piece.message for piece in (chat if streams else [chat])]
    for told in (chatted, list(text if streams else [text])):
        assert "".join(one.thinking or "" for one in told) == (THOUGHTS if host.tells_thoughts else "")
    assert "".join(one.content or "" for one in chatted)


def test_a_picture(sdk, fake, model):
    reply = sdk.chat(model, [{"role": "user", "content": "What is it?", "images": [PIXEL]}])
    assert reply.done and saw(fake, PIXEL)


def test_an_answer_that_reached_its_limit(sdk, fake, model):
    fake.answers = ["word " * 1000]
    assert sdk.chat(model, HELLO, options={"num_predict": 5}).done_reason == "length"


def test_models_are_loaded_and_let_go_without_a_word(sdk, fake, host, model):
    """What `ollama run` and `ollama stop` ask: nothing but to have the model, or not."""
    assert sdk.generate(model).done_reason == "load"
    assert sdk.chat(model, []).done
    assert sdk.generate(model, keep_alive=0).done_reason == "unload"
    assert sdk.chat(model, [], keep_alive=0).done_reason == "unload"
    if host.name == "ollama":
        assert model not in {one.model for one in sdk.ps().models}


def test_embeddings(sdk, embedder):
    model = f"{embedder.name}/{embedder.embeds}"
    told = sdk.embed(model, ["one", "two"])
    assert len(told.embeddings) == 2 and told.embeddings[0] != told.embeddings[1] and told.prompt_eval_count
    assert sdk.embeddings(model, "one").embedding


def test_what_makes_no_embeddings_is_said_so(sdk, model):
    for ask in (sdk.embed, sdk.embeddings):
        with pytest.raises(ResponseError, match="Some that make embeddings: .*embed") as raised:
            ask(model, "one")
        assert raised.value.status_code == 400


def test_what_only_embeds_is_said_so(sdk, embedder):
    for ask in (partial(sdk.chat, messages=HELLO), partial(sdk.generate, prompt="Hello")):
        with pytest.raises(ResponseError, match="does not chat, it makes embeddings. Some that chat: ") as raised:
            ask(model=f"{embedder.name}/{embedder.embeds}")
        assert raised.value.status_code == 400


def test_what_a_provider_refuses_is_a_bad_request(sdk, fake, model):
    fake.fail("refuse", status=400, message="no such thing")
    with pytest.raises(ResponseError, match="no such thing") as raised:
        sdk.chat(model, HELLO)
    assert raised.value.status_code == 400


def test_an_unknown_model_is_told_with_its_neighbours(sdk):
    with pytest.raises(ResponseError) as raised:
        sdk.chat("openai/gpt-4o-minj", HELLO)
    assert raised.value.status_code == 404 and "gpt-4o-mini" in raised.value.error


@pytest.mark.parametrize("fault", ["error_in_stream", "cut"])
def test_an_error_inside_a_stream_is_raised(sdk, fake, model, fault):
    fake.answers = [LONG]
    fake.fail(fault)
    with pytest.raises(ResponseError):
        list(sdk.chat(model, HELLO, stream=True))
