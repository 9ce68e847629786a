"""Cohere's words, there and back, without HTTP."""

from typing import Any

import pytest

from core.errors import InvalidField, ProviderError, ProviderTimeout
from providers.assembly import Assembly
from providers.cohere_errors import unsupported
from providers.cohere_models import model_info
from providers.cohere_stream import Reader, usage_of
from providers.cohere_wire import answer_cap, to_wire
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
    Usage,
)

MODEL, THINKER = "command-a-03-2025", "command-a-reasoning-08-2025"
ASKED = Message.of("user", "What time is it?")
CLOCK = Tool("clock", "Tells the time.", {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]})
BELL = Tool("bell")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
CALLS = Message(
    "assistant", (Thought("Two."), Text("Both."), ToolCall("1", "clock", '{"zone": "x"}'), ToolCall("2", "bell", "{}"))
)
RESULTS = (
    Message("tool", (ToolResult("1", "clock", "noon", images=(Image(b"\x89PNG"),)),)),
    Message("tool", (ToolResult("2", "bell", "broken", failed=True),)),
)


def body(*messages: Message, refused: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    return to_wire(ChatRequest(**{"model": MODEL, "messages": messages or (ASKED,)} | changes), refused)


def read(*events: dict[str, Any]) -> tuple[Assembly, list[Any]]:
    reader, assembly = Reader(), Assembly()
    deltas = [delta for event in events if (delta := reader.read(event)) is not None]
    for delta in deltas:
        assembly.add(delta)
    return assembly, deltas


def event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def ended(reason: str, **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason} | more}


def test_turns() -> None:
    begun = (Message.of("system", "Be brief."), Message.of("user", " "), ASKED, Message.of("assistant", "Noon."), ASKED)
    assert body(*begun) == {
        "model": MODEL, "stream": True, "temperature": 0.0,
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "What time is it?"},
            {"role": "assistant", "content": "Noon."}, {"role": "user", "content": "What time is it?"},
        ],
    }  # fmt: skip


def test_pictures_go_as_bytes_or_by_their_address() -> None:
    seen = Message("user", (Image(b"\xff\xd8"), Text("?"), Image(url="https://x/y.png")))
    assert body(seen)["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9g="}},
        {"type": "text", "text": "?"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
    ]


def test_two_calls_and_their_results() -> None:
    _, called, first, second, shown = body(ASKED, CALLS, *RESULTS, tools=(CLOCK, BELL))["messages"]
    assert called == {
        "role": "assistant", "tool_plan": "Both.", "content": [{"type": "thinking", "thinking": "Two."}],
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "x"}'}},
            {"id": "2", "type": "function", "function": {"name": "bell", "arguments": "{}"}},
        ],
    }  # fmt: skip
    assert first == {"role": "tool", "tool_call_id": "1", "content": "noon"}
    assert second["content"] == "Error: broken" and shown["content"][0]["type"] == "image_url"
    assert "content" not in body(ASKED, CALLS, refused=("thoughts",))["messages"][1]


@pytest.mark.parametrize(
    ("choice", "names", "sent"),
    [
        (None, ["clock", "bell"], None),
        (ToolChoice(parallel=False), ["clock", "bell"], None),
        (ToolChoice("none"), ["clock", "bell"], "NONE"),
        (ToolChoice("required"), ["clock", "bell"], "REQUIRED"),
        (ToolChoice("required", "bell"), ["bell"], "REQUIRED"),
    ],
)
def test_choices_of_tools(choice: ToolChoice | None, names: list[str], sent: str | None) -> None:
    told = body(tools=(CLOCK, BELL), tool_choice=choice)
    assert [tool["function"]["name"] for tool in told["tools"]] == names and told.get("tool_choice") == sent
    assert "tool_choice" not in body(tools=(CLOCK,), tool_choice=choice, refused=("tool_choice",))


def test_tools_are_held_to_their_schemas_all_together_or_none() -> None:
    strict, loose = Tool("a", "", CLOCK.parameters, strict=True), Tool("b", strict=True)
    assert body(tools=(strict,))["strict_tools"] is True
    assert not {"strict_tools"} & body(tools=(strict, loose)).keys() and "strict_tools" not in body(tools=(CLOCK,))
    assert "strict_tools" not in body(tools=(strict,), refused=("strict_tools",))


@pytest.mark.parametrize(
    ("thinking", "sent"),
    [
        (None, None),
        (Thinking(), None),
        (Thinking("none"), {"type": "disabled"}),
        (Thinking("high"), {"type": "enabled", "token_budget": 24_576}),
        (Thinking(budget_tokens=300), {"type": "enabled", "token_budget": 300}),
    ],
)
def test_thinking(thinking: Thinking | None, sent: dict[str, Any] | None) -> None:
    assert body(thinking=thinking).get("thinking") == sent
    assert "thinking" not in body(thinking=thinking, refused=("thinking",))


@pytest.mark.parametrize(
    ("model", "changes", "cap"),
    [
        (MODEL, {}, None),
        (MODEL, {"max_tokens": 100, "room_to_think": True}, 100),
        (THINKER, {"max_tokens": 100}, 100),
        (THINKER, {"max_tokens": 100, "room_to_think": True}, 8292),
        (THINKER, {"max_tokens": 100, "room_to_think": True, "thinking": Thinking("none")}, 100),
        (MODEL, {"max_tokens": 100, "room_to_think": True, "thinking": Thinking(budget_tokens=300)}, 400),
    ],
)
def test_thoughts_count_into_the_cap(model: str, changes: dict[str, Any], cap: int | None) -> None:
    assert answer_cap(ChatRequest(model, (ASKED,), **changes)) == cap == body(model=model, **changes).get("max_tokens")


def test_sampling_stays_in_its_bounds() -> None:
    told = body(
        temperature=None, top_p=1.0, top_k=900, seed=3, presence_penalty=-1.0, frequency_penalty=1.5, stop=tuple("abcdef")
    )
    assert told.items() >= {
        "p": 0.99, "k": 500, "seed": 3, "presence_penalty": 0.0, "frequency_penalty": 1.0, "stop_sequences": list("abcde"),
    }.items()  # fmt: skip
    assert "temperature" not in told
    assert "seed" not in body(seed=3, refused=("seed",))


def test_options_that_are_not_known_stay_here() -> None:
    told = body(options={"safety_mode": "STRICT", "num_ctx": 4096, "priority": None})
    assert told["safety_mode"] == "STRICT" and not {"num_ctx", "priority"} & told.keys()


def test_a_form_of_the_answer() -> None:
    assert body(schema=SCHEMA)["response_format"] == {"type": "json_object", "json_schema": SCHEMA}
    assert body(schema={})["response_format"] == {"type": "json_object"}
    bounded = {"type": "array", "items": {"type": "integer", "minimum": 1, "description": "A count."}, "maxItems": 3}
    assert body(schema=bounded)["response_format"]["json_schema"]["properties"]["answer"] == {
        "type": "array", "items": {"type": "integer", "description": 'A count. {"minimum":1}'}, "description": '{"maxItems":3}',
    }  # fmt: skip


def test_a_form_that_is_refused_is_told_in_words() -> None:
    told = body(schema=SCHEMA, refused=("json_schema",))
    assert told["response_format"] == {"type": "json_object"} and '"n":{"type":"integer"}' in told["messages"][0]["content"]
    assert told["messages"][1] == {"role": "user", "content": "What time is it?"}


def test_a_form_beside_tools_is_an_error_that_says_so() -> None:
    with pytest.raises(InvalidField, match="no tools together"):
        body(schema=SCHEMA, tools=(CLOCK,))
    assert "tools" not in body(schema=SCHEMA, tools=(CLOCK,), tool_choice=ToolChoice("none"))


def test_a_stream_of_thoughts_text_and_an_end() -> None:
    assembly, deltas = read(
        {"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant", "content": []}}},
        event("content-start", 0, content={"type": "thinking", "thinking": "Hm"}),
        event("content-delta", 0, content={"thinking": "m."}),
        event("content-start", 1, content={"type": "text", "text": ""}),
        event("content-delta", 1, content={"text": "Noon."}),
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"start": 0}}}},
        {"type": "content-end", "index": 1},
        ended("COMPLETE", usage={"tokens": {"input_tokens": 100.0, "output_tokens": 7.0}, "cached_tokens": 60.0}),
    )
    assert assembly.parts() == (Thought("Hmm."), Text("Noon."))
    assert deltas[-1].finish_reason == "stop" and deltas[-1].usage == Usage(40, 7, False, 60)


def test_a_plan_and_two_calls_whose_pieces_mix() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "clock", "arguments": ""}}
    assembly, deltas = read(
        event("tool-plan-delta", tool_plan="Both."),
        event("tool-call-start", 0, tool_calls=call),
        event("tool-call-start", 1, tool_calls=call | {"id": "b", "function": {"name": "bell", "arguments": "{"}}),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"zone":"x"}'}}),
        event("tool-call-delta", 1, tool_calls={"function": {"arguments": "}"}}),
        event("tool-call-delta", 7, tool_calls={"function": {"arguments": "lost"}}),
        ended("TOOL_CALL"),
    )
    assert assembly.parts() == (Text("Both."), ToolCall("a", "clock", '{"zone":"x"}'), ToolCall("b", "bell", "{}"))
    assert deltas[-1].finish_reason == "tool_calls" and deltas[-1].usage.estimated


@pytest.mark.parametrize(
    ("word", "finish"),
    [("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("ERROR_TOXIC", "filtered"), ("", "other"), ("WHATEVER", "other")],
)
def test_ends(word: str, finish: str) -> None:
    assert read(ended(word))[1][-1].finish_reason == finish


def test_errors_inside_a_stream() -> None:
    with pytest.raises(ProviderTimeout):
        read(ended("TIMEOUT"))
    with pytest.raises(ProviderError, match="the model fell over"):
        read(ended("ERROR", error="the model fell over"))
    with pytest.raises(ProviderError):
        read(ended("COMPLETE", error="x"))


@pytest.mark.parametrize(
    "junk", [{}, {"type": 7}, {"type": "content-delta", "delta": 3}, {"type": "content-delta", "delta": None}]
)
def test_events_that_are_none_say_nothing(junk: dict[str, Any]) -> None:
    assert Reader().read(junk) is None


def test_usage_is_what_was_read_not_what_is_billed() -> None:
    billed = {"input_tokens": 10.0, "output_tokens": 5.0}
    assert usage_of({"billed_units": billed, "tokens": {"input_tokens": 80.0, "output_tokens": 6.0}}) == Usage(80, 6)
    assert usage_of({"billed_units": billed}) == Usage(10, 5, estimated=True)
    assert usage_of({"tokens": {"input_tokens": 8, "output_tokens": 1}, "cached_tokens": 9}) == Usage(0, 1, False, 8)


@pytest.mark.parametrize(
    ("words", "changes", "word"),
    [
        ("thinking is not supported by command-a-03-2025.", {"thinking": Thinking("low")}, "thinking"),
        ("thinking content is not supported by this model.", {"messages": (ASKED, CALLS)}, "thoughts"),
        ("thinking is not supported.", {}, None),
        ("tool_choice is not supported with this model", {"tools": (CLOCK,), "tool_choice": ToolChoice("none")}, "tool_choice"),
        ("invalid response_format: schema keyword anyOf cannot be used.", {"schema": SCHEMA}, "json_schema"),
        ("seed is not supported", {"seed": 1}, "seed"),
        ("all elements in messages must have a message.", {"seed": 1}, None),
    ],
)
def test_what_a_model_refuses(words: str, changes: dict[str, Any], word: str | None) -> None:
    sent = to_wire(ChatRequest(**{"model": MODEL, "messages": (ASKED,)} | changes))
    assert unsupported(400, {"message": words}, sent) == word
    assert unsupported(500, {"message": words}, sent) is None


def test_models() -> None:
    told = {
        "name": "x",
        "endpoints": ["chat", "rerank"],
        "features": ["vision", "tools", "reasoning"],
        "context_length": 128000.0,
    }
    info = model_info(told)
    assert info is not None and info.context == 128_000 and info.capabilities == ("completion", "tools", "vision", "thinking")
    assert model_info(told | {"is_deprecated": True}) is None and model_info(told | {"endpoints": ["rerank"]}) is None
    assert model_info({"name": "e", "endpoints": ["embed"], "features": None}).capabilities == ("embedding",)
