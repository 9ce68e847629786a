import pytest

from documents.parsers.layout import Placed
from documents.parsers.numerals import CLOSE_ON_RECEIPTS, mended


def row(*pieces: tuple[str, float]) -> list[Placed]:
    """Words of 10 pixels a letter and 20 high, each so many pixels behind the one before it."""
    words, x = [], 0.0
    for text, gap in pieces:
        x += gap
        words.append(Placed(text, x, 0.0, x + 10 * len(text), 20.0, 1, 0.9))
        x += 10 * len(text)
    return words


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        ([("765.865.078-1", 0), ("2", 3)], ["765.865.078-12"]),
        ([("CPF", 0), ("765.865", 8), (".078-", 2), ("12", 2), ("fim", 9)], ["CPF", "765.865.078-12", "fim"]),
        ([("12.ABC.345", 0), ("/01DE-35", 4)], ["12.ABC.345/01DE-35"]),
        ([("1", 0), (".950,00", 3)], ["1.950,00"]),
        ([("01/0", 0), ("1/2020", 4)], ["01/01/2020"]),
        ([("765.865.078-1", 0), ("2", 7)], ["765.865.078-1", "2"]),  # a blank lies between
        ([("12,50", 0), ("3,00", 3)], ["12,50", "3,00"]),
        ([("1234567890", 0), ("1234567890", 3)], ["1234567890", "1234567890"]),
        ([("1", 0), ("2,50", 3)], ["1", "2,50"]),
    ],
)
def test_pieces_closer_than_words_are_one_number(pieces: list[tuple[str, float]], texts: list[str]) -> None:
    assert [word.text for word in mended(row(*pieces))] == texts


def test_the_box_holds_all_pieces_and_the_least_sure_one_counts() -> None:
    first, second = row(("765.865.078-1", 0), ("2", 3))
    (whole,) = mended([first, second._replace(y0=-2.0, confidence=0.4)])
    assert whole == Placed("765.865.078-12", 0.0, -2.0, 143.0, 20.0, 1, 0.4)


def test_on_a_receipt_a_point_may_stand_alone() -> None:
    words = row(("TOTAL", 0), ("RM40.", 30), ("00", 12))
    assert [word.text for word in mended(words)] == ["TOTAL", "RM40.", "00"]
    assert [word.text for word in mended(words, CLOSE_ON_RECEIPTS)] == ["TOTAL", "RM40.00"]
    overlapping = [words[1], words[2]._replace(x0=words[1].x1 - 20)]
    assert [word.text for word in mended(overlapping)] == ["RM40.00"]


def test_pieces_of_two_lines_stay_apart() -> None:
    first, second = row(("765.865.078-1", 0), ("2", 3))
    assert mended([first, second._replace(line=2)]) == [first, second._replace(line=2)]
