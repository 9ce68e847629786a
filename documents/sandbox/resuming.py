"""A page that ends its reader costs that page: the others were read before, or are read by another child."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from core.errors import DocumentTooComplex, MyelinError, ParserCrashed
from documents.parsed import Notice, SealedPage, Total
from documents.sandbox.frames import Kind
from documents.sandbox.results import TooLong

CHILDREN = 4  # for one document: three of its pages may each end one

Part = SealedPage | Notice | Total | Kind


async def resumed(answers: Callable[[int], AsyncGenerator[Part, None]]) -> AsyncIterator[Part]:
    """What `answers(1)` yields and, after the death of its child in the middle of pages, `answers(page after that)`.

    Raises what `answers` raises when its reader cannot begin at a page, nothing was read, or the document as a whole is too
    large. No page and no notice comes twice.
    """
    reading = _Reading()
    for child in range(CHILDREN):
        try:
            async with aclosing(answers(reading.first)) as parts:
                async for part in parts:
                    if reading.is_fresh(part):
                        yield part
            return
        except TooLong:
            raise
        except (ParserCrashed, DocumentTooComplex) as error:
            if not reading.goes_on(last=child == CHILDREN - 1):
                raise
            yield reading.lost(error)
            if reading.first > reading.total or child == CHILDREN - 1:
                return


class _Reading:
    """How far a document has been read."""

    def __init__(self) -> None:
        self.first = 1
        self.total = 0
        self._last = 0
        self._pages: set[int] = set()
        self._told: set[Part] = set()
        self._resumable = False

    def is_fresh(self, part: Part) -> bool:
        """False for what an earlier child told as well."""
        if isinstance(part, SealedPage):
            self._last = max(self._last, part.number)
            fresh = part.number not in self._pages
            self._pages.add(part.number)
            return fresh
        if isinstance(part, Kind):
            self._resumable = part.resumable
        elif isinstance(part, Total):
            self.total = part.pages
        elif part.page is not None:
            self._last = max(self._last, part.page)
        fresh = part not in self._told
        self._told.add(part)
        return fresh

    def goes_on(self, *, last: bool) -> bool:
        """True when the death of a child need not be the end: pages were read, or others may be."""
        return self._resumable and self.total > 0 and bool(self._pages or (not last and self.total > 1))

    def lost(self, error: MyelinError) -> Notice:
        """The notice of what ended the child; `first` is the page behind it then."""
        page = max(self._last + 1, self.first)
        self.first = page + 1
        if page > self.total:
            return Notice("attachment_unread", f"What is attached was not read to its end: {error.detail}")
        return Notice("page_unread", f"Page {page} was not read: {error.detail}", page)
