from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from core.errors import InvalidField
from providers.compatible import DeepSeek, LlamaCpp, LmStudio, Mistral, OpenAI, OpenRouter, Tgi, Vllm
from providers.openai_habits import Habits, answer_cap
from providers.openai_shaped import OpenAIShaped
from providers.openai_wire import to_wire
from providers.types import (
    ChatRequest,
    Image,
    Message,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)  # fmt: skip
from tests.fakes.openai_checks import check

PNG = b"\x89PNG\r\n"
WEATHER = Tool("weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}}, strict=False)
TIME = Tool("time")
ASKED = Message.of("user", "Weather and time in São Paulo?")
CALLS = Message(
    "assistant",
    (
        Thought("Both, then."), Text("I look."), ToolCall("call_a", "weather", '{"city":"São Paulo"}', signature="s"),
        ToolCall("call_b", "time", "{}"),
    ),
)  # fmt: skip
RESULTS = Message(
    "tool",
    (ToolResult("call_a", "weather", "21 °C", images=(Image(PNG),)), ToolResult("call_b", "time", "no clock", failed=True)),
)


def wire(cls: type[OpenAIShaped] = OpenAI, *messages: Message, dropped: tuple[str, ...] = (), **said: Any) -> dict[str, Any]:
    request = ChatRequest("gpt-4o-mini", messages or (ASKED,), **{"temperature": None} | said)
    return to_wire(request, cls.habits, usage=cls.spec.stream_usage, dropped=dropped)


def test_only_what_was_said_goes_out() -> None:
    assert wire() == {
        "model": "gpt-4o-mini", "messages": [{"role": "user", "content": ASKED.content}],
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_each_setting_has_its_name() -> None:
    said = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": ("END",), "presence_penalty": 1.0,
            "frequency_penalty": 0.5, "top_k": 40, "options": {"user": "u", "num_ctx": 4096, "min_p": 0.1, "metadata": None}}  # fmt: skip
    common = {"temperature": 0.5, "top_p": 0.9, "stop": ["END"], "presence_penalty": 1.0, "frequency_penalty": 0.5}
    sent = wire(**said)
    assert sent.items() >= (common | {"max_completion_tokens": 9, "seed": 7, "user": "u"}).items()
    assert not sent.keys() & {"max_tokens", "top_k", "num_ctx", "min_p", "metadata"}
    assert wire(Vllm, **said).items() >= (common | {"max_tokens": 9, "seed": 7, "top_k": 40, "min_p": 0.1}).items()
    mistral = wire(Mistral, **said)
    assert mistral["random_seed"] == 7 and not mistral.keys() & {"seed", "stream_options", "user"}


def test_pictures_go_as_data_in_their_place_or_by_their_address() -> None:
    shown = Message("user", (Text("a"), Image(PNG), Text("b"), Image(b"\xff\xd8"), Image(url="https://x.example/c.webp")))
    (sent,) = wire(OpenAI, shown)["messages"]
    assert [part["type"] for part in sent["content"]] == ["text", "image_url", "text", "image_url", "image_url"]
    assert [part["image_url"]["url"] for part in sent["content"] if "image_url" in part] == [
        "data:image/png;base64,iVBORw0K", "data:image/jpeg;base64,/9g=", "https://x.example/c.webp",
    ]  # fmt: skip
    with pytest.raises(InvalidField, match="does not fetch pictures"):
        wire(LmStudio, shown)


def test_two_parallel_calls_and_their_results() -> None:
    sent = wire(OpenAI, ASKED, CALLS, RESULTS, Message.of("user", "Thanks"), tools=(WEATHER, TIME))
    check(sent, set())
    _, calls, first, second, picture, last = sent["messages"]
    assert calls == {"role": "assistant", "content": "I look.", "tool_calls": [
        {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"São Paulo"}'}},
        {"id": "call_b", "type": "function", "function": {"name": "time", "arguments": "{}"}},
    ]}  # fmt: skip
    assert first == {"role": "tool", "tool_call_id": "call_a", "content": "21 °C"}
    assert second == {"role": "tool", "tool_call_id": "call_b", "content": "Error: no clock"}
    assert picture["role"] == "user" and picture["content"][0]["type"] == "image_url" and last["content"] == "Thanks"
    assert sent["tools"][0] == {"type": "function", "function": {
        "name": "weather", "parameters": WEATHER.parameters, "description": "Weather of a city", "strict": False,
    }}  # fmt: skip
    assert sent["tools"][1]["function"] == {"name": "time", "parameters": {"type": "object", "properties": {}}}


def test_thoughts_go_back_beside_calls_where_the_host_wants_them() -> None:
    spoken = Message("assistant", (Thought("hm"), Text("Hello")))
    for cls, name in ((DeepSeek, "reasoning_content"), (LlamaCpp, "reasoning_content"), (OpenRouter, "reasoning")):
        sent = wire(cls, ASKED, CALLS, RESULTS if cls.habits.image_urls else ASKED, spoken)["messages"]
        assert sent[1][name] == "Both, then." and sent[-1] == {"role": "assistant", "content": "Hello"}
    assert "reasoning" not in str(wire(OpenAI, ASKED, CALLS, RESULTS))


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), {"tool_choice": "auto"}),
        (ToolChoice("none", parallel=False), {"tool_choice": "none", "parallel_tool_calls": False}),
        (ToolChoice("required"), {"tool_choice": "required"}),
        (ToolChoice("required", "time"), {"tool_choice": {"type": "function", "function": {"name": "time"}}}),
    ],
)
def test_the_choice_of_tools(choice: ToolChoice, sent: dict[str, Any]) -> None:
    body = wire(tools=(WEATHER, TIME), tool_choice=choice)
    check(body, set())
    assert {name: value for name, value in body.items() if name in ("tool_choice", "parallel_tool_calls")} == sent
    assert not wire(tool_choice=choice).keys() & {"tools", "tool_choice", "parallel_tool_calls"}


@pytest.mark.parametrize("cls", [LmStudio, LlamaCpp])
def test_a_tool_that_cannot_be_named_is_the_only_one_offered(cls: type[OpenAIShaped]) -> None:
    body = wire(cls, tools=(WEATHER, TIME), tool_choice=ToolChoice("required", "time"))
    assert body["tool_choice"] == "required" and [tool["function"]["name"] for tool in body["tools"]] == ["time"]


@pytest.mark.parametrize(
    ("cls", "thinking", "sent"),
    [
        (OpenAI, Thinking("high"), {"reasoning_effort": "high"}),
        (OpenAI, Thinking(budget_tokens=500), {"reasoning_effort": "low"}),
        (OpenAI, Thinking(), {}),
        (OpenRouter, Thinking("none"), {"reasoning": {"effort": "none"}}),
        (OpenRouter, Thinking(budget_tokens=2000), {"reasoning": {"max_tokens": 2000}}),
        (DeepSeek, Thinking("none"), {"thinking": {"type": "disabled"}}),
        (DeepSeek, Thinking("max"), {"thinking": {"type": "enabled"}}),
        (Vllm, Thinking("none"), {"chat_template_kwargs": {"enable_thinking": False}}),
        (Vllm, Thinking("minimal"), {
            "chat_template_kwargs": {"enable_thinking": True, "reasoning_effort": "low"}, "reasoning_effort": "low",
        }),
        (Tgi, Thinking("high"), {}),
    ],
)  # fmt: skip
def test_thinking_in_the_words_of_the_host(cls: type[OpenAIShaped], thinking: Thinking, sent: dict[str, Any]) -> None:
    members = {"reasoning_effort", "reasoning", "thinking", "chat_template_kwargs"}
    assert {name: value for name, value in wire(cls, thinking=thinking).items() if name in members} == sent


@pytest.mark.parametrize(
    ("model", "thinking", "cap"),
    [
        ("gpt-4o-mini", None, 100), ("gpt-5-mini", None, 100 + 8192), ("o3", Thinking("high"), 100 + 24_576),
        ("openai/gpt-oss-20b", Thinking(budget_tokens=50), 150), ("gpt-5-mini", Thinking("none"), 100), ("gpt-5-chat-latest", None, 100),
        ("grok-4-fast-non-reasoning", None, 100), ("gpt-4.1", None, 100), ("llama-3.2", None, 100),
    ],
)  # fmt: skip
def test_models_that_think_have_room_for_it_beside_the_answer(model: str, thinking: Thinking | None, cap: int) -> None:
    request = ChatRequest(model, (Message.of("user", "?"),), max_tokens=100, thinking=thinking)
    assert answer_cap(replace(request, room_to_think=True), 100) == cap
    assert answer_cap(request, 100) == 100, "who does not ask for room has said the whole"


def test_what_was_refused_is_left_out_and_a_cap_takes_its_other_name() -> None:
    said = {"max_tokens": 9, "temperature": 0.0, "top_p": 0.5}
    assert not wire(dropped=("temperature", "stream_options"), **said).keys() & {"temperature", "stream_options"}
    sent = wire(dropped=("max_completion_tokens",), **said)
    assert sent["max_tokens"] == 9 and "max_completion_tokens" not in sent
    sent = wire(Vllm, dropped=("max_tokens",), **said)
    assert sent["max_completion_tokens"] == 9 and "max_tokens" not in sent
    assert not wire(dropped=("max_completion_tokens", "max_tokens"), **said).keys() & {"max_tokens", "max_completion_tokens"}
    assert not wire(dropped=("stream",)).keys() & {"stream", "stream_options"}


def test_any_json_is_asked_for_in_words_too() -> None:
    sent = wire(OpenAI, Message.of("system", "Be brief."), ASKED, schema={})
    check(sent, set())
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["messages"][0] == {"role": "system", "content": "Be brief.\n\nAnswer with JSON."} and len(sent["messages"]) == 2
    check(wire(schema={}), set())
    told = Message.of("user", "A json please")
    assert wire(OpenAI, told, schema={})["messages"] == [{"role": "user", "content": "A json please"}]


def test_a_schema_goes_in_the_way_of_the_host() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert wire(Tgi, schema=schema)["response_format"] == {"type": "json_object", "value": schema}
    assert wire(DeepSeek, schema=schema)["response_format"] == {"type": "json_object"}
    sent = wire(Vllm, schema=schema)["response_format"]
    assert sent == {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_any_json_is_any_object_where_a_host_wants_a_schema() -> None:
    assert wire(Tgi, schema={})["response_format"] == {"type": "json_object", "value": {"type": "object"}}
    assert wire(LmStudio, schema={})["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_habits_are_frozen_data() -> None:
    assert Habits().names == {} and isinstance(OpenAI.habits.names, MappingProxyType)
