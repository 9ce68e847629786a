"""Bodies with one member in a wrong form: refused by name, or carried through to every provider; never a bug."""

import copy
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pytest

from core.errors import MyelinError
from providers import anthropic_wire, bedrock_wire, cohere_wire, gemini_wire, ollama_wire, openai_wire
from providers.compatible import OpenAI, Vllm
from providers.types import ChatRequest
from tests.golden import speaking
from tests.golden.corpus import DIALECTS, Case, names

MUTANTS = 8000
WRONG = [
    None, True, False, 0, -1, 1.5, 1 << 63, "", "x", "\0", "{", [], {}, [None], [[]], [{}], ["x"], {"a": 1}, {"type": None},
    {"type": "x"}, {"type": []}, {"": ""}, "data:image/png;base64,!!!", "http://169.254.169.254/x", "a" * 70, ABSENT := object(),
]  # fmt: skip
WIRES = {
    "anthropic": anthropic_wire.to_wire,
    "bedrock": bedrock_wire.to_wire,
    "cohere": cohere_wire.to_wire,
    "ollama": partial(ollama_wire.to_wire, num_ctx=4096, num_gpu=None, keep_alive=5, think=None, num_predict=9),
    "openai": partial(openai_wire.to_wire, habits=OpenAI.habits, usage=True),
    "vllm": partial(openai_wire.to_wire, habits=Vllm.habits, usage=True),
}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield (*at, name)
        yield from places(inner, (*at, name))


def mutant(body: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    made = copy.deepcopy(body)
    *way, last = dice.choice(list(places(body)))
    holder = made
    for name in way:
        holder = holder[name]
    if (wrong := dice.choice(WRONG)) is ABSENT:
        del holder[last]
    else:
        holder[last] = wrong
    return made


def carried(request: ChatRequest) -> None:
    gemini_wire.to_wire(request)
    for to_wire in WIRES.values():
        try:
            orjson.dumps(to_wire(request))
        except MyelinError as error:
            assert error.detail


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_member_in_a_wrong_form_is_no_bug(dialect: str) -> None:
    dice, refused = random.Random(7), 0
    bodies = [Case(name).body(dialect) for name in names()]
    for _ in range(MUTANTS):
        body = mutant(dice.choice(bodies), dice)
        try:
            request = speaking.read(dialect, body).request
        except MyelinError as error:
            refused += 1
            assert error.front_status == 400 and error.field, body
        else:
            carried(request)
    assert MUTANTS // 5 < refused < MUTANTS
