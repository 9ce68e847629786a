import itertools

from hypothesis import given
from hypothesis import strategies as some

from documents.parsers.layout import GAP, Placed, arrange, backward_share, compose, group, rows

coordinate = some.floats(0, 500, allow_nan=False)


@some.composite
def placed(draw) -> Placed:
    x, y = draw(coordinate), draw(coordinate)
    text = draw(some.text(alphabet="abç1.", min_size=1, max_size=8))
    return Placed(text, x, y, x + draw(some.floats(0, 80)), y + draw(some.floats(0, 20)), draw(some.integers(0, 9)))


@given(some.lists(placed(), max_size=40))
def test_offsets_are_exact_and_no_word_is_lost(words: list[Placed]) -> None:
    text, found = arrange(words)
    assert sorted(text[word.start : word.end] for word in found) == sorted(word.text for word in words)
    assert sum(len(word.text) for word in words) == sum(not character.isspace() for character in text)
    assert all(before.end < after.start for before, after in itertools.pairwise(found))


@given(some.lists(placed(), max_size=40))
def test_rows_hold_each_word_once(words: list[Placed]) -> None:
    assert sorted(word for row in rows(words) for word in row) == sorted(words)


def test_cells_stay_apart() -> None:
    line = [Placed("Valor", 10, 0, 40, 10, 0), Placed("total", 43, 0, 70, 10, 0), Placed("9,90", 200, 0, 220, 10, 0)]
    text, _ = compose([line])
    assert text == f"Valor total{GAP}9,90"


def test_two_columns_of_an_article_are_read_one_after_the_other() -> None:
    left = [Placed(f"l{row}", 10, 20 * row, 200, 20 * row + 10, row) for row in range(8)]
    right = [Placed(f"r{row}", 300, 20 * row, 490, 20 * row + 10, 10 + row) for row in range(8)]
    assert arrange(left + right)[0].split() == [word.text for word in left + right]


def test_bottom_to_top_is_backward() -> None:
    upwards = [Placed(str(row), 10, 200 - 20 * row, 60, 210 - 20 * row, row) for row in range(8)]
    assert backward_share(group(upwards)) > 0.5
    assert arrange(upwards)[0].split() == [word.text for word in reversed(upwards)]


def test_upright_words_come_last() -> None:
    side = Placed("margem", 5, 50, 12, 120, 0)
    lines = [Placed(str(row), 100, 20 * row, 160, 20 * row + 10, row) for row in range(6)]
    assert [word for row in rows([side, *lines]) for word in row][-1] == side
