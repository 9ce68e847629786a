from dataclasses import replace

import pytest

from gateway.search import Wanted
from tests.unit.gateway.lists import CHATS, NOTHING_KNOWN, listed, named

SEES = replace(CHATS, vision=True)
NAMES = named(
    listed("ollama/gemma3:4b", local=True, supports=SEES, context=131_072, description="A model of Google"),
    listed("openai/gpt-4o", supports=SEES, price=10.0, context=128_000),
    listed("openai/gpt-4", price=60.0, context=8_192),
    listed("openai/rumour", supports=NOTHING_KNOWN),
    aliases={"house-model": "openai/gpt-4"},
)


@pytest.mark.parametrize(
    "wanted, found",
    [
        (Wanted(), ["gemma3:4b", "gpt-4o", "gpt-4", "rumour"]),
        (Wanted(provider="openai"), ["gpt-4o", "gpt-4", "rumour"]),
        (Wanted(supports=(("vision", True),)), ["gemma3:4b", "gpt-4o"]),
        (Wanted(supports=(("vision", False),)), ["gpt-4"]),
        (Wanted(supports=(("vision", True), ("chat", False))), []),
        (Wanted(max_price=10.0), ["gemma3:4b", "gpt-4o"]),
        (Wanted(max_price=9.99), ["gemma3:4b"]),
        (Wanted(max_price=0.0), ["gemma3:4b"]),
        (Wanted(min_context=128_000), ["gemma3:4b", "gpt-4o"]),
        (Wanted(min_context=128_001), ["gemma3:4b"]),
        (Wanted(words=("gpt", "4o")), ["gpt-4o"]),
        (Wanted(words=("openai/",)), ["gpt-4o", "gpt-4", "rumour"]),
        (Wanted(words=("house",)), ["gpt-4"]),
        (Wanted(words=("google",)), ["gemma3:4b"]),
        (Wanted(provider="openai", words=("google",)), []),
    ],
)
def test_all_wishes_must_be_met_and_what_is_unknown_meets_none(wanted, found):
    assert [model.name for model in wanted.among(NAMES)] == found
