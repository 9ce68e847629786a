from documents.parsers.arrangement import in_rows
from documents.parsers.layout import Placed


def piece(text: str, x: float, y: float, line: int, height: float = 20) -> list[Placed]:
    return [
        Placed(part, x + 60 * index, y, x + 60 * index + 50, y + height, line, 0.9) for index, part in enumerate(text.split())
    ]


def lines(words: list[Placed]) -> list[str]:
    found: dict[int, list[str]] = {}
    for word in words:
        found.setdefault(word.line, []).append(word.text)
    return [" ".join(found[number]) for number in sorted(found)]


def test_cells_side_by_side_are_one_row_from_the_left() -> None:
    words = (
        piece("valor total", 500, 103, 0) + piece("data", 0, 100, 1) + piece("9,90", 500, 140, 2) + piece("05/03/2026", 0, 141, 3)
    )
    assert lines(in_rows(words)) == ["data valor total", "05/03/2026 9,90"]


def test_a_dash_stays_with_the_words_that_it_was_read_with() -> None:
    dash = Placed("-", 60, 130, 70, 133, 0, 0.9)
    words = [*piece("São", 0, 100, 0, height=34), dash, *piece("SP", 400, 100, 1)]
    assert lines(in_rows(words)) == ["São - SP"]


def test_nothing_is_nothing() -> None:
    assert in_rows([]) == []


def test_a_title_does_not_swallow_the_small_print_beside_it() -> None:
    words = piece("DANFE", 0, 100, 0, height=60) + piece("modelo", 400, 95, 1) + piece("série", 400, 150, 2)
    assert len(lines(in_rows(words))) >= 2
