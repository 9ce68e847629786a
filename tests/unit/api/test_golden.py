"""Every conversation of the golden corpus, in every dialect, both ways."""

import itertools
import random
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from providers.assembly import Assembly
from providers.types import ChatReply, Text, Thought, ToolCall
from tests.golden import speaking
from tests.golden.corpus import DIALECTS, Case, names

CASES = [pytest.param(Case(name), dialect, id=f"{name}-{dialect}") for name in names() for dialect in DIALECTS]
WHOLE = [one for one in CASES if one.values[0].error is None]


def test_the_corpus_has_every_feature():
    assert set(names()) == {"text", "image", "tools", "results", "thinking", "schema", "error", "stop", "length"}


@pytest.mark.parametrize(("case", "dialect"), CASES)
def test_a_request_becomes_the_one_vocabulary(case: Case, dialect: str):
    assert speaking.read(dialect, case.body(dialect)).request == case.asked(dialect)


@pytest.mark.parametrize(("case", "dialect"), WHOLE)
def test_a_reply_is_said_exactly(case: Case, dialect: str):
    assert speaking.reply(dialect, case) == case.written(dialect)


@pytest.mark.parametrize(("case", "dialect"), CASES)
def test_a_stream_is_said_exactly(case: Case, dialect: str):
    assert speaking.stream(dialect, case) == case.streamed(dialect)


@pytest.mark.parametrize(("case", "dialect"), WHOLE)
def test_what_is_said_comes_back_with_the_next_turn(case: Case, dialect: str):
    assert history(dialect, case.written(dialect)) == kept(dialect, case.reply).parts


@pytest.mark.parametrize("name", names())
def test_the_pieces_are_the_reply(name: str):
    case, assembly = Case(name), Assembly()
    for delta in case.deltas:
        assembly.add(delta)
    assert assembly.parts() == case.reply.parts


def history(dialect: str, written: dict[str, Any]) -> tuple:
    """The parts of an answer that a client sends back as it got it."""
    question = {"role": "user", "content": "?"}
    body: dict[str, Any] = {"model": "m", "max_tokens": 9}
    if dialect == "responses":
        body["input"] = [question, *written["output"]]
    elif dialect == "anthropic":
        body["messages"] = [question, {"role": "assistant", "content": written["content"]}]
    else:
        message = written["message"] if dialect == "ollama" else written["choices"][0]["message"]
        body["messages"] = [question, message]
    return speaking.read(dialect, body).request.messages[1].parts


def kept(dialect: str, reply: ChatReply) -> ChatReply:
    """What a dialect can hold of a reply: Ollama has no signatures and no ciphers."""
    if dialect != "ollama":
        return reply
    readable = (part for part in reply.parts if not (isinstance(part, Thought) and part.redacted))
    return replace(reply, parts=tuple(replace(part, signature=None) for part in readable))


WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
SIGNATURES = st.none() | st.text("abc=", min_size=1, max_size=4)
OBJECTS = st.dictionaries(WORDS, st.integers(-9, 9) | WORDS, max_size=2).map(lambda value: orjson.dumps(value).decode())


@st.composite
def replies(draw: st.DrawFn) -> ChatReply:
    """Thoughts, then a text, then calls, as models say them and as flat dialects keep them."""
    thoughts = draw(
        st.lists(st.builds(Thought, WORDS, SIGNATURES) | WORDS.map(lambda data: Thought(data, redacted=True)), max_size=3)
    )
    texts = draw(st.lists(st.builds(Text, WORDS, SIGNATURES), max_size=1))
    calls = draw(st.lists(st.builds(ToolCall, st.uuids().map(str), WORDS, OBJECTS, SIGNATURES), max_size=2))
    parts = (*thoughts, *(texts if texts or calls else [Text("?")]), *calls)
    return replace(Case("text").reply, parts=parts)


@given(reply=replies(), dialect=st.sampled_from(("openai", "responses", "anthropic")))
def test_no_part_is_lost_on_the_way_there_and_back(reply: ChatReply, dialect: str):
    case = Case("text")
    case_reply = speaking.written(dialect, reply, case)
    parts = history(dialect, case_reply)
    if dialect == "openai" and not any(one.redacted or one.signature for one in reply.parts if isinstance(one, Thought)):
        joined = "".join(one.text for one in reply.parts if isinstance(one, Thought))
        rest = tuple(one for one in reply.parts if not isinstance(one, Thought))
        assert parts == ((Thought(joined), *rest) if joined else rest)
    else:
        assert parts == reply.parts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("type", "role", "content", "text")), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(seed=st.integers(0, 1 << 30), junk=JSON, name=st.sampled_from(names()), dialect=st.sampled_from(DIALECTS))
def test_whatever_stands_anywhere_in_a_body_is_taken_or_refused_by_its_name(seed: int, junk: Any, name: str, dialect: str):
    body = orjson.loads(orjson.dumps(Case(name).body(dialect)))
    choices = list(_places(body))
    holder, key = random.Random(seed).choice(choices)
    holder[key] = junk
    try:
        speaking.read(dialect, body)
    except InvalidField as error:
        assert error.field and error.hint


def _places(value: Any):
    for key in value if isinstance(value, dict) else itertools.islice(range(len(value)), 50):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
