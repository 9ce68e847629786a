from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidAnswer, ProviderError
from providers.collecting import BlankRun, collect
from providers.types import ChatDelta, ChatRequest, Message, Usage

PLAIN = ChatRequest("m", (Message.of("user", "?"),))
JSON = ChatRequest("m", (Message.of("user", "?"),), schema={"type": "object"})
END = ChatDelta(finish_reason="stop", usage=Usage(3, 2), model_version="v1")


async def stream(*deltas: ChatDelta) -> AsyncIterator[ChatDelta]:
    for delta in deltas:
        yield delta


async def test_pieces_become_one_reply() -> None:
    pieces = stream(ChatDelta("", "hmm"), ChatDelta('{"a":'), ChatDelta("1}"), END)
    reply = await collect(pieces, JSON, "Ollama", 100)
    assert (reply.text, reply.thinking, reply.finish_reason, reply.usage) == ('{"a":1}', "hmm", "stop", Usage(3, 2))
    assert (reply.model, reply.model_version) == ("m", "v1")


async def test_a_stream_without_its_last_piece_is_an_error() -> None:
    with pytest.raises(ProviderError, match="before it was complete"):
        await collect(stream(ChatDelta("half")), PLAIN, "Ollama", 100)


async def test_usage_that_was_not_told_is_estimated() -> None:
    reply = await collect(stream(ChatDelta("x", finish_reason="stop")), PLAIN, "Ollama", 100)
    assert reply.usage.estimated


@pytest.mark.parametrize(("blanks", "lost"), [(64, False), (65, True)])
async def test_json_lost_in_white_space_is_given_up(blanks: int, lost: bool) -> None:
    pieces = [ChatDelta(" \n"[index % 2]) for index in range(blanks)]
    if lost:
        with pytest.raises(InvalidAnswer, match="white space"):
            await collect(stream(*pieces, END), JSON, "Ollama", 100)
    else:
        assert (await collect(stream(*pieces, END), JSON, "Ollama", 100)).text.isspace()


async def test_prose_may_have_wide_spaces() -> None:
    assert len((await collect(stream(ChatDelta(" " * 500), END), PLAIN, "Ollama", 100)).text) == 500


async def test_a_model_that_does_not_keep_to_its_cap_is_given_up() -> None:
    pieces = [ChatDelta("word " * 100)] * 20
    with pytest.raises(InvalidAnswer, match="did not stop"):
        await collect(stream(*pieces, END), PLAIN, "Ollama", 100)
    assert len((await collect(stream(*pieces, END), PLAIN, "Ollama", 1000)).text) == 10_000


async def test_thoughts_without_end_are_given_up() -> None:
    with pytest.raises(InvalidAnswer, match="did not stop"):
        await collect(stream(*[ChatDelta("", "x" * 65536)] * 17, END), PLAIN, "Ollama", 10**9)


@given(st.lists(st.text(alphabet="a \n\t\u00a0", max_size=30), max_size=20))
def test_a_run_is_counted_over_the_borders_of_pieces(pieces: list[str]) -> None:
    run = BlankRun()
    longest = max((run.add(piece) for piece in pieces), default=0)
    assert longest == max((len(blank) for blank in "".join(pieces).replace("a", "|").split("|")), default=0)


@pytest.mark.parametrize(("pieces", "text"), [(("\ud83d", "\ude00"), "😀"), (("a\ud83d", "b"), "a\ufffdb"), (("ç", "é"), "çé")])
async def test_halves_of_characters_are_joined_or_replaced(pieces: tuple[str, ...], text: str) -> None:
    thoughts, texts = [ChatDelta("", piece) for piece in pieces], [ChatDelta(piece) for piece in pieces]
    reply = await collect(stream(*thoughts, *texts, END), PLAIN, "Gemini", 100)
    assert reply.text == reply.thinking == text
