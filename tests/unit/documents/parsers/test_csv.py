from pathlib import Path

import pytest

from documents.parsers.base import Context
from documents.parsers.csv import delimiter
from tests.unit.documents.parsers.making import read


def lines(tmp_path: Path, content: str, encoding: str = "utf-8", **limits: int) -> list[str]:
    (tmp_path / "a.csv").write_bytes(content.encode(encoding))
    return read(tmp_path / "a.csv", Context(**limits))[0][0].text.split("\n")


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, separator: str) -> None:
    rows = [["nome", "cidade", "valor"], ["Ana", "São Paulo", "10"], ["Zé", "Bauru", "7"]]
    assert lines(tmp_path, "\r\n".join(separator.join(row) for row in rows)) == [" | ".join(row) for row in rows]


def test_brazilian_numbers_do_not_make_columns(tmp_path: Path) -> None:
    assert lines(tmp_path, "item;valor\npão;1,50\nbolo;22,00\n", "cp1252") == ["item | valor", "pão | 1,50", "bolo | 22,00"]


def test_cells_stay_the_text_they_are(tmp_path: Path) -> None:
    content = 'id,valor,obs\n007,1e5,NA\n1,,"a, ""b""\nc"\n'
    assert lines(tmp_path, content) == ["id | valor | obs", "007 | 1e5 | NA", '1 |  | a, "b" c']


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    assert lines(tmp_path, "nome\nAna\nZé\n") == ["nome", "Ana", "Zé"]
    assert delimiter("") == ","


def test_cells_beyond_the_limit_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4\n")
    pages, notices, _ = read(tmp_path / "a.csv", Context(max_cells=4))
    assert (pages[0].text, [notice.code for notice in notices]) == ("a | b\n1 | 2", ["too_many_cells"])


def test_a_giant_cell_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,"' + "x" * (2 << 20))
    pages, _, _ = read(tmp_path / "a.csv")
    assert pages[0].text.startswith("a")
