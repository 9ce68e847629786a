import doctest

from hypothesis import given
from hypothesis import strategies as st

import utils


def test_the_examples_are_true() -> None:
    results = doctest.testmod(utils)
    assert results.attempted and not results.failed


@given(st.text(st.characters(categories=["L", "So", "Cs"])))
def test_any_text_is_mended_once_and_for_all(text: str) -> None:
    told = utils.mended(text)
    assert told.encode() and told == utils.mended(told) if text else told == ""
    assert told == text or any("\ud800" <= letter <= "\udfff" for letter in text)
