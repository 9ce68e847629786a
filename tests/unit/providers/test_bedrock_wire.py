"""Converse's words, there and back, without HTTP."""

import base64
import json
from typing import Any

import pytest

from core.errors import InvalidAnswer, ModelNotInstalled, ProviderAuthFailed, ProviderError, ProviderRateLimited
from providers.assembly import Assembly
from providers.bedrock_errors import classify_error, parse_error, unsupported
from providers.bedrock_models import model_infos
from providers.bedrock_stream import Reader
from providers.bedrock_wire import answers_by_tool, to_wire
from providers.types import (
    ChatDelta,
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

CLAUDE, ADAPTIVE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-opus-4-7-v1"
NOVA, GPT, LLAMA = "amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b-1:0", "meta.llama3-1-8b-instruct-v1:0"
ASKED = Message.of("user", "What time is it?")
CLOCK = Tool("clock", "Tells the time.", {"properties": {"zone": {"type": "string"}}})
BELL = Tool("bell", strict=True)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}
CALLS = Message(
    "assistant", (Thought("Two.", "s"), Text("Both."), ToolCall("1", "clock", '{"zone": "x"}'), ToolCall("é|2", "bell", ""))
)
RESULTS = (
    Message("tool", (ToolResult("1", "clock", "noon", images=(Image(b"\x89PNG"),)),)),
    Message("tool", (ToolResult("é|2", "bell", "", failed=True),)),
)


def body(*messages: Message, refused: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    return to_wire(ChatRequest(**{"model": CLAUDE, "messages": messages or (ASKED,)} | changes), refused)


def read(*events: tuple[str, dict[str, Any]], by_tool: bool = False) -> tuple[tuple[Any, ...], ChatDelta]:
    reader, assembly = Reader(by_tool), Assembly()
    for kind, event in events:
        if (delta := reader.read(kind, event)) is not None:
            assembly.add(delta)
    return assembly.parts(), reader.last()


def piece(index: int, **delta: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abc"}


def begun(index: int, id_: str, name: str) -> tuple[str, dict[str, Any]]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id_, "name": name}}}


def stopped(reason: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "messageStop", {"stopReason": reason, **more}


def test_turns() -> None:
    told = (Message.of("system", "Be brief."), Message.of("user", " "), ASKED, ASKED, Message.of("assistant", "It is "))
    assert body(*told, model=LLAMA, max_tokens=9) == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "What time is it?"}, {"text": "What time is it?"}]},
            {"role": "assistant", "content": [{"text": "It is"}]},
        ],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.0},
    }
    spoken = body(*told, refused=("system",))
    assert "system" not in spoken and spoken["messages"][0]["content"][0] == {"text": "Be brief.\n\n"}
    only = body(Message.of("system", "Begin."), refused=("system",))
    assert only["messages"] == [{"role": "user", "content": [{"text": "Begin."}]}]


@pytest.mark.parametrize(
    ("data", "kind"), [(b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF89", "gif"), (b"RIFFxxxxWEBP", "webp")]
)
def test_pictures(data: bytes, kind: str) -> None:
    (shown,) = body(Message("user", (Image(data),)))["messages"][0]["content"]
    assert shown == {"image": {"format": kind, "source": {"bytes": base64.b64encode(data).decode()}}}


def test_two_calls_and_their_results() -> None:
    _, called, results = body(ASKED, CALLS, *RESULTS, tools=(CLOCK, BELL))["messages"]
    assert called["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Two.", "signature": "s"}}},
        {"text": "Both."},
        {"toolUse": {"toolUseId": "1", "name": "clock", "input": {"zone": "x"}}},
        {"toolUse": {"toolUseId": "__2", "name": "bell", "input": {}}},
    ]
    assert results == {"role": "user", "content": [
        {"toolResult": {"toolUseId": "1", "content": [{"text": "noon"}, PNG]}},
        {"toolResult": {"toolUseId": "__2", "content": [{"text": "-"}], "status": "error"}},
    ]}  # fmt: skip


@pytest.mark.parametrize("changes", [{"refused": ("thoughts",)}, {"model": GPT}, {"model": NOVA}])
def test_thoughts_stay_here_where_they_are_not_taken(changes: dict[str, Any]) -> None:
    assert "reasoningContent" not in json.dumps(body(ASKED, CALLS, *RESULTS, tools=(CLOCK, BELL), **changes))


def test_ids_that_are_too_long_stay_the_same_on_both_sides() -> None:
    long = "x" * 65
    told = body(ASKED, Message("assistant", (ToolCall(long, "a", "{}"),)), Message("tool", (ToolResult(long, "a", "b"),)))
    called, result = told["messages"][1]["content"][0]["toolUse"], told["messages"][2]["content"][0]["toolResult"]
    assert called["toolUseId"] == result["toolUseId"] and len(called["toolUseId"]) == 64


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        (ToolChoice(), {"auto": {}}),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("required", "bell"), {"tool": {"name": "bell"}}),
    ],
)
def test_choices_of_tools(choice: ToolChoice | None, sent: dict[str, Any] | None) -> None:
    config = body(tools=(CLOCK, BELL), tool_choice=choice)["toolConfig"]
    assert config.get("toolChoice") == sent
    assert config["tools"] == [
        {"toolSpec": {
            "name": "clock", "description": "Tells the time.",
            "inputSchema": {"json": {"type": "object", "properties": {"zone": {"type": "string"}}}},
        }},
        {"toolSpec": {"name": "bell", "inputSchema": {"json": {"type": "object", "properties": {}}}, "strict": True}},
    ]  # fmt: skip
    assert "strict" not in json.dumps(body(tools=(BELL,), refused=("strict",)))


def test_tools_stand_in_every_question_whose_past_has_some() -> None:
    assert "toolConfig" not in body() and "toolConfig" not in body(tools=(CLOCK,), tool_choice=ToolChoice("none"))
    for changes in ({}, {"tools": (CLOCK, BELL), "tool_choice": ToolChoice("none")}):
        told = body(ASKED, CALLS, *RESULTS, **changes)["toolConfig"]
        assert [tool["toolSpec"]["name"] for tool in told["tools"]] == ["clock", "bell"] and "toolChoice" not in told


@pytest.mark.parametrize(
    ("model", "thinking", "refused", "more", "effort"),
    [
        (CLAUDE, None, (), None, None),
        (CLAUDE, Thinking("low"), (), {"thinking": {"type": "enabled", "budget_tokens": 1024}}, None),
        (CLAUDE, Thinking("none"), (), None, None),
        (ADAPTIVE, Thinking("high"), (), {"thinking": {"type": "adaptive"}}, "high"),
        (ADAPTIVE, Thinking("high"), ("effort",), {"thinking": {"type": "adaptive"}}, None),
        (ADAPTIVE, Thinking("none"), (), {"thinking": {"type": "disabled"}}, None),
        (NOVA, Thinking("low"), (), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, None),
        (NOVA, Thinking("none"), (), {"reasoningConfig": {"type": "disabled"}}, None),
        (GPT, Thinking(budget_tokens=5000), (), {"reasoning_effort": "medium"}, None),
        (GPT, Thinking("none"), (), {"reasoning_effort": "low"}, None),
        (GPT, Thinking("high"), ("reasoning",), None, None),
        (LLAMA, Thinking("high"), (), None, None),
    ],
)
def test_thinking_in_the_words_of_each_maker(
    model: str, thinking: Thinking | None, refused: tuple[str, ...], more: dict[str, Any] | None, effort: str | None
) -> None:
    told = body(model=model, thinking=thinking, refused=refused)
    assert told.get("additionalModelRequestFields") == more and told.get("outputConfig", {}).get("effort") == effort


def test_nova_that_thinks_hard_takes_no_sampling() -> None:
    assert body(model=NOVA, thinking=Thinking("high"), top_p=0.5)["inferenceConfig"] == {}
    assert body(model=NOVA, thinking=Thinking("low"), top_p=0.5)["inferenceConfig"] == {"temperature": 0.0, "topP": 0.5}


def test_caps() -> None:
    cap = {"max_tokens": 500}
    assert body(model=LLAMA)["inferenceConfig"] == {"temperature": 0.0}
    assert body()["inferenceConfig"]["maxTokens"] == 64_000
    assert body(model=LLAMA, room_to_think=True, **cap)["inferenceConfig"]["maxTokens"] == 500
    assert body(model=GPT, room_to_think=True, **cap)["inferenceConfig"]["maxTokens"] == 500 + 8192
    assert body(model=GPT, **cap)["inferenceConfig"]["maxTokens"] == 500
    assert body(thinking=Thinking(budget_tokens=2000), room_to_think=True, **cap)["inferenceConfig"]["maxTokens"] == 2500


def test_sampling() -> None:
    said = {"temperature": 1.7, "top_p": 0.5, "top_k": 3, "stop": ("END",), "seed": 7, "presence_penalty": 1.0}
    told = body(**said)
    assert told["inferenceConfig"] == {"maxTokens": 64_000, "temperature": 1.0, "stopSequences": ["END"]}
    assert told["additionalModelRequestFields"] == {"top_k": 3}
    assert told["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    other = body(model=LLAMA, **said)
    assert other["inferenceConfig"] == {"temperature": 1.0, "topP": 0.5, "stopSequences": ["END"]}
    assert not {"additionalModelRequestFields", "additionalModelResponseFieldPaths"} & other.keys()
    assert body(model=LLAMA, refused=("temperature", "top_p", "stop_sequences"), **said)["inferenceConfig"] == {}


def test_a_form_of_the_answer_by_a_grammar_a_tool_or_words() -> None:
    form = body(schema=SCHEMA)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert form["name"] == "answer" and json.loads(form["schema"]) == SCHEMA | {"additionalProperties": False}
    tool = body(schema=SCHEMA, refused=("format",), thinking=Thinking("low"))
    assert tool["toolConfig"]["toolChoice"] == {"tool": {"name": "answer"}} and "outputConfig" not in tool
    assert tool["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == SCHEMA
    assert "additionalModelRequestFields" not in tool, "who must call does not think"
    beside = body(schema=SCHEMA, refused=("format",), tools=(CLOCK,))["toolConfig"]
    assert [one["toolSpec"]["name"] for one in beside["tools"]] == ["clock", "answer"] and beside["toolChoice"] == {"any": {}}
    words = body(Message.of("system", "Be brief."), ASKED, schema=SCHEMA, refused=("format", "tool"))
    assert not {"toolConfig", "outputConfig"} & words.keys()
    assert words["system"][0]["text"].startswith("Be brief.\n\n") and '"n":{"type":"integer"}' in words["system"][0]["text"]
    assert body(schema={})["system"] == [{"text": "Answer with JSON and nothing else."}]
    assert answers_by_tool(ChatRequest(CLAUDE, (ASKED,), schema={"type": "object"} | {"additionalProperties": True}), ())


def test_a_stream_of_thoughts_text_and_its_usage() -> None:
    parts, last = read(
        ("messageStart", {"role": "assistant"}),
        piece(0, reasoningContent={"text": "Hm"}),
        piece(0, reasoningContent={"text": "m."}),
        piece(0, reasoningContent={"signature": "s"}),
        piece(1, reasoningContent={"redactedContent": "Y2lwaGVy"}),
        piece(2, text="No"),
        piece(2, text="on."),
        piece(2, citation={"title": "x"}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        stopped("stop_sequence", additionalModelResponseFields={"stop_sequence": "END"}),
        ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 42, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 10}}),
    )  # fmt: skip
    assert parts == (Thought("Hmm.", "s"), Thought("Y2lwaGVy", redacted=True), Text("Noon."))
    assert last == ChatDelta(finish_reason="stop", usage=Usage(5, 7, False, 20, 10), stop_sequence="END")


def test_two_calls_whose_pieces_mix() -> None:
    parts, last = read(
        begun(1, "a", "clock"), begun(2, "b", "bell"), piece(1, toolUse={"input": '{"zone":'}), piece(2, toolUse={"input": ""}),
        piece(1, toolUse={"input": '"x"}'}), piece(9, toolUse={"input": "lost"}), stopped("tool_use"),
    )  # fmt: skip
    assert parts == (ToolCall("a", "clock", '{"zone":"x"}'), ToolCall("b", "bell", "{}"))
    assert last.finish_reason == "tool_calls" and last.usage.estimated


def test_an_answer_that_comes_as_arguments() -> None:
    parts, last = read(begun(0, "a", "answer"), piece(0, toolUse={"input": '{"n":1}'}), stopped("tool_use"), by_tool=True)
    assert parts == (Text('{"n":1}'),) and last.finish_reason == "stop"


@pytest.mark.parametrize(
    ("word", "finish"),
    [("end_turn", "stop"), ("max_tokens", "length"), ("model_context_window_exceeded", "length"),
     ("content_filtered", "filtered"), ("guardrail_intervened", "filtered"), ("whatever", "other")],
)  # fmt: skip
def test_ends(word: str, finish: str) -> None:
    assert read(stopped(word))[1].finish_reason == finish


def test_a_stream_without_its_end_is_an_error() -> None:
    with pytest.raises(ProviderError, match="before it was complete"):
        read(piece(0, text="No"), ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}))


@pytest.mark.parametrize("word", ["malformed_model_output", "malformed_tool_use"])
def test_what_the_model_wrote_wrongly_is_no_success(word: str) -> None:
    with pytest.raises(InvalidAnswer):
        read(stopped(word))


@pytest.mark.parametrize(
    ("kind", "error"),
    [("throttlingException", ProviderRateLimited), ("modelStreamErrorException", ProviderError),
     ("serviceUnavailableException", ProviderRateLimited), ("unheardOfException", ProviderError)],
)  # fmt: skip
def test_errors_inside_a_stream(kind: str, error: type[ProviderError]) -> None:
    with pytest.raises(error) as caught:
        read((kind, {"message": "no"}))
    assert type(caught.value) is error


def test_a_whole_answer() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "Y2lwaGVy"}},
        {"text": "Noon."},
        {"toolUse": {"toolUseId": "a", "name": "clock", "input": {"zone": "x"}}},
    ]
    reader, assembly = Reader(), Assembly()
    usage = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}
    for delta in reader.whole({"output": {"message": {"content": content}}, "stopReason": "tool_use", "usage": usage}):
        assembly.add(delta)
    assert assembly.parts() == (
        Thought("Hm.", "s"), Thought("Y2lwaGVy", redacted=True), Text("Noon."), ToolCall("a", "clock", '{"zone":"x"}'),
    )  # fmt: skip
    assert reader.last() == ChatDelta(finish_reason="tool_calls", usage=Usage(5, 7))


@pytest.mark.parametrize(
    "junk", [{}, {"delta": 3}, {"contentBlockIndex": "x", "delta": {"text": 7}}, {"delta": {"toolUse": None}}]
)
def test_events_that_are_none_say_nothing(junk: dict[str, Any]) -> None:
    assert Reader().read("contentBlockDelta", junk) is None
    assert Reader().read("", junk) is None
    assert list(Reader().whole(junk)) == []


def test_errors_have_their_type_in_a_header_or_in_the_body() -> None:
    kind = "ThrottlingException"
    assert parse_error(b'{"message":"m"}', {"x-amzn-errortype": f"{kind}:http://x/"}) == {"type": kind, "message": "m"}
    assert parse_error(b'{"__type":"com.amazon#ThrottlingException","Message":"m"}') == {"type": kind, "message": "m"}
    assert parse_error(b"<html>") == {"type": "", "message": ""}


@pytest.mark.parametrize(
    ("status", "kind", "words", "error", "hint"),
    [
        (400, "ServiceQuotaExceededException", "x", ProviderRateLimited, "later"),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", ProviderAuthFailed, "console"),
        (403, "ExpiredTokenException", "The security token included in the request is expired", ProviderAuthFailed, "AWS_"),
        (400, "ValidationException", "Invocation of model ID x with on-demand throughput isn’t supported.", ModelNotInstalled, "us."),
        (404, "ResourceNotFoundException", "This model version has reached the end of its life.", ModelNotInstalled, "AWS_REGION"),
    ],
)  # fmt: skip
def test_errors(status: int, kind: str, words: str, error: type[ProviderError], hint: str) -> None:
    found = classify_error(status, {"type": kind, "message": words}, model="x")
    assert type(found) is error and hint in found.hint


@pytest.mark.parametrize(
    ("words", "changes", "word"),
    [
        ("This model doesn't support tool use in streaming mode.", {"tools": (CLOCK,)}, "stream"),
        ("The model is unsupported for streaming.", {}, "stream"),
        ("output_config.format: Extra inputs are not permitted", {"schema": SCHEMA}, "format"),
        ("Invalid `signature` in `thinking` block", {"messages": (ASKED, CALLS, *RESULTS)}, "thoughts"),
        ("Invalid `signature` in `thinking` block", {}, None),
        ("adaptive thinking is not supported on this model", {"model": ADAPTIVE, "thinking": Thinking("low")}, "adaptive"),
        ("output_config.effort is not supported", {"model": ADAPTIVE, "thinking": Thinking("low")}, "effort"),
        ("extraneous key [reasoning_effort] is not permitted", {"model": GPT, "thinking": Thinking("low")}, "reasoning"),
        ("`temperature` is deprecated for this model.", {}, "temperature"),
        ("topP is not supported", {"model": LLAMA, "top_p": 0.5}, "top_p"),
        ("`top_k` is not supported", {"top_k": 4}, "top_k"),
        ("stopSequences is not supported", {"stop": ("x",)}, "stop_sequences"),
        ("This model doesn't support system messages.", {"messages": (Message.of("system", "x"), ASKED)}, "system"),
        ("tools.0.strict: Extra inputs are not permitted", {"tools": (BELL,)}, "strict"),
        ("This model doesn't support tool use.", {"tools": (CLOCK,)}, "tool"),
        ("The text field in the ContentBlock object is blank.", {}, None),
    ],
)
def test_what_a_model_refuses(words: str, changes: dict[str, Any], word: str | None) -> None:
    sent = to_wire(ChatRequest(**{"model": CLAUDE, "messages": (ASKED,)} | changes))
    assert unsupported(400, {"message": words}, sent) == word
    assert unsupported(500, {"message": words}, sent) is None


def test_a_profile_of_the_account_is_asked_by_its_arn() -> None:
    arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"
    model = {"modelId": "a.b", "modelArn": "x/a.b", "outputModalities": ["TEXT"], "inferenceTypesSupported": ["ON_DEMAND"]}
    own = {"inferenceProfileId": "abc", "inferenceProfileArn": arn, "type": "APPLICATION", "models": [{"modelArn": "x/a.b"}]}
    lost = {"inferenceProfileId": "us.gone", "type": "SYSTEM_DEFINED", "models": [{"modelArn": "x/gone"}]}
    assert [info.name for info in model_infos({"modelSummaries": [model, {}, {"modelId": "v"}]}, [own, lost, {}])] == ["a.b", arn]
