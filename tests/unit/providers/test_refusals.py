"""A question is asked again without what was refused."""

import pytest

from core.errors import ProviderRefused
from providers.refusals import Refusals


def ask(refusals: Refusals, *words: str | None, lasting: bool = True) -> list[frozenset[str]]:
    """What each question left out, of a host that refuses these words one after the other, then answers."""
    question = refusals.question("m")
    asked = [question.without]
    for word in words:
        question.refused(ProviderRefused(f"without {word}"), word, lasting=lasting)
        asked.append(question.without)
    return asked


def test_what_is_refused_is_left_out_and_known_from_then_on() -> None:
    refusals = Refusals()
    assert ask(refusals, "a", "b") == [frozenset(), {"a"}, {"a", "b"}]
    assert refusals.of("m") == {"a", "b"} and not refusals.of("other")
    assert ask(refusals) == [{"a", "b"}]


def test_what_is_refused_this_time_only_is_not_remembered() -> None:
    refusals = Refusals()
    assert ask(refusals, "a", lasting=False) == [frozenset(), {"a"}] and not refusals.of("m")


@pytest.mark.parametrize(("words", "tries"), [((None,), 1), (("a", "a"), 2), (tuple("abcdefgh"), 7)])
def test_a_refusal_that_nothing_cures_is_told(words: tuple[str | None, ...], tries: int) -> None:
    assert len(ask(Refusals(), *words[: tries - 1])) == tries
    with pytest.raises(ProviderRefused, match=f"without {words[tries - 1]}"):
        ask(Refusals(), *words)


def test_so_many_models_are_remembered_and_no_more() -> None:
    refusals = Refusals()
    for number in range(1025):
        refusals.learn(f"m{number}", "a")
    assert refusals.of("m1024") == {"a"} and not refusals.of("m0")
