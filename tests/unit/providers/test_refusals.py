"""A question is asked again without what was refused."""

from collections.abc import AsyncGenerator

import pytest

from core.errors import ProviderRefused
from providers.refusals import Refusals, Refused
from providers.types import ChatDelta


class Host:
    """Refuses these words one after the other, then answers."""

    def __init__(self, *refused: str | None, lasting: bool = True):
        self.asked: list[frozenset[str]] = []
        self._refused, self._lasting = list(refused), lasting

    async def ask(self, refused: frozenset[str]) -> AsyncGenerator[ChatDelta, None]:
        self.asked.append(refused)
        if self._refused:
            word = self._refused.pop(0)
            raise Refused(ProviderRefused(f"without {word}"), word, lasting=self._lasting)
        yield ChatDelta("hi")
        yield ChatDelta(finish_reason="stop")


async def answer(refusals: Refusals, host: Host) -> str:
    return "".join([delta.text async for delta in refusals.answered("m", host.ask)])


async def test_what_is_refused_is_left_out_and_known_from_then_on() -> None:
    refusals, host = Refusals(), Host("a", "b")
    assert await answer(refusals, host) == "hi"
    assert host.asked == [frozenset(), {"a"}, {"a", "b"}]
    assert refusals.of("m") == {"a", "b"} and not refusals.of("other")


async def test_what_is_refused_this_time_only_is_not_remembered() -> None:
    refusals = Refusals()
    assert await answer(refusals, Host("a", lasting=False)) == "hi" and not refusals.of("m")


@pytest.mark.parametrize(("words", "tries"), [((None,), 1), (("a", "a"), 2), (tuple("abcdefgh"), 7)])
async def test_a_refusal_that_nothing_cures_is_told(words: tuple[str | None, ...], tries: int) -> None:
    host = Host(*words)
    with pytest.raises(ProviderRefused, match=f"without {words[tries - 1]}"):
        await answer(Refusals(), host)
    assert len(host.asked) == tries


async def test_who_stops_listening_ends_the_question() -> None:
    ended = []

    async def ask(_refused: frozenset[str]) -> AsyncGenerator[ChatDelta, None]:
        try:
            yield ChatDelta("hi")
        finally:
            ended.append(True)

    deltas = Refusals().answered("m", ask)
    await anext(deltas)
    await deltas.aclose()
    assert ended


async def test_so_many_models_are_remembered_and_no_more() -> None:
    refusals = Refusals()
    for number in range(1025):
        refusals.learn(f"m{number}", "a")
    assert refusals.of("m1024") == {"a"} and not refusals.of("m0")
