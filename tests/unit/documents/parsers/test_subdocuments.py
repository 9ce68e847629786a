import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import DamagedDocument, DocumentError, UnsupportedType
from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers import subdocuments
from documents.parsers.base import Context, Parser
from documents.parsers.subdocuments import MAX_ATTACHMENTS, locate, read, title

LINE_END = re.compile(";+")


@dataclass
class Scripted:
    """A reader of scripts: `page TEXT`, `notice PAGE`, `attach NAME SCRIPT` with `;` for line ends (`;;` inside it), `raise KIND`."""

    title = "script"
    content_type = "text/script"
    extensions = ()

    def accepts(self, sniffed: object) -> int | None:
        return 1

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        lines = path.read_text().split("\n")
        yield Total(sum(line.startswith("page") for line in lines))
        number = 0
        for line in lines:
            verb, _, rest = line.partition(" ")
            if verb == "page":
                number += 1
                if number <= context.max_pages:
                    yield Page(number, rest, label="own" if rest == "labelled" else None)
            elif verb == "notice":
                yield Notice("odd", "Something is odd.", int(rest))
            elif verb == "attach":
                name, _, script = rest.partition(" ")
                yield Attachment(name, LINE_END.sub(lambda match: match[0][1:] or "\n", script).encode())
            elif verb == "raise":
                raise {"damaged": DamagedDocument("It is damaged."), "crash": ZeroDivisionError(), "deep": RecursionError(),
                       "memory": MemoryError()}[rest]  # fmt: skip


def choose(path: Path, filename: str) -> Parser:
    if filename.endswith(".exe"):
        raise UnsupportedType("The file is a Windows program, which cannot be read.")
    return Scripted()


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def made(*lines: str) -> Path:
        (tmp_path / "document").write_text("\n".join(lines))
        return tmp_path / "document"

    return made


def items(path: Path, context: Context | None = None) -> list[Page | Notice | Total]:
    return list(read(path, Scripted(), choose, context or Context()))


def pages(found: list) -> list[tuple[int, str, str | None]]:
    return [(item.number, item.text, item.label) for item in found if isinstance(item, Page)]


def test_attachments_follow_their_parent_numbered_on_and_labelled(document) -> None:
    path = document("page one", "attach a page two;page labelled;notice 2;attach b page four", "page last", "attach c page five")
    found = items(path)
    assert pages(found) == [
        (1, "one", None), (2, "last", None), (3, "two", "a"), (4, "labelled", "a › own"), (5, "four", "a › b"), (6, "five", "c"),
    ]  # fmt: skip
    assert [item.pages for item in found if isinstance(item, Total)] == [2, 4, 5, 6]
    assert [item for item in found if isinstance(item, Notice)] == [Notice("odd", "a: Something is odd.", 4)]


@pytest.mark.parametrize(
    ("name", "script", "reason"),
    [
        ("a.exe", "", "a Windows program"), ("a", "raise damaged", "It is damaged."), ("a", "raise crash", "reader of this type"),
        ("a", "raise deep", "nested too deeply"), ("a", "raise memory", "more memory"),
    ],
)  # fmt: skip
def test_one_that_cannot_be_read_costs_a_notice(document, name: str, script: str, reason: str) -> None:
    found = items(document("page one", f"attach {name} {script}", "attach b page two"))
    assert pages(found) == [(1, "one", None), (2, "two", "b")]
    (notice,) = [item for item in found if isinstance(item, Notice)]
    assert notice.code == "attachment_unread" and notice.message.startswith(f"{name}: ") and reason in notice.message


def test_pages_that_one_gave_before_it_failed_stay_and_keep_their_numbers(document) -> None:
    found = items(document("page one", "attach a page two;raise damaged;page never", "attach b page four"))
    assert pages(found) == [(1, "one", None), (2, "two", "a"), (4, "four", "b")]


def test_the_errors_of_the_parent_wait_for_its_attachments(document) -> None:
    found = items(document("attach a page one", "raise damaged"))
    assert pages(found) == [(1, "one", "a")]
    assert Notice("unreadable_document", "It is damaged.").message in [item.message for item in found if isinstance(item, Notice)]
    with pytest.raises(DocumentError):
        items(document("page one", "raise damaged"))


def refused(found: list) -> list[str]:
    """The names in the one notice of attachments beyond the limits."""
    (notice,) = [item for item in found if isinstance(item, Notice)]
    assert notice.code == "attachment_unread"
    return notice.message.partition(": ")[2].split(", ")


def test_too_many_are_told_once(document) -> None:
    found = items(document("page 1", *(f"attach n{number} page x" for number in range(MAX_ATTACHMENTS + 3))))
    assert refused(found) == ["n50", "n51", "n52"]
    assert len(pages(found)) == 1 + MAX_ATTACHMENTS


def test_too_deep_is_told(document) -> None:
    found = items(document("page 1", "attach a page 2;attach b page 3;;attach c page 4;;;attach d page 5"))
    assert refused(found) == ["d"]
    assert [label for _, _, label in pages(found)] == [None, "a", "a › b", "a › b › c"]


def test_too_large_is_told(document, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subdocuments, "MAX_BYTES", 2000)
    found = items(document("attach a page " + "x" * 1500, "attach b page " + "x" * 600, "attach c page y"))
    assert refused(found) == ["b"] and [label for _, _, label in pages(found)] == ["a", "c"]


def test_the_limit_of_pages_counts_for_all(document) -> None:
    found = items(document("page one", "attach a page two;page three", "attach b page four"), Context(max_pages=2))
    assert [number for number, _, _ in pages(found)] == [1, 2]
    assert max(item.pages for item in found if isinstance(item, Total)) == 4


@pytest.mark.parametrize(
    ("page", "text", "number"),
    [(1, "own", 1), (2, "attached", 1), (3, "attached", 2), (4, "inner", 1), (5, "later", 1), (9, "own", 9)],
)
def test_a_page_is_found_where_it_was_read(document, page: int, text: str, number: int) -> None:
    path = document(
        "page own", "attach bad raise damaged", "attach a page attached;page attached;attach b page inner", "attach c page later"
    )
    place, _, found = locate(path, Scripted(), choose, Context(), page)
    assert f"page {text}" in place.read_text().split("\n") and found == number


def test_the_page_of_a_document_that_cannot_be_read_is_its_own_affair(document) -> None:
    path = document("raise damaged")
    assert locate(path, Scripted(), choose, Context(), 1)[0] == path


def test_names_are_shown_in_one_line() -> None:
    assert title("a\nb\u202e\u200bc\t " + "x" * 500) == "a bc " + "x" * 115
    assert title("\n") == "attachment"
