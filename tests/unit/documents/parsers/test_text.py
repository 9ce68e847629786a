from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from documents.parsers.base import Context
from documents.parsers.pagination import PAGE_CHARACTERS, clean, stretches
from documents.parsers.text import decode
from tests.unit.documents.parsers.making import read

TEXT = "Ação de São João: R$ 1.234,56 — “fim”\nsegunda linha com palavras comuns\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "cp1252"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode(encoding))
    pages, notices, total = read(tmp_path / "a.txt")
    assert (pages[0].text, notices, total) == (TEXT, [], 1)


def test_mainframe_text_is_known_by_its_blanks(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("The total of invoice 4711 is 99 dollars".encode("cp500"))
    assert read(tmp_path / "a.txt")[0][0].text == "The total of invoice 4711 is 99 dollars"


def test_a_late_accent_does_not_change_the_encoding_of_the_rest() -> None:
    assert decode(b"a" * 100_000 + "ção".encode())[0].endswith("aação")


def test_bytes_that_windows_1252_does_not_know_are_read_still() -> None:
    assert decode(b"caf\xe9 \x81 pronto") == ("caf\xe9 \x81 pronto", [])


def test_an_unknown_encoding_is_told() -> None:
    assert [notice.code for notice in decode("Привет, как дела".encode("cp866"))[1]] == ["encoding_guessed"]


def test_control_characters_never_reach_the_text() -> None:
    assert clean("a\0b\x07c\r\nd\re\x0bf\u2028g\ufffehi\x9fj\tk") == "abc\nd\ne\nf\nghij\tk"


def test_long_texts_are_cut_at_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"linha {number} " + "x" * 90 for number in range(200)))
    pages, notices, total = read(tmp_path / "a.txt", Context(max_pages=2))
    assert (len(pages), total, [notice.code for notice in notices]) == (2, 6, ["too_many_pages"])
    assert all(page.text.startswith("linha") and page.text.endswith("x") for page in pages)


@given(some.lists(some.text(alphabet="ab \t", max_size=60), max_size=40), some.integers(10, 50))
def test_stretches_lose_nothing_and_keep_their_size(lines: list[str], size: int) -> None:
    parts = list(stretches(lines, size))
    assert all(len(part) <= size for part in parts)
    assert "".join("".join(parts).split()) == "".join("".join(lines).split())


@given(some.binary(max_size=300))
def test_any_bytes_are_some_text(data: bytes) -> None:
    text, _ = decode(data)
    assert isinstance(clean(text), str)
    clean(text).encode("utf-8")


def test_the_usual_page_is_a_few_thousand_characters() -> None:
    assert 2_000 <= PAGE_CHARACTERS <= 6_000


@pytest.mark.parametrize(("encoding", "text"), [
    ("cp866", "Однажды, в студеную зимнюю пору, я из лесу вышел; был сильный мороз."),
    ("cp1250", "Zażółć gęślą jaźń, proszę. Książka leży na półce, a źródło wody płynie."),
])  # fmt: skip
def test_other_encodings_are_guessed_and_told(encoding: str, text: str) -> None:
    read_text, notices = decode(text.encode(encoding))
    assert sum(one == other for one, other in zip(read_text, text, strict=True)) > 0.9 * len(text)
    assert [notice.code for notice in notices] == ["encoding_guessed"]


def test_one_bad_byte_does_not_change_the_encoding_of_the_rest() -> None:
    text, notices = decode("São João é aqui. ".encode() * 20 + b"\xe9" + " ação".encode())
    assert text.startswith("São João") and text.endswith("ação") and [notice.code for notice in notices] == ["encoding_guessed"]


def test_a_declaration_is_believed_as_long_as_it_fits() -> None:
    assert decode("Привет".encode("koi8-r"), "KOI8-R")[0] == "Привет"
    assert decode("é".encode(), "iso-8859-1")[0] == "é"
    assert decode("日本".encode("iso2022-jp"), "iso-2022-jp")[0] == "日本"
    for lie in ("rot13", "utf-16", "no-such", "undefined", "\udcff", "x" * 99, "unicode_escape"):
        assert decode(b"caf\xe9", lie)[0] == "café"
