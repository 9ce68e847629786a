import json
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.types import ChatDelta
from providers.wrapping import Unwrapping, freeing, has_other_root, in_an_object


def freed(pieces: list[str]) -> str:
    unwrapping = Unwrapping()
    return "".join(map(unwrapping.add, pieces)) + unwrapping.rest()


@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab}"), inner, max_size=3),
        max_leaves=8,
    ),
    cuts=st.lists(st.integers(1, 40), max_size=12),
    indent=st.sampled_from([None, 2]),
)
def test_the_object_around_an_answer_is_taken_away_however_it_is_cut(value: Any, cuts: list[int], indent: int | None) -> None:
    text = json.dumps({"answer": value}, indent=indent)
    pieces, rest = [], text
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert json.loads(freed([*pieces, rest])) == value


@pytest.mark.parametrize("text", ["", "no", "I cannot.", '{"other": 1}', '{"answ": 1}', "[1]", '{"answerx":1}', "{", ' {"ans'])
def test_an_answer_that_is_not_wrapped_stays_as_it_is(text: str) -> None:
    assert freed(list(text)) == freed([text]) == text


def test_what_is_cut_off_inside_comes_as_far_as_it_came() -> None:
    assert freed(['{"answer": [{"a": "x"}']) == '[{"a": "x"'
    assert freed(['{"answer": [{"a":', ' "x"', "}", ", {"]) == '[{"a": "x"}, {'


def test_what_is_no_object_stands_in_one() -> None:
    rows = {"type": "array", "items": {"$ref": "#/$defs/row"}, "$defs": {"row": {"type": "string"}}, "$schema": "x"}
    assert has_other_root(rows) and not has_other_root({"type": "object"}) and not has_other_root({}) and not has_other_root(None)
    told = in_an_object(rows)
    assert told["properties"]["answer"] == {"type": "array", "items": {"$ref": "#/$defs/row"}}
    assert told["$defs"] == {"row": {"type": "string"}} and not has_other_root(told)


def test_the_last_piece_stays_the_last_and_what_was_held_comes_before_it() -> None:
    end = ChatDelta(finish_reason="length")
    said = [*map(ChatDelta, ('{"ans', 'wer": ["a', '"', "} ")), ChatDelta(thinking="hm"), end]
    told = told_of(said)
    assert "".join(delta.text for delta in told) == '["a"' and told[4].thinking == "hm"
    assert [delta.finish_reason for delta in told] == [None] * (len(told) - 1) + ["length"]
    assert told_of([ChatDelta('{"ans'), end]) == [ChatDelta(), ChatDelta('{"ans'), end]
    assert told_of(said, wrapped=False) == said


def told_of(pieces: list[ChatDelta], wrapped: bool = True) -> list[ChatDelta]:
    return list(chain.from_iterable(map(freeing(wrapped), pieces)))
