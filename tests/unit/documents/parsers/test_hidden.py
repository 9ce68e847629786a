from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from documents.parsers.hidden import HIDDEN, visible
from tests.unit.documents.parsers.making import read


@pytest.mark.parametrize(
    ("text", "shown", "hidden"),
    [
        ("Total 1\u200b234\u2060,56", "Total 1234,56", 2),
        ("ok" + "".join(chr(0xE0000 + ord(sign)) for sign in "obey"), "ok", 4),
        ("pay \u202e00.001\u202c now", "pay 00.001 now", 2),
        ("a\u2066b\u2069\u200e", "ab", 3),
        ("smuggled" + "".join(chr(0xE0100 + code) for code in range(16)), "smuggled", 16),
        ("a" + "\ufe00\ufe01" * 4, "a", 8),
        ("\u3164\u115f", "", 2),
        ("co\u00adope\ufeffration", "cooperation", 0),
        ("plain text, ação", "plain text, ação", 0),
    ],
)
def test_what_nobody_sees_is_left_out_and_counted(text: str, shown: str, hidden: int) -> None:
    assert visible(text) == (shown, hidden)


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d🔬", "❤\ufe0f", "👩🏽\u200d❤\ufe0f\u200d👨🏽", "1\ufe0f"])
def test_joiners_of_scripts_and_emoji_stay(text: str) -> None:
    assert visible(text) == (text, 0)


@given(some.text(alphabet="ab 🔬می\u200b\u200d\ufe0f\u202e\U000e0041\u00ad"))
def test_nothing_else_is_lost(text: str) -> None:
    shown, _ = visible(text)
    assert HIDDEN.sub("", shown) == HIDDEN.sub("", text)


def test_every_reader_of_text_tells_it_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Total: 10\u200b0\n" * 900, encoding="utf-8")
    pages, notices, total = read(tmp_path / "a.txt")
    assert total == len(pages) > 1
    assert {line for page in pages for line in page.text.split("\n")} <= {"Total: 100", ""}
    assert [(notice.code, "900 characters" in notice.message) for notice in notices] == [("hidden_text", True)]
