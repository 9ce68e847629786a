"""Each thing that can be said, in our words and in Ollama's, both ways."""

from typing import Any

import pytest

from core.errors import InvalidField, ProviderError
from providers.assembly import Assembly
from providers.ollama_wire import Reading, starts_json, to_wire
from providers.types import (
    ChatDelta,
    ChatRequest,
    Image,
    Message,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    Usage,
)  # fmt: skip

WHERE = {"num_ctx": 8192, "num_gpu": None, "keep_alive": 900, "think": None, "num_predict": 5}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("weather", "Tells the weather.", SCHEMA)
CLOCK = Tool("clock")


def body(*messages: Message, **more: Any) -> dict[str, Any]:
    return to_wire(ChatRequest("m", messages, temperature=None, **more), **WHERE)


def plain(*messages: Message) -> list[dict[str, Any]]:
    return body(*messages)["messages"]


def test_a_turn_with_everything() -> None:
    parts = (
        Thought("hm", "sealed"), Thought("cipher", redacted=True), Text("I "), Text("look."),
        ToolCall("1", "weather", '{"z": 1, "city": "Olinda"}'), ToolCall("2", "clock", ""),
    )  # fmt: skip
    assert plain(Message("assistant", parts)) == [
        {"role": "assistant", "content": "I look.", "thinking": "hm", "tool_calls": [
            {"id": "1", "function": {"index": 0, "name": "weather", "arguments": {"z": 1, "city": "Olinda"}}},
            {"id": "2", "function": {"index": 1, "name": "clock", "arguments": {}}},
        ]},
    ]  # fmt: skip


@pytest.mark.parametrize("written", ['{"city": ', "[1]", "null", "Olinda"])
def test_arguments_that_are_no_object_go_back_as_they_were_written(written: str) -> None:
    (turn,) = plain(Message("assistant", (ToolCall("1", "weather", written),)))
    assert turn["tool_calls"][0]["function"]["arguments"] == {"arguments": written}


def test_each_result_is_a_message_of_its_own() -> None:
    results = (ToolResult("1", "weather", "sun"), ToolResult("2", "", "lost", failed=True, images=(Image(b"GIF8"),)))
    assert plain(Message("tool", (*results, Text("and?")))) == [
        {"role": "tool", "content": "sun", "tool_call_id": "1", "tool_name": "weather"},
        {"role": "tool", "content": "Error: lost", "tool_call_id": "2", "images": ["R0lGOA=="]},
        {"role": "user", "content": "and?"},
    ]
    (failed,) = plain(Message("tool", (ToolResult("1", "clock", "error: lost", failed=True),)))
    assert failed["content"] == "error: lost"


def test_a_picture_that_is_only_an_address_is_refused() -> None:
    with pytest.raises(InvalidField) as caught:
        plain(Message("user", (Image(url="https://a.example/b.png"),)))
    assert "base64" in caught.value.hint


def test_halves_of_characters_do_not_stop_a_question() -> None:
    assert plain(Message.of("user", "\ud83d\ude00 \ud83d"))[0]["content"] == "😀 \ufffd"


def test_tools() -> None:
    assert body(Message.of("user", "?"), tools=(WEATHER, CLOCK))["tools"] == [
        {"type": "function", "function": {"name": "weather", "description": "Tells the weather.", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
    ]


@pytest.mark.parametrize(
    ("choice", "offered"),
    [
        (ToolChoice(), ["weather", "clock"]),
        (ToolChoice("none"), None),
    ],
)
def test_choices_of_tools(choice: ToolChoice, offered: list[str] | None) -> None:
    sent = body(Message.of("user", "?"), tools=(WEATHER, CLOCK), tool_choice=choice).get("tools")
    assert (sent and [tool["function"]["name"] for tool in sent]) == offered


def test_what_shapes_an_answer_are_options_and_options_of_the_caller_win() -> None:
    said = body(
        Message.of("user", "?"), schema={}, top_p=0.5, top_k=3, stop=("a", "b"), seed=7, presence_penalty=0.1,
        frequency_penalty=0.2, options={"num_ctx": 5, "min_p": 0.1, "top_p": 0.9, "think": True, "stop": None},
    )  # fmt: skip
    assert said["format"] == "json"
    assert said["options"] == {
        "min_p": 0.1, "top_p": 0.9, "top_k": 3, "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2,
        "stop": ["a", "b"], "num_ctx": 8192, "num_predict": 5,
    }  # fmt: skip


def read(*lines: dict[str, Any]) -> list[ChatDelta]:
    reading = Reading("v", "m")
    return [reading.delta(line) for line in lines]


def said(**message: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": "", **message}, "done": False}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {**more, "function": {"index": 0, "name": name, "arguments": {"b": 1, "a": "ç"}}}


def test_an_answer_comes_back_as_it_was_said() -> None:
    deltas = read(
        said(thinking="hm"),
        said(content="I look."),
        said(tool_calls=[call("weather"), call("clock", id="own")]),
        said(tool_calls=[call("clock", id="own"), call("clock", id="")]),
        {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 9},
    )
    arguments = '{"b":1,"a":"ç"}'
    assert deltas[2].tool_calls == (
        ToolCallDelta(0, "call_m0", "weather", arguments), ToolCallDelta(1, "own", "clock", arguments),
    )  # fmt: skip
    assert deltas[-1] == ChatDelta(finish_reason="tool_calls", usage=Usage(7, 9), model_version="v")
    assembly = Assembly()
    for delta in deltas:
        assembly.add(delta)
    parts: tuple[Part, ...] = assembly.parts()
    assert [part.id for part in parts if isinstance(part, ToolCall)] == ["call_m0", "own", "call_m2", "call_m3"]
    assert parts[:2] == (Thought("hm"), Text("I look."))


def test_calls_in_the_last_line_count_too_and_a_limit_stays_one() -> None:
    (last,) = read({**said(tool_calls=[call("clock")]), "done": True})
    assert last.finish_reason == "tool_calls" and last.tool_calls[0].name == "clock"
    assert read(said(tool_calls=[call("clock")]), {"done": True, "done_reason": "length"})[-1].finish_reason == "length"


def test_ids_of_ours_differ_from_answer_to_answer() -> None:
    line = said(tool_calls=[call("clock")])
    assert Reading(None).delta(line).tool_calls[0].id != Reading(None).delta(line).tool_calls[0].id


@pytest.mark.parametrize("broken", [7, {}, {"function": 1}, {"function": {}}, {"function": {"name": ""}}])
def test_a_call_without_a_name_is_an_error(broken: Any) -> None:
    with pytest.raises(ProviderError, match="no name"):
        read(said(tool_calls=[broken]))


@pytest.mark.parametrize(("arguments", "text"), [(None, "{}"), ([1], "{}"), ("", "{}"), ('{"a":1}', '{"a":1}')])
def test_arguments_that_are_no_object(arguments: Any, text: str) -> None:
    (delta,) = read(said(tool_calls=[{"function": {"name": "f", "arguments": arguments}}]))
    assert delta.tool_calls[0].arguments == text


@pytest.mark.parametrize("text", ["", " \n", ' {"a"', "[", '"x', "-1", "7", "true", "null", "```json"])
def test_what_can_be_json(text: str) -> None:
    assert starts_json(text)


@pytest.mark.parametrize("text", ["Claro!", " Sure", "<think>", "**"])
def test_what_is_prose(text: str) -> None:
    assert not starts_json(text)
