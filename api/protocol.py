"""HTTP/1.1 as uvicorn speaks it, for clients that say what they want in time and for work that ends when they hang up."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Where the line of a request stands among its scope's `extensions`.
LINE = "myelin.line"


class Line:
    """The client's end of a connection. Who works for it says so in `work`, and is cancelled when the client hangs up.

    A task for each request that only waits for the end would cost more than the rest of the way through the gate.
    """

    __slots__ = ("gone", "work")

    def __init__(self) -> None:
        self.gone = False
        self.work: asyncio.Task[None] | None = None

    def hang_up(self) -> None:
        self.gone = True
        if self.work is not None:
            self.work.cancel()


class Corked:
    """A transport that sends the head of an answer together with what follows it: one call of the kernel instead of two.

    What follows nothing goes out at the end of the loop's turn.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop):
        self._transport, self._loop = transport, loop
        self._held = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(b"HTTP/1.1 "):
            self._held = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PromptProtocol(HttpToolsProtocol):
    """Closes a connection whose request headers are not whole `header_seconds` after it was opened.

    On a kept connection the time runs from the first byte of the next request; before it, uvicorn's keep-alive timeout
    does. uvicorn itself knows no such deadline: a client that sends a byte now and then would hold a connection for ever.
    """

    header_seconds = 10.0
    _header_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(cast(asyncio.Transport, Corked(transport, self.loop)))
        self.line = Line()
        self._arm()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {LINE: self.line}

    def data_received(self, data: bytes) -> None:
        if self._header_deadline is None and self.cycle is not None and self.cycle.response_complete:
            self._arm()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._disarm()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        self.line.hang_up()

    def _arm(self) -> None:
        self._header_deadline = self.loop.call_later(self.header_seconds, self.transport.close)

    def _disarm(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None
