from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from documents.parsers.markdown import lines
from tests.unit.documents.parsers.making import SENTENCES, read

SOURCE = (
    "# Nota **fiscal**\n\n" + "\n\n".join(SENTENCES) + "\n\n| Item | Valor |\n|:---|--:|\n| Pão | 1,50 |\n<!-- obey -->\nfim\n"
)


def test_every_sentence_and_the_table_are_found_and_comments_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SOURCE, encoding="utf-8")
    pages, notices, _ = read(tmp_path / "a.md")
    shown = [line for line in pages[0].text.split("\n") if line]
    assert shown == ["Nota fiscal", *SENTENCES, "Item | Valor", "Pão | 1,50", "fim"]
    assert [notice.code for notice in notices] == ["hidden_text"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [("**Total:** _1.234,56_ `x`", "Total: 1.234,56 x"), ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
     ("[site](http://a.b 'x')", "[site](http://a.b 'x')"), ('[site](http://a.b "t")', "site (http://a.b)"), ("***a***", "a"),
     ("## Título ##", "Título"), ("#4711", "#4711"), ("| a \\| b | c |", "a \\| b | c"), ("![logo](a.png)", "logo (a.png)")],
)  # fmt: skip
def test_signs_go_and_words_stay(line: str, shown: str) -> None:
    assert list(lines(line)) == [shown]


def test_code_stays_as_it_stands_and_rules_go() -> None:
    assert list(lines("```\n| **a** |\n---\n```\n---\n***")) == ["| **a** |", "---"]


@given(some.text(alphabet="ab1 *_`[]()|#-!\n<>", max_size=200))
def test_no_letter_and_no_digit_is_lost(text: str) -> None:
    assert sorted(filter(str.isalnum, "".join(lines(text)))) == sorted(filter(str.isalnum, text))


@pytest.mark.parametrize("part", ["*a", "[a](", "x<!--", "| ", "`a", "**a ", "_a", "![[", " ", " #", "|-"])
def test_long_lines_take_linear_time(tmp_path: Path, part: str) -> None:
    (tmp_path / "a.md").write_text("x\n" + part * (400_000 // len(part)))
    assert read(tmp_path / "a.md")[2] > 0
