"""Each thing that can be said to Claude, in Anthropic's words."""

import base64
from typing import Any

import pytest

from providers.anthropic_wire import to_wire
from providers.types import (
    ChatRequest,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)  # fmt: skip

ASKED = Message.of("user", "?")
OLD, ADAPTIVE = "claude-sonnet-4-5", "claude-opus-4-7"
WEATHER = Tool("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
CLOCK = Tool("clock")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def body(*messages: Message, model: str = OLD, refused: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    told = {"temperature": None} | more
    return to_wire(ChatRequest(model, messages or (ASKED,), **told), refused)


def test_a_plain_question() -> None:
    assert body(Message.of("system", "Be brief."), ASKED, Message.of("system", "Be kind."), max_tokens=99, temperature=0.5) == {
        "model": OLD, "system": "Be brief.\n\nBe kind.", "max_tokens": 99, "temperature": 0.5, "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}]}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text("oi"), {"type": "text", "text": "oi"}),
        (Image(b"\xff\xd8x"), {"type": "image", "source": {
            "type": "base64", "media_type": "image/jpeg", "data": base64.b64encode(b"\xff\xd8x").decode()}}),
        (Image(b"?", "image/webp"), {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "Pw=="}}),
        (Image(b"%PDF-1"), {"type": "document", "source": {
            "type": "base64", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF-1").decode()}}),
        (Image(url="https://a.example/b.png"), {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}),
    ],
)  # fmt: skip
def test_parts_of_users(part: Part, block: dict[str, Any]) -> None:
    assert body(Message("user", (part, Text("  "))))["messages"] == [{"role": "user", "content": [block]}]


CALLS = Message(
    "assistant",
    (
        Thought("mine", "sig"), Thought("", "only"), Thought("unsigned"), Thought("cipher", redacted=True), Text("So."),
        ToolCall("call:1", "weather", '{"city": "Olinda"}'), ToolCall("call:2", "clock", ""),
    ),
)  # fmt: skip
RESULTS = (
    Message("tool", (ToolResult("call:1", "weather", "sun"),)),
    Message("tool", (ToolResult("call:2", "clock", "broken", failed=True, images=(Image(b"GIF8"),)),)),
)
GIF = {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lGOA=="}}


def test_two_tools_their_results_and_the_words_after_them_are_one_turn() -> None:
    assert body(ASKED, CALLS, *RESULTS, Message.of("user", "And now?"), tools=(WEATHER, CLOCK))["messages"][1:] == [
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "mine", "signature": "sig"}, {"type": "thinking", "thinking": "", "signature": "only"},
            {"type": "redacted_thinking", "data": "cipher"}, {"type": "text", "text": "So."},
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Olinda"}},
            {"type": "tool_use", "id": "call_2", "name": "clock", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "sun"},
            {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "broken"}, GIF], "is_error": True},
            {"type": "text", "text": "And now?"},
        ]},
    ]  # fmt: skip
    kinds = [block["type"] for block in body(ASKED, CALLS, *RESULTS, refused=("thoughts",))["messages"][1]["content"]]
    assert kinds == ["text", "tool_use", "tool_use"]


def test_tools_that_are_only_called_before_are_named_and_not_called_again() -> None:
    sent = body(ASKED, CALLS, *RESULTS)
    assert sent["tools"] == [
        {"name": name, "input_schema": {"type": "object", "properties": {}}} for name in ("weather", "clock")
    ]  # fmt: skip
    assert sent["tool_choice"] == {"type": "none"}


def test_an_answer_that_is_begun_ends_without_white_space() -> None:
    sent = body(ASKED, Message("assistant", (Text("It is \n"),)))
    assert sent["messages"][-1] == {"role": "assistant", "content": [{"type": "text", "text": "It is"}]}


def test_tools() -> None:
    strict = Tool("strict", parameters={"properties": {}}, strict=True)
    assert body(tools=(WEATHER, strict))["tools"] == [
        {"name": "weather", "description": "Tells the weather.", "input_schema": WEATHER.parameters},
        {"name": "strict", "input_schema": {"type": "object", "properties": {}}, "strict": True},
    ]
    assert "strict" not in body(tools=(strict,), refused=("strict",))["tools"][0]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        (ToolChoice(), {"type": "auto"}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("required", "clock", parallel=False), {"type": "tool", "name": "clock", "disable_parallel_tool_use": True}),
        (ToolChoice("auto", parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("auto", parallel=True), {"type": "auto"}),
    ],
)
def test_choices_of_tools(choice: ToolChoice | None, sent: dict[str, Any] | None) -> None:
    assert body(tools=(CLOCK,), tool_choice=choice).get("tool_choice") == sent


@pytest.mark.parametrize(
    ("model", "thinking", "refused", "sent", "effort"),
    [
        (OLD, None, (), None, None),
        (OLD, Thinking(), (), None, None),
        (OLD, Thinking("none"), (), None, None),
        (OLD, Thinking("low"), (), {"type": "enabled", "budget_tokens": 1024}, None),
        (OLD, Thinking("high"), (), {"type": "enabled", "budget_tokens": 24_576}, None),
        (OLD, Thinking(budget_tokens=10), (), {"type": "enabled", "budget_tokens": 1024}, None),
        (OLD, Thinking(budget_tokens=0), (), None, None),
        (OLD, Thinking("low"), ("enabled",), {"type": "adaptive"}, "low"),
        (OLD, Thinking("low"), ("enabled", "adaptive"), None, None),
        (ADAPTIVE, Thinking("none"), (), {"type": "disabled"}, None),
        (ADAPTIVE, Thinking("none"), ("disabled",), None, None),
        (ADAPTIVE, Thinking("minimal"), (), {"type": "adaptive"}, "low"),
        (ADAPTIVE, Thinking("xhigh"), (), {"type": "adaptive"}, "xhigh"),
        ("claude-opus-4-6", Thinking("xhigh"), (), {"type": "adaptive"}, "high"),
        (ADAPTIVE, Thinking(budget_tokens=8000), (), {"type": "adaptive"}, "medium"),
        (ADAPTIVE, Thinking("low"), ("effort",), {"type": "adaptive"}, None),
        (ADAPTIVE, Thinking("low"), ("adaptive",), {"type": "enabled", "budget_tokens": 1024}, None),
        ("glm-9", Thinking("low"), (), {"type": "enabled", "budget_tokens": 1024}, None),
    ],
)
def test_thinking(
    model: str, thinking: Thinking | None, refused: tuple[str, ...], sent: dict[str, Any] | None, effort: str | None
) -> None:
    told = body(model=model, thinking=thinking, refused=refused)
    assert (told.get("thinking"), told.get("output_config", {}).get("effort")) == (sent, effort)


def test_thoughts_count_into_the_cap_and_leave_the_answer_its_length() -> None:
    assert body(thinking=Thinking(budget_tokens=2000), max_tokens=500, room_to_think=True)["max_tokens"] == 2500
    assert body(thinking=Thinking("high"), max_tokens=60_000, room_to_think=True)["max_tokens"] == 64_000
    long = body(thinking=Thinking("high"), max_tokens=200, room_to_think=True)
    assert long["thinking"]["budget_tokens"] < long["max_tokens"]
    small = body(model="claude-3-haiku-20240307", thinking=Thinking("high"), max_tokens=4000, room_to_think=True)
    assert small["thinking"]["budget_tokens"] < small["max_tokens"]
    assert body(model="claude-opus-5", max_tokens=500, room_to_think=True)["max_tokens"] == 500 + 8192, "it thinks unasked"
    assert body(model="claude-opus-5", max_tokens=500, room_to_think=True, thinking=Thinking("none"))["max_tokens"] == 500
    assert body(thinking=Thinking(budget_tokens=2000), max_tokens=500)["max_tokens"] == 500, "the caller's cap holds"


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-haiku-20240307", 4096), ("claude-3-5-sonnet-20241022", 8192), ("claude-3-7-sonnet-latest", 64_000),
        ("claude-opus-4-20250514", 32_000), ("claude-opus-4-1-20250805", 32_000), ("claude-sonnet-4-20250514", 64_000),
        ("claude-haiku-4-5", 64_000), ("claude-opus-4-6", 128_000), ("claude-sonnet-5", 128_000), ("kimi-k2", 8192),
    ],
)  # fmt: skip
def test_without_a_cap_the_models_own_is_sent(model: str, most: int) -> None:
    assert body(model=model)["max_tokens"] == most


def test_who_thinks_takes_no_temperature_and_who_must_call_does_not_think() -> None:
    told = {"temperature": 0.0, "top_k": 3, "top_p": 0.5, "thinking": Thinking("low")}
    assert not {"temperature", "top_k", "top_p"} & body(**told).keys()
    forced = body(**told, tools=(CLOCK,), tool_choice=ToolChoice("required"), max_tokens=50)
    assert "thinking" not in forced and forced["temperature"] == 0.0 and forced["max_tokens"] == 50


def test_a_turn_that_lost_its_thoughts_goes_on_without_thinking() -> None:
    unsigned = Message("assistant", (Thought("unsigned"), ToolCall("1", "clock", "")))
    result = Message("tool", (ToolResult("1", "clock", "noon"),))
    told: dict[str, Any] = {"tools": (CLOCK,), "thinking": Thinking("low")}
    assert "thinking" not in body(ASKED, unsigned, result, **told)
    assert body(ASKED, unsigned, result, model=ADAPTIVE, **told)["thinking"] == {"type": "adaptive"}
    assert body(ASKED, unsigned, result, Message.of("assistant", "Noon."), ASKED, **told)["thinking"]["type"] == "enabled"
    assert body(ASKED, CALLS, *RESULTS, **told)["thinking"]["type"] == "enabled"


def test_sampling() -> None:
    all_of_it = {"temperature": 1.7, "top_p": 0.5, "top_k": 3, "stop": ("\n", "END"), "seed": 7, "presence_penalty": 1.0}
    sent = body(model="claude-3-5-haiku-latest", **all_of_it)
    assert {name: sent.get(name) for name in ("temperature", "top_p", "top_k", "stop_sequences", "seed", "presence_penalty")} == {
        "temperature": 1.0, "top_p": 0.5, "top_k": 3, "stop_sequences": ["END"], "seed": None, "presence_penalty": None,
    }  # fmt: skip
    assert "top_p" not in body(**all_of_it) and body(top_p=0.5)["top_p"] == 0.5
    assert "temperature" not in body(**all_of_it, refused=("temperature",))
    assert "stop_sequences" not in body(stop=("\n",))


def test_options_that_are_not_known_stay_here() -> None:
    sent = body(options={"metadata": {"user_id": "u"}, "num_ctx": 4096, "service_tier": None})
    assert sent["metadata"] == {"user_id": "u"} and not {"num_ctx", "service_tier"} & sent.keys()


def test_a_form_of_the_answer() -> None:
    shaped = SCHEMA | {"additionalProperties": False}
    assert body(schema=SCHEMA)["output_config"] == {"format": {"type": "json_schema", "schema": shaped}}
    both = body(schema=SCHEMA, model=ADAPTIVE, thinking=Thinking("low"))["output_config"]
    assert both == {"format": {"type": "json_schema", "schema": shaped}, "effort": "low"}
    for loose in ({}, {"type": "object"}):
        sent = body(Message.of("system", "Be brief."), ASKED, schema=loose)
        assert "output_config" not in sent and sent["system"] == "Be brief.\n\nAnswer with JSON and nothing else."


def test_who_keeps_to_no_form_answers_by_a_tool() -> None:
    sent = body(schema=SCHEMA, refused=("format",), thinking=Thinking("low"), max_tokens=50)
    assert [tool["name"] for tool in sent["tools"]] == ["answer"] and sent["tools"][0]["input_schema"] == SCHEMA
    assert sent["tool_choice"] == {"type": "tool", "name": "answer"} and not {"output_config", "thinking"} & sent.keys()
    listed = body(
        schema={"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"type": "string"}}}, refused=("format",)
    )
    assert listed["tools"][0]["input_schema"] == {
        "type": "object", "properties": {"answer": {"type": "array", "items": {"$ref": "#/$defs/x"}}}, "required": ["answer"],
        "additionalProperties": False, "$defs": {"x": {"type": "string"}},
    }  # fmt: skip
    beside = body(schema=SCHEMA, refused=("format",), tools=(CLOCK,))
    assert [tool["name"] for tool in beside["tools"]] == ["clock", "answer"] and beside["tool_choice"] == {"type": "any"}
