from hypothesis import given
from hypothesis import strategies as some

from documents.parsers.layout import Placed
from documents.parsers.merging import confidence, vote

words = some.builds(
    lambda x, y, width, height, line, confidence, text: Placed(text, x, y, x + width, y + height, line, confidence),
    some.integers(0, 900), some.integers(0, 900), some.integers(1, 200), some.integers(1, 40), some.integers(0, 20),
    some.floats(0, 1), some.text("abc1", min_size=1, max_size=6),
)  # fmt: skip


def placed(text: str, x: float, y: float, sure: float, line: int = 0) -> Placed:
    return Placed(text, x, y, x + 12 * len(text), y + 20, line, sure)


def texts(found: list[Placed]) -> set[str]:
    return {word.text for word in found}


def test_the_surer_of_two_readings_of_the_same_ink_counts() -> None:
    assert texts(vote([placed("l.234,S6", 0, 0, 0.6)], [placed("1.234,56", 0, 1, 0.9)])) == {"1.234,56"}
    assert texts(vote([placed("1.234,56", 0, 0, 0.9)], [placed("l.234,S6", 0, 1, 0.6)])) == {"1.234,56"}


def test_words_that_were_split_are_decided_together() -> None:
    split = [placed("1.2", 0, 0, 0.9), placed("34,5", 40, 0, 0.5)]
    assert texts(vote(split, [placed("1.234,56", 0, 0, 0.8)])) == {"1.234,56"}


def test_what_one_reading_alone_saw_is_kept_unless_it_is_noise() -> None:
    first = [placed("Total", 0, 0, 0.9)]
    assert texts(vote(first, [placed("9,90", 400, 0, 0.8)])) == {"Total", "9,90"}
    assert texts(vote(first, [placed("~", 400, 0, 0.8), placed("iiI", 500, 0, 0.3)])) == {"Total"}


def test_lines_of_two_readings_stay_apart() -> None:
    found = vote([placed("Total", 0, 0, 0.9, line=3)], [placed("9,90", 400, 0, 0.8, line=3)])
    assert len({word.line for word in found}) == 2


@given(some.lists(words, max_size=12), some.lists(words, max_size=12))
def test_no_word_of_the_first_reading_is_lost_without_a_surer_one_in_its_place(first, second) -> None:
    found = vote(first, second)
    assert len(found) <= len(first) + len(second)
    if not second:
        assert sorted(found) == sorted(first)
    if first and not found:
        raise AssertionError("everything was lost")


def test_confidence_counts_letters() -> None:
    assert confidence([]) == 0
    assert abs(confidence([placed("abc", 0, 0, 1.0), placed("x", 0, 0, 0.0)]) - 0.75) < 1e-9
