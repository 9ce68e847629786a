import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelOutOfMemory, ProviderError, ProviderRateLimited
from providers.assembly import Assembly
from providers.openai_stream import Reader, finish_of, usage_of
from providers.types import ChatDelta, Text, Thought, ToolCall, ToolCallDelta, Usage


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return orjson.dumps({"id": "c", "model": "m", "choices": choices, **more})


def call(index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = "") -> dict[str, Any]:
    piece: dict[str, Any] = {"function": {"arguments": arguments} | ({"name": name} if name is not None else {})}
    return piece | ({"index": index} if index is not None else {}) | ({"id": id, "type": "function"} if id is not None else {})


def said(*deltas: dict[str, Any], finish: str = "stop") -> tuple[Reader, tuple[Any, ...]]:
    reader, assembly = Reader("m"), Assembly()
    for delta in deltas:
        assembly.add(reader.read(chunk(delta)))
    assembly.add(reader.read(chunk({}, finish)))
    return reader, assembly.parts()


def test_texts_and_thoughts_of_every_host() -> None:
    for name in ("reasoning_content", "reasoning"):
        assert said({"role": "assistant", "content": ""}, {name: "hm"}, {"content": "Hi"})[1] == (Thought("hm"), Text("Hi"))
    assert said({"reasoning_content": "a", "reasoning": "a"})[1] == (Thought("a"),)
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hi"}]
    assert said({"content": parts})[1] == (Thought("hm"), Text("Hi"))


def test_two_parallel_calls_in_fragments() -> None:
    reader, parts = said(
        {"tool_calls": [call(0, "call_a", "weather")]},
        {"tool_calls": [call(0, arguments='{"ci')]},
        {"tool_calls": [call(1, "call_b", "time", "{}"), call(0, arguments='ty":"x"}')]},
        finish="tool_calls",
    )
    assert parts == (ToolCall("call_a", "weather", '{"city":"x"}'), ToolCall("call_b", "time", "{}"))
    assert reader.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "pieces",
    [
        [call(None, "call_a", "weather", "{}"), call(None, "call_b", "time", "{}")],  # no index
        [call(0, "call_a", "weather", "{}"), call(0, "call_b", "time", "{}")],  # always the same one
        [call(5, "call_a", "weather", "{}"), call(9, "call_b", "time", "{}")],  # not from zero
        [call(0, "call_a", "weather", {}), call(1, "call_b", "time", None)],  # no text of JSON
    ],
)
def test_calls_are_told_apart_though_their_indexes_say_nothing(pieces: list[dict[str, Any]]) -> None:
    expected = (ToolCall("call_a", "weather", "{}"), ToolCall("call_b", "time", "{}"))
    together, apart = said({"tool_calls": pieces}), said(*({"tool_calls": [piece]} for piece in pieces))
    assert together[1] == expected
    assert apart[1] == expected or pieces[0].get("index") is None
    assert together[0].finish_reason == "tool_calls"  # though the host said stop


def test_calls_without_an_id_of_their_own_get_one() -> None:
    _, parts = said({"tool_calls": [call(0, "0", "weather", {"city": "x"}), call(1, "", "time", "{}")]})
    assert [part.arguments for part in parts] == ['{"city": "x"}', "{}"]
    assert len({part.id for part in parts}) == 2 and all(part.id.startswith("call_") and len(part.id) > 20 for part in parts)


def test_a_call_nested_too_deeply_is_an_error() -> None:
    deep = b'{"choices":[{"delta":{"tool_calls":[{"id":"call_a","function":{"name":"f","arguments":' + b"[" * 1010 + b"]" * 1010
    with pytest.raises(ProviderError):
        Reader("m").read(deep + b"}}]}}]}")


def test_the_name_is_told_once_though_every_fragment_repeats_it() -> None:
    reader = Reader("m")
    first = reader.read(chunk({"tool_calls": [call(0, "call_a", "weather", "{")]}))
    second = reader.read(chunk({"tool_calls": [call(0, "call_a", "weather", "}")]}))
    assert first.tool_calls == (ToolCallDelta(0, "call_a", "weather", "{"),)
    assert second.tool_calls == (ToolCallDelta(0, arguments="}"),)


def test_the_legacy_call_of_a_function() -> None:
    reader, parts = said(
        {"function_call": {"name": "f", "arguments": "{"}}, {"function_call": {"arguments": "}"}}, finish="function_call"
    )
    assert [(part.name, part.arguments) for part in parts] == [("f", "{}")] and reader.finish_reason == "tool_calls"


def test_a_refusal_is_said_and_ends_as_filtered() -> None:
    reader, parts = said({"refusal": "I'm sorry, "}, {"refusal": "no."})
    assert parts == (Text("I'm sorry, no."),) and reader.finish_reason == "filtered"
    assert said({"refusal": None, "content": "x"})[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", "stop"), ("eos_token", "stop"), ("length", "length"), ("model_length", "length"), ("content_filter", "filtered"),
     ("repetition", "other")],
)  # fmt: skip
def test_why_an_answer_ended(word: str, reason: str) -> None:
    assert said({"content": "x"}, finish=word)[0].finish_reason == reason


@pytest.mark.parametrize("word", ["error", "insufficient_system_resource", "abort"])
def test_an_end_that_is_a_failure_is_one(word: str) -> None:
    with pytest.raises(ProviderError, match="broke its answer off"):
        said({"content": "x"}, finish=word)


@pytest.mark.parametrize("word", [None, "", 7, "error", "abort"])
def test_what_is_no_end(word: Any) -> None:
    assert finish_of(word) is None


def test_a_stream_without_an_end_is_a_failure() -> None:
    reader = Reader("m")
    reader.read(chunk({"content": "x"}, finish=""))
    with pytest.raises(ProviderError, match="ended before"):
        reader.last()


def test_the_last_piece_has_the_usage_wherever_it_was_told() -> None:
    reader = Reader("m")
    reader.read(chunk({"content": "x"}, usage={"prompt_tokens": 5, "completion_tokens": 1}))
    reader.read(chunk({}, "stop", usage=None))
    assert reader.last() == ChatDelta(finish_reason="stop", usage=Usage(5, 1), model_version="m")
    reader.read(chunk(None, usage={"prompt_tokens": 5, "completion_tokens": 2}))
    assert reader.last().usage == Usage(5, 2)
    assert said({"content": "x"})[0].last().usage == Usage(estimated=True)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17, "prompt_tokens_details": {"cached_tokens": 4,
          "cache_write_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 5}}, Usage(3, 2, False, 4, 3, 5)),
        # xAI: reasoning beside the completion
        ({"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 22, "completion_tokens_details": {"reasoning_tokens": 5}},
         Usage(10, 7, False, 0, 0, 5)),
        # DeepSeek
        ({"prompt_tokens": 10, "completion_tokens": 7, "prompt_cache_hit_tokens": 8}, Usage(2, 7, False, 8)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 99}, "completion_tokens": 1,
          "completion_tokens_details": {"reasoning_tokens": 99}}, Usage(0, 0, False, 3, 0, 1)),
        ({"prompt_tokens": None, "completion_tokens": "x", "prompt_tokens_details": 7}, Usage()),
        (None, None), ([], None),
    ],
)  # fmt: skip
def test_usage_comes_in_buckets_that_do_not_overlap(told: Any, usage: Usage | None) -> None:
    assert usage_of(told) == usage


COUNT = st.one_of(st.none(), st.integers(-5, 1000))


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_the_sums_of_the_buckets_are_what_was_told(read: Any, written: Any, cached: Any, stored: Any, thought: Any) -> None:
    usage = usage_of({
        "prompt_tokens": read, "completion_tokens": written, "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": stored},
        "completion_tokens_details": {"reasoning_tokens": thought}, "total_tokens": max(read or 0, 0) + max(written or 0, 0) + 0.5,
    })  # fmt: skip
    assert usage.input_tokens == max(read or 0, 0) and usage.output_tokens == max(written or 0, 0)
    assert min(usage.input_uncached, usage.cache_read, usage.cache_write, usage.output_text, usage.output_reasoning) >= 0


def test_the_version_is_the_dated_name_or_the_build() -> None:
    reader = Reader("gpt-5-mini")
    reader.read(chunk({}, model="gpt-5-mini-2025-08-07", system_fingerprint="fp_1"))
    assert reader.version == "gpt-5-mini-2025-08-07"
    reader = Reader("m")
    reader.read(chunk({}, system_fingerprint="b6000"))
    assert reader.version == "b6000"
    reader.read(chunk(None, model=""))
    assert reader.version == "b6000"


def test_a_whole_reply_reads_like_one_chunk() -> None:
    reader, assembly = Reader("m"), Assembly()
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [call(None, "call_a", "f", "{}"), call(None, "call_b", "g", "{}")],
    }
    whole = {
        "choices": [{"message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    assembly.add(reader.read(orjson.dumps(whole)))
    assert assembly.parts() == (ToolCall("call_a", "f", "{}"), ToolCall("call_b", "g", "{}"))
    assert reader.last().usage == Usage(1, 2)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"error":{"message":"CUDA error: out of memory"}}', ModelOutOfMemory),
        (b'{"error":"Slow down","code":"rate_limit_exceeded"}', ProviderRateLimited),
        (b'{"error":{"message":"overloaded","code":503}}', ProviderError),
        (b"[1]", ProviderError),
        (b"<html>", ProviderError),
        (b"\xff", ProviderError),
    ],
)
def test_errors_inside_a_stream_are_typed(data: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        Reader("m").read(data)


def test_an_error_with_a_status_of_its_own_keeps_it() -> None:
    with pytest.raises(ProviderRateLimited):
        Reader("m").read(b'{"error":{"message":"Too many requests","code":429}}')


def test_halves_of_a_character_in_two_pieces_are_one() -> None:
    reader, assembly = Reader("m"), Assembly()
    for half in (rb"\ud83d", rb"\ude00"):
        assembly.add(reader.read(b'{"choices":[{"delta":{"content":"' + half + b'"}}]}'))
    assert assembly.parts() == (Text("😀"),)


NAMES = (
    "choices", "delta", "message", "content", "tool_calls", "function", "name", "arguments", "index", "id", "usage",
    "finish_reason", "function_call", "thinking", "type", "text", "prompt_tokens_details",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=3))
def test_whatever_comes_is_read_or_a_provider_error(chunks: list[Any]) -> None:
    reader = Reader("m")
    for value in chunks:
        try:
            reader.read(json.dumps({"choices": [{"delta": value, "finish_reason": None}]}).encode())
            reader.read(json.dumps(value).encode())
        except ProviderError:
            return
