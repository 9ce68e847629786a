"""Reading what a child sends, with deadlines and budgets, without ever holding up the event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator

from core.errors import DocumentTooComplex
from documents.parsed import SealedPage
from documents.sandbox.frames import HEADER, Content, FrameError, Kind, Tag, decode, header
from documents.sandbox.limits import Limits

CHUNK = 256 << 10
DECODE_IN_THREAD = 64 << 10  # bytes: what takes longer than two milliseconds to decode
MAX_ITEMS = 20_000  # pages and notices of one document

ALLOWED = {
    "parse": frozenset({Tag.TOTAL, Tag.PAGE, Tag.NOTICE, Tag.END, Tag.ERROR}),
    "render": frozenset({Tag.IMAGE, Tag.END, Tag.ERROR}),
    "compute": frozenset({Tag.VALUE, Tag.END, Tag.ERROR}),
}


class TooLong(DocumentTooComplex):
    """The whole document, not one page of it, is beyond a limit."""


class EndOfStream(Exception):
    """The child closed its end, died, or never began, before it said that it was done."""


class Results:
    """The frames of one child. `confined` tells whether it had confined itself when it last spoke."""

    def __init__(self, near: socket.socket, limits: Limits, action: str, ends: float | None = None):
        """`ends` is when the loop's clock ends it; without it, `limits.wall_seconds` from now."""
        near.setblocking(False)
        self._near = near
        self._limits = limits
        self._allowed = ALLOWED[action]
        self._first = frozenset({Tag.KIND, Tag.ERROR}) if action == "parse" else self._allowed
        self._frame_bytes = limits.frame_bytes if action == "parse" else limits.image_bytes
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + limits.wall_seconds if ends is None else ends
        self._buffer = bytearray()
        self._bytes = 0
        self._numbers: set[int] = set()
        self.confined = False

    async def contents(self) -> AsyncIterator[Content]:
        """Checked contents until the end frame.

        Raises DocumentTooComplex at a limit, FrameError for what is no proper frame, EndOfStream when the child is gone.
        """
        if await self._frame(frozenset({Tag.CONFINED})) != (Tag.CONFINED, None):
            raise FrameError("not confined")
        self.confined = True
        allowed = self._first
        count = 0
        while True:
            tag, content = await self._frame(allowed)
            if tag is Tag.END:
                return
            if isinstance(content, Kind):
                allowed = self._allowed
            count += 1
            self._check(content, count)
            yield content
            await asyncio.sleep(0)  # a child that always has more must not starve the others

    def _check(self, content: Content, count: int) -> None:
        if count > MAX_ITEMS:
            raise TooLong("The document has too many pages.", hint="Split the document.")
        if isinstance(content, SealedPage):
            if content.number in self._numbers:
                raise FrameError("a page came twice")
            self._numbers.add(content.number)

    async def _frame(self, allowed: frozenset[Tag]) -> tuple[Tag, Content]:
        now = self._loop.time()
        page = min(self._limits.page_seconds, self._ends - now)
        try:
            async with asyncio.timeout(max(page, 0)):
                tag, length = header(await self._exactly(HEADER.size), self._frame_bytes)
                if tag not in allowed:
                    raise FrameError(f"a {tag.name.lower()} frame where none belongs")
                payload = await self._exactly(length)
        except TimeoutError:
            raise (self._too_slow() if self.confined else EndOfStream()) from None
        self._bytes += length
        if self._bytes > self._limits.result_bytes:
            raise TooLong("The document has too much text.", hint="Split the document.")
        if length > DECODE_IN_THREAD:
            return tag, await asyncio.to_thread(decode, tag, payload)
        return tag, decode(tag, payload)

    async def _exactly(self, length: int) -> bytes:
        buffer = self._buffer
        while len(buffer) < length:
            chunk = await self._loop.sock_recv(self._near, CHUNK)
            if not chunk:
                raise EndOfStream
            buffer += chunk
        data = bytes(buffer[:length])
        del buffer[:length]
        return data

    def _too_slow(self) -> DocumentTooComplex:
        if self._loop.time() >= self._ends:
            seconds = self._limits.wall_seconds
            return TooLong(f"The document took longer than {seconds:g} seconds.", hint="Split the document.")
        after = f"after page {max(self._numbers)}" if self._numbers else "at the beginning"
        return DocumentTooComplex(
            f"Reading the document stood still for more than {self._limits.page_seconds:g} seconds {after}.",
            hint="Remove that page, or raise PAGE_TIMEOUT.",
        )
