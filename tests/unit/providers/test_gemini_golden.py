"""Each thing that can be said, in our words and in Google's, both ways."""

import base64
from typing import Any

import pytest

from core.errors import InvalidAnswer, ProviderRefused
from providers.assembly import Assembly
from providers.gemini_wire import NO_SIGNATURE, Reading, to_wire
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
)  # fmt: skip

SIGNED = b"\xfb\xff\xfe sealed"
SIGNATURE = base64.b64encode(SIGNED).decode()
SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("weather", "Tells the weather.", SCHEMA)
CLOCK = Tool("clock")


def contents(*messages: Message, model: str = "gemini-2.5-flash", **more: Any) -> list[dict[str, Any]]:
    return to_wire(ChatRequest(model, messages, **more))[0]


def config(model: str = "gemini-2.5-flash", **more: Any) -> dict[str, Any]:
    return to_wire(ChatRequest(model, (Message.of("user", "?"),), temperature=None, **more))[1]


@pytest.mark.parametrize(
    ("part", "plain"),
    [
        (Text("oi"), {"text": "oi"}),
        (Text("oi", SIGNATURE), {"text": "oi", "thought_signature": SIGNED}),
        (Text("", SIGNATURE), {"text": "", "thought_signature": SIGNED}),
        (Text("\ud83d\ude00 \ud83d"), {"text": "😀 \ufffd"}),
        (Image(b"GIF89a"), {"inline_data": {"mime_type": "image/gif", "data": b"GIF89a"}}),
        (Image(b"?", "image/heic"), {"inline_data": {"mime_type": "image/heic", "data": b"?"}}),
        (Image(url="https://a.example/b.png?c=d.gif"),
         {"file_data": {"file_uri": "https://a.example/b.png?c=d.gif", "mime_type": "image/png"}}),
        (Image(url="https://a.example/b"), {"file_data": {"file_uri": "https://a.example/b", "mime_type": "image/jpeg"}}),
        (Image(url="https://a.example/b", media_type="image/webp"),
         {"file_data": {"file_uri": "https://a.example/b", "mime_type": "image/webp"}}),
    ],
)  # fmt: skip
def test_parts_of_users(part: Part, plain: dict[str, Any]) -> None:
    assert contents(Message("user", (part,))) == [{"role": "user", "parts": [plain]}]


def test_thoughts_go_back_only_with_their_signature() -> None:
    thoughts = (Thought("mine", SIGNATURE), Thought("unsigned"), Thought("cipher", "x", redacted=True), Thought("", SIGNATURE))
    assert contents(Message("assistant", (*thoughts, Text("so")))) == [
        {"role": "model", "parts": [
            {"text": "mine", "thought": True, "thought_signature": SIGNED}, {"text": "", "thought_signature": SIGNED}, {"text": "so"},
        ]},
    ]  # fmt: skip


def test_a_signature_of_somebody_else_is_left_out() -> None:
    assert contents(Message("assistant", (Text("a", "no base64!"), Text("b", "é")))) == [
        {"role": "model", "parts": [{"text": "a"}, {"text": "b"}]}
    ]


CALLS = Message("assistant", (ToolCall("1", "weather", '{"city": "Olinda"}', SIGNATURE), ToolCall("2", "clock", "")))
RESULTS = (
    Message("tool", (ToolResult("1", "", '{"sun": true}'),)),
    Message("tool", (ToolResult("2", "clock", "broken", failed=True, images=(Image(b"GIF8"),)),)),
)


def test_results_of_a_turn_with_two_calls_are_one_turn() -> None:
    assert contents(Message.of("user", "?"), CALLS, *RESULTS, Message.of("user", "and now?"))[1:] == [
        {"role": "model", "parts": [
            {"function_call": {"id": "1", "name": "weather", "args": {"city": "Olinda"}}, "thought_signature": SIGNED},
            {"function_call": {"id": "2", "name": "clock", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"function_response": {"id": "1", "name": "weather", "response": {"sun": True}}},
            {"function_response": {"id": "2", "name": "clock", "response": {"error": "broken"}}},
            {"inline_data": {"mime_type": "image/gif", "data": b"GIF8"}},
        ]},
        {"role": "user", "parts": [{"text": "and now?"}]},
    ]  # fmt: skip


@pytest.mark.parametrize(("content", "response"), [("21 °C", "21 °C"), ("[1]", "[1]"), ("", ""), ("7", "7")])
def test_a_result_that_is_no_object_is_the_output(content: str, response: str) -> None:
    (turn,) = contents(Message("tool", (ToolResult("1", "clock", content),)))
    assert turn["parts"][0]["function_response"]["response"] == {"output": response}


def test_from_version_3_on_calls_of_other_models_are_excused() -> None:
    unsigned = Message("assistant", (ToolCall("1", "clock", "{}"), ToolCall("2", "clock", "{}")))
    first, second = contents(unsigned, model="gemini-3.5-flash")[0]["parts"]
    assert base64.urlsafe_b64encode(first["thought_signature"]).decode() == NO_SIGNATURE
    assert "thought_signature" not in second
    assert "thought_signature" not in contents(unsigned)[0]["parts"][0]
    assert contents(CALLS, model="gemini-3.5-flash")[0]["parts"][0]["thought_signature"] == SIGNED


def test_tools() -> None:
    assert config(tools=(WEATHER, CLOCK)) == {
        "tools": [{"function_declarations": [
            {"name": "weather", "description": "Tells the weather.",
             "parameters_json_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
            {"name": "clock", "parameters_json_schema": {"type": "object", "properties": {}}},
        ]}],
        "automatic_function_calling": {"disable": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice(), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", "clock"), {"mode": "ANY", "allowed_function_names": ["clock"]}),
    ],
)
def test_choices_of_tools(choice: ToolChoice, calling: dict[str, Any]) -> None:
    assert config(tools=(WEATHER, CLOCK), tool_choice=choice)["tool_config"] == {"function_calling_config": calling}


def test_everything_that_shapes_an_answer() -> None:
    said = config(
        schema={}, max_tokens=9, room_to_think=True, top_p=0.5, top_k=3, stop=("a", "b"), seed=7, presence_penalty=0.1, frequency_penalty=0.2,
        options={"num_ctx": 5, "safety_settings": [], "top_p": 0.9},
    )  # fmt: skip
    assert said == {
        "response_mime_type": "application/json", "max_output_tokens": 8201, "top_p": 0.9, "top_k": 3, "seed": 7,
        "stop_sequences": ["a", "b"], "presence_penalty": 0.1, "frequency_penalty": 0.2, "safety_settings": [],
    }  # fmt: skip
    assert config() == {}, "what was not said is left to Google"


def test_an_instruction_alone_is_asked() -> None:
    asked = to_wire(ChatRequest("gemini-2.5-flash", (Message.of("system", "Say hello."),), temperature=None))
    assert asked == ([{"role": "user", "parts": [{"text": "Say hello."}]}], {})


def parts(*said: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(said)}} | ({"finish_reason": finish} if finish else {})]}


def read(*chunks: dict[str, Any]) -> list[ChatDelta]:
    reading = Reading("m")
    return [delta for one in chunks for delta in reading.deltas(one)]


def whole(*chunks: dict[str, Any]) -> tuple[Part, ...]:
    assembly = Assembly()
    for delta in read(*chunks):
        assembly.add(delta)
    return assembly.parts()


def test_an_answer_comes_back_as_it_was_said() -> None:
    """What goes back to Google is what came from it, signatures at their parts."""
    url_safe = SIGNATURE.replace("+", "-").replace("/", "_")
    said = whole(
        parts({"text": "hm", "thought": True}),
        parts({"text": "m", "thought": True, "thought_signature": url_safe}),
        parts({"text": "I look"}),
        parts(
            {"function_call": {"name": "weather", "args": {"city": "Olinda"}}, "thought_signature": url_safe},
            {"function_call": {"id": "own", "name": "clock"}},
            finish="STOP",
        ),
    )
    assert said == (
        Thought("hmm", SIGNATURE),
        Text("I look"),
        ToolCall("call_m0", "weather", '{"city":"Olinda"}', SIGNATURE),
        ToolCall("own", "clock", "{}"),
    )
    (turn,) = contents(Message("assistant", said))
    assert [part.get("thought_signature") for part in turn["parts"]] == [SIGNED, None, SIGNED, None]


def test_a_signature_without_words_belongs_to_the_text_before_it() -> None:
    assert whole(parts({"text": "yes"}), parts({"text": "", "thought_signature": SIGNATURE}, finish="STOP")) == (
        Text("yes", SIGNATURE),
    )


def test_two_calls_with_one_id_are_told_apart() -> None:
    call = {"function_call": {"id": "same", "name": "clock", "args": {"n": 2**70, "half": "\ud800"}}}
    *pieces, last = read(parts(call, call, finish="STOP"))
    arguments = '{"n": 1180591620717411303424, "half": "\ufffd"}'
    assert [piece.tool_calls[0] for piece in pieces] == [
        ToolCallDelta(0, "same", "clock", arguments), ToolCallDelta(1, "call_m1", "clock", arguments),
    ]  # fmt: skip
    assert last.finish_reason == "tool_calls"


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_a_call_that_cannot_be_read_is_an_error(reason: str) -> None:
    with pytest.raises(InvalidAnswer, match="cannot be read"):
        read(parts(finish=reason))


def test_a_call_without_a_name_is_an_error() -> None:
    with pytest.raises(InvalidAnswer, match="without a name"):
        read(parts({"function_call": {"args": {}}}))


def test_a_lost_signature_says_what_to_do() -> None:
    with pytest.raises(ProviderRefused) as caught:
        read(parts(finish="MISSING_THOUGHT_SIGNATURE"))
    assert "signatures" in caught.value.hint


def test_halves_of_characters_wait_for_each_other() -> None:
    told = read(parts({"text": "a\ud83d"}), parts({"text": "\ude00b\ud83d"}), {"model_version": "v\udc00"}, parts(finish="STOP"))
    assert [delta.text for delta in told] == ["a", "😀b", "\ufffd"] and told[-1].model_version == "v\ufffd"
