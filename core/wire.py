"""One HTTP/1.1 connection as an asyncio protocol: a request goes out, its answer comes in piece by piece.

llhttp (httptools) does the parsing, the kernel the buffering: what is not taken stops the reading of the socket.
"""

import asyncio
import math
from typing import cast

import httptools

_LARGEST_HEAD = 64 << 10
_HIGH_WATER = 256 << 10
#: Bytes of a body that are handed over in one piece.
WRITTEN_AT_ONCE = 256 << 10
_NO_BODY = (204, 304)


class WireError(Exception):
    """The connection ended, or what came was no HTTP; the text names no address and no content."""


class Connection(asyncio.Protocol):
    """A socket to one origin. `begin` begins an exchange; from `headed` on `status` and `headers` are there; `ready` takes the
    body, `spent` tells when it is over. What has not come yet is waited for by `await connection.news()`, again and again.

    All that waits raises TimeoutError from `due` on, a time of the loop. One timer serves thousands of exchanges: a timer for
    each wait would cost as much as the sending.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.reusable = False
        self.due = math.inf
        self._loop = asyncio.get_running_loop()  # asked once: it costs a call of the kernel each time
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self.on_body = self._chunks.append  # called for each piece of a chunked body: hundreds in a read
        self._parser = httptools.HttpResponseParser(self)  # one for all answers: it takes as long to make as to read one
        self._buffered = self._head_bytes = 0
        self.headed = self._until_close = self._paused = self._full = self._cut = self._served = False
        self._done = True  # until something is asked, nothing may be said
        self._error: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf

    # ---- what its user does --------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def spent(self) -> bool:
        """Whether the whole answer was received and taken."""
        return self._done and not self._chunks

    @property
    def stale(self) -> bool:
        """Whether it has served before, and the other side closed it without a word to what was sent last."""
        return self._served and not self._head_bytes and not self.open

    def begin(self, head: bytes) -> None:
        """Starts an exchange with the head of a request, and a small body right behind it. Raises WireError."""
        self._head_bytes = 0
        transport = self._alive()
        self.status, self.headers, self.reusable = 0, {}, False
        self.headed = self._done = self._until_close = self._cut = False
        transport.write(head)

    async def feed(self, body: bytes) -> None:
        """Sends a large body in pieces, as fast as they are taken. Raises WireError."""
        for start in range(0, len(body), WRITTEN_AT_ONCE):
            if not await self.more(body[start : start + WRITTEN_AT_ONCE]):
                return

    async def more(self, piece: bytes) -> bool:
        """Sends on with a body, as fast as it is taken; False when the answer came early: nobody reads the rest.

        Raises WireError.
        """
        while self._full and not self.headed:
            await self.news()
        if self.headed:
            self._cut, self.reusable = True, False
            return False
        self._alive().write(piece)
        return True

    def ready(self) -> bytes | None:
        """What of the body has come since; b"" at its end, None when there is nothing yet. Raises WireError."""
        if self._chunks:
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._buffered = 0
            if self._paused:
                self._paused = False
                if self.open:
                    cast(asyncio.Transport, self._transport).resume_reading()
            return data
        if self._done:
            return b""
        if self._error is not None:
            raise WireError(self._error)
        return None

    def news(self) -> asyncio.Future[None]:
        """Done as soon as anything has come, or nothing more can. Raises WireError."""
        if self._error is not None and not self._chunks:
            raise WireError(self._error)
        if self.due < self._rings_at:
            self._arm()
        self._waiter = self._loop.create_future()
        return self._waiter

    def abort(self) -> None:
        """Closes the socket at once, so that the other side notices and stops working."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _alive(self) -> asyncio.Transport:
        if self._error is not None or not self.open:
            raise WireError(self._error or "the connection is closed")
        return cast(asyncio.Transport, self._transport)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = self.due
        self._timer = self._loop.call_at(self.due, self._ring)

    def _ring(self) -> None:
        """Nobody waits, or what is waited for came later than the timer was set for: then it is set anew."""
        self._timer, self._rings_at = None, math.inf
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self.due:
            self._arm()
        else:
            self._waiter.set_exception(TimeoutError())
            self._waiter = None

    def _tell(self) -> None:
        if self._waiter is not None:
            if not self._waiter.done():  # cancelled
                self._waiter.set_result(None)
            self._waiter = None

    def _fail(self, why: str) -> None:
        if not self._done and self._error is None:
            self._error = why
        self._tell()

    # ---- what the loop calls -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._done:
            self._fail("the upstream said something that nobody asked for")
            self.abort()
            return
        if not self.headed:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeDecodeError):
            self._fail("no usable answer: it is not HTTP")
            self.abort()
            return
        if not self.headed and self._head_bytes > _LARGEST_HEAD:
            self._fail("the head of the answer is too large")
            self.abort()
            return
        if self._chunks:
            self._buffered += len(data)
            self._tell()
            if self._buffered > _HIGH_WATER and not self._paused and self.open:
                self._paused = True
                cast(asyncio.Transport, self._transport).pause_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_close and self.headed and exc is None and self._error is None:
            self._done = True
        self.reusable = False
        self._fail("the connection ended early")
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._tell()

    # ---- what the parser calls -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._done:
            raise ValueError("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # an interim answer; the real one follows (RFC 9110 §15.2)
            self.headers = {}
            return
        self.status = status
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        self._until_close = not framed and status not in _NO_BODY
        self.headed = True
        self._tell()

    def on_message_complete(self) -> None:
        if self.headed:
            self._done = self._served = True
            self.reusable = self._parser.should_keep_alive() and not self._full and not self._cut
            self._tell()
