import json
from typing import Any

import pytest

from core.errors import InvalidAnswer
from providers.ollama_calling import Calling, prepared
from providers.ollama_wire import Reading
from providers.types import ChatDelta, ChatRequest, Message, Tool, ToolCallDelta, ToolChoice, Usage

CITY = {"$schema": "x", "type": "object", "properties": {"city": {"$ref": "#/$defs/name"}}, "$defs": {"name": {"type": "string"}}}
WEATHER, CLOCK = Tool("weather", "Tells the weather.", CITY), Tool("clock")


def ask(choice: ToolChoice | None, *tools: Tool) -> ChatRequest:
    return ChatRequest("m", (Message.of("user", "?"),), tools=tools, tool_choice=choice, stop=("}",))


@pytest.mark.parametrize("choice", [None, ToolChoice(), ToolChoice("none")])
def test_a_call_that_may_come_is_left_to_the_model(choice: ToolChoice | None) -> None:
    request = ask(choice, WEATHER)
    assert prepared(request) == (request, Reading)
    assert prepared(ask(ToolChoice("required"))) == (ask(ToolChoice("required")), Reading)


def form(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    properties = {"name": {"type": "string", "enum": [name]}, "arguments": parameters}
    return {"type": "object", "properties": properties, "required": ["name", "arguments"]}


def test_a_call_that_must_come_is_an_answer_by_a_schema() -> None:
    city = {"type": "object", "properties": {"city": {"$ref": "#/$defs/name"}}}
    defs = {"$defs": {"name": {"type": "string"}}}
    any_tool, kind = prepared(ask(ToolChoice("required"), WEATHER, CLOCK))
    assert kind is Calling and any_tool.tools == () and any_tool.stop == ()
    assert any_tool.schema == {"anyOf": [form("weather", city), form("clock", CLOCK.parameters)]} | defs
    assert "Tells the weather." in any_tool.messages[0].content and any_tool.messages[1].content == "?"
    one, _ = prepared(ask(ToolChoice("required", "weather"), WEATHER, CLOCK))
    assert one.schema == form("weather", city) | defs and "clock" not in one.messages[0].content


def read(*pieces: str, reason: str = "stop") -> list[ChatDelta]:
    reading = Calling("v", "m")
    lines = [{"message": {"content": piece}} for piece in pieces] + [{"done": True, "done_reason": reason}]
    return [reading.given(reading.delta(line)) for line in lines]


def test_the_answer_becomes_the_call() -> None:
    *before, last = read('{"name": "clock", ', '"arguments": {"zone": "ç"}}')
    assert before == [ChatDelta(), ChatDelta()]
    call = ToolCallDelta(0, "call_m0", "clock", json.dumps({"zone": "ç"}, ensure_ascii=False, separators=(",", ":")))
    assert last == ChatDelta("", "", "tool_calls", Usage(estimated=True), "v", (call,))


def test_a_call_that_was_cut_says_so() -> None:
    assert read('{"name": "cl', reason="length")[-1].finish_reason == "length"


@pytest.mark.parametrize("text", ["Claro!", "[]", '{"name": 7}', ""])
def test_what_is_no_call_is_an_error(text: str) -> None:
    with pytest.raises(InvalidAnswer, match="no call"):
        read(text)
