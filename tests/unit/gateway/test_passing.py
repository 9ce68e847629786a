import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProviderError
from gateway.passing.anthropic import AnthropicPassage
from gateway.passing.frames import Frames, events
from gateway.passing.ollama import OllamaPassage
from gateway.passing.openai import OpenAIPassage
from providers.openai_stream import usage_of
from providers.types import Usage


def openai(delta, finish=None, **more):
    return b"data: " + orjson.dumps({"choices": [{"delta": delta, "finish_reason": finish}], **more}) + b"\n\n"


def anthropic(kind, **more):
    return f"event: {kind}\n".encode() + b"data: " + orjson.dumps({"type": kind, **more}) + b"\n\n"


OPENAI = (
    openai({"role": "assistant", "content": ""}) + openai({"content": 'a "finish_reason":"stop" [DONE] é'}) + openai({}, "tool_calls")
    + b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},'
    b'"completion_tokens_details":{"reasoning_tokens":2}}}\n\n'
)  # fmt: skip
DONE = b"data: [DONE]\n\n"
MESSAGE = {"usage": {"input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 1}}
WRITTEN = {"input_tokens": None, "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}}
ANTHROPIC = (
    anthropic("message_start", message=MESSAGE) + anthropic("ping") + anthropic("content_block_start", index=0)
    + anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": "message_stop"})
    + anthropic("message_delta", delta={"stop_reason": "max_tokens"}, usage=WRITTEN) + anthropic("message_stop")
)  # fmt: skip


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 5000), max_size=12), st.booleans())
def test_openai_streams_pass_however_they_are_cut(places, hides):
    passage = OpenAIPassage(hides_usage=hides)
    said = b"".join(passage.take(piece) for piece in cut(OPENAI + DONE, places)) + passage.finish()
    whole = [raw for raw, told in events(OPENAI) if not hides or b'"choices":[]' not in told]
    assert said == b"".join(whole) + DONE
    assert passage.seen.usage == Usage(6, 3, False, 4, 0, 2) and passage.seen.finish_reason == "tool_calls"


@pytest.mark.parametrize("word", ["", "error", "insufficient_system_resource", None])
def test_an_end_that_is_none_is_not_taken_for_one(word):
    """Some hosts write an empty reason into every chunk, and some a word for their own failure."""
    passage = OpenAIPassage(hides_usage=False)
    passage.take(openai({"content": "Hel"}, word) + DONE)
    with pytest.raises(ProviderError, match="ended before it was complete"):
        passage.finish()


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_anthropic_streams_pass_however_they_are_cut(places):
    passage = AnthropicPassage()
    said = b"".join(passage.take(piece) for piece in cut(ANTHROPIC, places)) + passage.finish()
    assert said == ANTHROPIC and passage.seen.over and passage.seen.finish_reason == "length"
    assert passage.seen.usage == Usage(10, 4, cache_read=4, cache_write=1, output_reasoning=3)


OLLAMA = b"".join(
    orjson.dumps({"model": "m", **piece}) + b"\n"
    for piece in (
        {"message": {"role": "assistant", "content": ""}, "done": False},
        {"message": {"role": "assistant", "content": '"done":true'}, "done": False},
        {"message": {"content": ""}, "done": True, "done_reason": "length", "prompt_eval_count": 3, "eval_count": 5},
    )
)


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_the_line_ends_of_a_provider_stay_as_they_are(places):
    passage, told = AnthropicPassage(), ANTHROPIC.replace(b"\n", b"\r\n")
    assert b"".join(passage.take(piece) for piece in cut(told, places)) + passage.finish() == told


def test_events_between_the_first_content_and_the_last_are_counted_but_not_read():
    passage = OpenAIPassage(hides_usage=False)
    unread = b"data: neither JSON nor read\n\n" * 50
    told = passage.take(openai({"content": "a"}) + unread + openai({"content": "z"}, "stop"))
    assert unread in told and passage.seen.pieces == 52 and passage.seen.ended


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_lines_of_ollama_pass_however_they_are_cut(places):
    passage = OllamaPassage()
    said = b"".join(passage.take(piece) for piece in cut(OLLAMA, places)) + passage.finish()
    assert said == OLLAMA and passage.seen.over and passage.seen.finish_reason == "length"
    assert passage.seen.usage == Usage(3, 5)


@given(st.integers(0, len(OLLAMA) - 2))
def test_lines_that_are_cut_anywhere_are_not_whole(place):
    passage = OllamaPassage()
    with pytest.raises(ProviderError):
        passage.take(OLLAMA[:place])
        passage.finish()


def test_an_answer_that_begins_with_its_end_has_begun():
    passage = OllamaPassage()
    passage.take(b'{"done":true,"done_reason":"load"}\n')
    assert passage.seen.begun and passage.seen.ended


@given(st.integers(0, len(ANTHROPIC) - 1))
def test_a_message_that_is_cut_anywhere_is_not_whole(place):
    passage = AnthropicPassage()
    passage.take(ANTHROPIC[:place])
    if ANTHROPIC[:place].rstrip() != ANTHROPIC.rstrip():
        with pytest.raises(ProviderError):
            passage.finish()


def test_a_text_that_looks_like_an_end_is_none():
    passage = OpenAIPassage(hides_usage=False)
    passage.take(openai({"content": '"finish_reason":"stop" [DONE]'}) * 2)
    assert not passage.seen.ended and not passage.seen.over
    with pytest.raises(ProviderError):
        passage.finish()


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_both_line_ends_end_an_event(end):
    frames = Frames()
    assert frames.take(b"data: 1" + end + b"data: 2") == b"data: 1" + end and frames.rest == b"data: 2"
    assert frames.take(end) == b"data: 2" + end


def test_an_event_without_an_end_is_refused_before_it_fills_the_memory():
    frames = Frames()
    with pytest.raises(ProviderError):
        for _ in range(6):
            frames.take(b"x" * (1 << 20))


@pytest.mark.parametrize("passage", [OpenAIPassage(hides_usage=False), AnthropicPassage(), OllamaPassage()])
@pytest.mark.parametrize("told", [b"<html>", b'{"half', b"[1]", b"null"])
def test_a_piece_that_is_no_object_is_refused(passage, told):
    with pytest.raises(ProviderError):
        passage.take(told + b"\n" if isinstance(passage, OllamaPassage) else b"data: " + told + b"\n\n")


def test_the_first_content_is_more_than_a_role():
    passage = OpenAIPassage(hides_usage=False)
    passage.take(openai({"role": "assistant", "content": ""}))
    assert not passage.seen.begun
    passage.take(openai({"tool_calls": [{"index": 0}]}))
    assert passage.seen.begun


@given(st.integers(), st.integers(), st.integers(), st.integers())
def test_buckets_never_overlap_whatever_a_provider_counts(read, written, cached, thought):
    usage = usage_of({
        "prompt_tokens": read, "completion_tokens": written, "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": thought},
    })  # fmt: skip
    assert usage.input_tokens == max(read, 0) and usage.output_tokens == max(written, 0)
    assert min(usage.input_uncached, usage.cache_read, usage.output_text, usage.output_reasoning) >= 0


@pytest.mark.parametrize(
    ("passage", "told"),
    [
        (OpenAIPassage(hides_usage=False), b'data: {"error":{"message":"x"}}\n\n'),
        (AnthropicPassage(), b'event: error\ndata: {"type":"error","error":{}}\n\n'),
        (OllamaPassage(), b'{"error":"x"}\n'),
    ],
)
def test_an_error_inside_a_stream_goes_through_and_ends_it(passage, told):
    assert passage.take(told) == told
    assert passage.seen.failed and passage.seen.over and not passage.seen.ended
    with pytest.raises(ProviderError, match="before it was complete"):
        passage.finish()
