import doctest

import pytest

from documents.parsers import numbering, sheets
from documents.parsers.sheets import letters, margin, spread


@pytest.mark.parametrize("module", [sheets, numbering])
def test_the_examples_are_true(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


def test_columns_have_names() -> None:
    assert [letters(column) for column in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


@pytest.mark.parametrize(
    ("code", "lines"),
    [("&C&P", []), ("&LPage &P of &N", []), ('&L&"Arial,Bold"&12Contract A&&B', ["Contract A&B"]), ("plain", ["plain"]), ("", []),
     ("&RContract 12/2026 page &P", ["Contract 12/2026 page"])],
)  # fmt: skip
def test_margins_keep_their_own_words(code: str, lines: list[str]) -> None:
    assert margin(code) == lines


def test_merged_cells_end_and_keep_what_is_written() -> None:
    rows = [["a", "1"], ["", "2"], ["own", "3"], ["", "4"]]
    assert list(spread(rows, [((0, 0), (2, 0)), ((0, 5), (3, 5))])) == [["a", "1"], ["a", "2"], ["own", "3"], ["", "4"]]
