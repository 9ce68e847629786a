from documents.parsers.layout import Placed
from documents.parsers.merging import confidence, vote


def word(text: str, x0: float, x1: float, sure: float, line: int = 0) -> Placed:
    return Placed(text, x0, 10, x1, 30, line, sure)


def texts(words: list[Placed]) -> list[str]:
    return [one.text for one in words]


def test_where_both_saw_something_the_surer_one_counts() -> None:
    assert texts(vote([word("1.234,56", 0, 80, 0.9)], [word("1.284,56", 1, 79, 0.6)])) == ["1.234,56"]
    assert texts(vote([word("1.284,56", 0, 80, 0.5)], [word("1.234,56", 1, 79, 0.8)])) == ["1.234,56"]


def test_pieces_over_the_same_ink_are_one_decision() -> None:
    assert texts(vote([word("1", 0, 10, 0.6), word("234,56", 15, 80, 0.6)], [word("1.234,56", 0, 80, 0.9)])) == ["1.234,56"]


def test_nothing_that_one_saw_is_lost_but_noise() -> None:
    first, second = (
        [word("Total", 0, 50, 0.9)],
        [word("9,90", 100, 140, 0.8), word("~~", 200, 220, 0.2), word("I", 300, 303, 0.9)],
    )
    merged = vote(first, second)
    assert texts(merged) == ["Total", "9,90"]
    assert len({one.line for one in merged}) == 2  # a line never mixes two readings


def test_confidence_counts_letters() -> None:
    assert confidence([]) == 0.0
    assert confidence([word("a", 0, 1, 0.0), word("bbb", 2, 5, 1.0)]) == 0.75
