import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import contexts
from providers.contexts import BUCKETS, choose_context, estimated_tokens, fewest_tokens, looks_cut, looks_halved
from providers.types import TOKENS_PER_IMAGE, Message

SIZES = st.integers(1, 400_000)
LIMITS = st.none() | st.integers(512, 300_000)


def test_examples() -> None:
    assert doctest.testmod(contexts).failed == 0


@pytest.mark.parametrize(
    ("needed", "limit", "loaded", "chosen"),
    [
        (1, None, None, 4096),
        (4096, None, None, 4096),
        (4097, None, None, 8192),
        (200_000, None, None, 131_072),
        (200_000, 32_768, None, 32_768),
        (5000, 40_960, None, 8192),
        (39_000, 40_960, None, 40_960),
        (1, 2048, None, 2048),
        (5000, 131_072, 32_768, 32_768),
        (5000, 131_072, 4096, 8192),
    ],
)
def test_the_bucket(needed: int, limit: int | None, loaded: int | None, chosen: int) -> None:
    assert choose_context(needed, limit, loaded) == chosen


@given(SIZES, LIMITS, st.none() | st.integers(512, 300_000))
def test_a_context_holds_the_prompt_as_far_as_the_model_can(needed: int, limit: int | None, loaded: int | None) -> None:
    chosen = choose_context(needed, limit, loaded)
    assert chosen >= min(needed, limit or BUCKETS[-1], BUCKETS[-1])
    if loaded is None or loaded < chosen:
        assert chosen <= (limit or BUCKETS[-1])
    assert choose_context(needed, limit, chosen) == chosen, "asking again never loads the model anew"


def test_the_estimate_counts_messages_and_images() -> None:
    messages = (Message.of("system", "x" * 22), Message.of("user", "y" * 230, (b"image",)))
    assert estimated_tokens(messages) == 110 + 2 * contexts.TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE
    assert estimated_tokens(()) == 0


@given(st.lists(st.text(max_size=300), max_size=5))
def test_the_least_is_never_more_than_the_estimate(texts: list[str]) -> None:
    messages = tuple(Message.of("user", text) for text in texts)
    assert fewest_tokens(messages) <= estimated_tokens(messages)


def test_wide_layouts_do_not_count_as_words() -> None:
    assert fewest_tokens((Message.of("user", "a" + " " * 10_000 + "b"),)) == 0


@pytest.mark.parametrize(
    ("evaluated", "cut"),
    [(None, False), (2050, True), (4095, True), (4096, True), (20_000, False), (10_001, False), (9_999, True)],
)
def test_fewer_tokens_than_the_prompt_can_have_look_cut(evaluated: int | None, cut: bool) -> None:
    messages = (Message.of("user", "x" * 60_000),)
    assert looks_cut(evaluated, messages, 32_768) is cut


def test_a_full_context_looks_cut_however_short_the_prompt() -> None:
    assert looks_cut(4095, (Message.of("user", "short"),), 4096)


@pytest.mark.parametrize(("evaluated", "halved"), [(2047, False), (2050, True), (2051, True), (2057, False), (4096, False)])
def test_the_half_that_ollama_leaves(evaluated: int, halved: bool) -> None:
    assert looks_halved(evaluated, 4096) is halved
