from collections.abc import AsyncGenerator

import pytest

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError, ParserCrashed
from documents.parsed import Notice, Page, Total
from documents.sandbox.frames import Kind
from documents.sandbox.results import TooLong
from documents.sandbox.resuming import CHILDREN, resumed


class Reader:
    """A document whose pages in `poison` end the reader; `begun` are the pages that it was begun at."""

    def __init__(self, total: int, poison: dict[int, MyelinError], *, resumable: bool = True):
        self.total, self.poison, self.resumable = total, poison, resumable
        self.begun: list[int] = []

    async def __call__(self, first: int) -> AsyncGenerator:
        self.begun.append(first)
        yield Kind("application/pdf", self.resumable)
        yield Total(self.total)
        yield Notice("too_many_pages", "The document has too many pages.")
        for number in range(first, self.total + 1):
            if number in self.poison:
                raise self.poison[number]
            yield Page(number, f"page {number}").sealed()

    async def read(self) -> tuple[list[int], list[Notice]]:
        parts = [part async for part in resumed(self)]
        assert sum(isinstance(part, Kind) for part in parts) == sum(isinstance(part, Total) for part in parts) == 1
        assert sum(getattr(part, "code", "") == "too_many_pages" for part in parts) == 1
        notices = [part for part in parts if isinstance(part, Notice) and part.code != "too_many_pages"]
        return [part.number for part in parts if hasattr(part, "content")], notices


CRASH = ParserCrashed("The reader of this document crashed.")
SLOW = DocumentTooComplex("It stood still.")


@pytest.mark.parametrize("poison", [1, 3, 4, 5])
async def test_one_page_costs_only_itself(poison: int) -> None:
    reader = Reader(5, {poison: CRASH})
    pages, notices = await reader.read()
    assert pages == [number for number in range(1, 6) if number != poison]
    assert [(notice.code, notice.page) for notice in notices] == [("page_unread", poison)]
    assert "crashed" in notices[0].message
    assert reader.begun == ([1, poison + 1] if poison < 5 else [1])


async def test_neighbours_that_both_end_it_are_both_told() -> None:
    pages, notices = await Reader(6, {3: SLOW, 4: CRASH}).read()
    assert pages == [1, 2, 5, 6] and [notice.page for notice in notices] == [3, 4]


async def test_after_some_deaths_what_was_read_is_kept() -> None:
    reader = Reader(50, dict.fromkeys(range(2, 50, 2), CRASH))
    pages, notices = await reader.read()
    assert pages == [1, 3, 5, 7] and [notice.page for notice in notices] == [2, 4, 6, 8]
    assert len(reader.begun) == CHILDREN


async def test_what_no_page_is_to_blame_for_is_raised() -> None:
    for reader in (
        Reader(5, {3: CRASH}, resumable=False), Reader(1, {1: CRASH}), Reader(9, dict.fromkeys(range(1, 10), CRASH)),
        Reader(5, {3: TooLong("Too much text.")}), Reader(5, {3: DamagedDocument("It is damaged.")}),
    ):  # fmt: skip
        with pytest.raises(MyelinError):
            await reader.read()


async def test_a_death_behind_the_pages_is_one_of_what_is_attached() -> None:
    class WithAttachments(Reader):
        async def __call__(self, first: int) -> AsyncGenerator:
            async for part in super().__call__(first):
                yield part
            raise CRASH

    reader = WithAttachments(3, {})
    pages, notices = await reader.read()
    assert pages == [1, 2, 3] and [notice.code for notice in notices] == ["attachment_unread"] and reader.begun == [1]
