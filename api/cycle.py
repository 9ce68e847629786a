"""One request and its answer, at half the price of uvicorn's: an answer's head is checked once and sent with its body."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl

_log = logging.getLogger("uvicorn.error")
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_BODILESS = (204, 304)
_MOST_HELD = 64 << 10


class Cycle:
    """What uvicorn's protocol needs of a cycle, and what it sets: `body`, `more_body`, `disconnected`, `keep_alive`.

    The head of an answer waits for the first piece of its body: one call of the kernel instead of two. The pieces of a stream
    go out together at the end of the loop's turn in which they were said. `message_event` is the connection's.
    """

    response_started = response_complete = disconnected = chunked_encoding = False
    more_body = True
    expected_content_length = 0
    _held_bytes = 0
    _flushes = _taken = False

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: FlowControl,
        loop: asyncio.AbstractEventLoop,
        message_event: asyncio.Event,
        default_headers: Sequence[tuple[bytes, bytes]],
        expect_100_continue: bool,
        keep_alive: bool,
        on_response: Callable[[], None],
    ):
        self.scope, self.transport, self.flow, self.loop = scope, transport, flow, loop
        self.message_event, self.default_headers = message_event, default_headers
        self.waiting_for_100_continue, self.keep_alive, self.on_response = expect_100_continue, keep_alive, on_response
        self.body = bytearray()
        self._held: list[bytes] = []

    async def run_asgi(self, app: ASGIApp) -> None:
        """An answer that is not whole when `app` ends is told by the end of its connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:
            _log.error("Exception in ASGI application", exc_info=error)
        finally:
            if not self.response_complete and not self.disconnected:
                self._break_off()
            self.on_response = _nothing  # it holds the connection, and the connection us

    def _break_off(self) -> None:
        if not self.response_started:
            self.keep_alive = False
            self._begin(500, [(b"content-length", b"0")])
        self._flush()
        self.transport.close()

    async def send(self, message: Message) -> None:
        """Raises RuntimeError for what is no answer of HTTP; drops what is meant for a client that is gone."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.body" and self.response_started and not self.response_complete:
            self._say(message.get("body", b""), message.get("more_body", False))
        elif message["type"] == "http.response.start" and not self.response_started:
            self._begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"Unexpected ASGI message {message['type']!r}.")

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Headers have their names in small letters, as ASGI says."""
        lines = [_STATUS_LINES[status], *map(b": ".join, self.default_headers), *map(b": ".join, headers), b""]
        head = b"\r\n".join(lines)
        if len(head.splitlines()) != len(lines) - 1 or head.find(b"\0") >= 0:
            raise RuntimeError("A header with a line break.")
        if head.find(b"\r\nconnection: close\r\n") >= 0:
            self.keep_alive = False
        elif not self.keep_alive:
            head += b"connection: close\r\n"
        _, told, length = head.partition(b"\r\ncontent-length: ")
        if told:
            self.expected_content_length = int(length.partition(b"\r")[0])
        elif self.scope["method"] != "HEAD" and status not in _BODILESS:
            head += b"transfer-encoding: chunked\r\n"
            self.chunked_encoding = True
            self._flush_soon()
        self.response_started, self.waiting_for_100_continue = True, False
        self._held.append(head + b"\r\n")

    def _say(self, body: bytes, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                body += b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
        if self.expected_content_length < 0 or (self.expected_content_length and not more):
            raise RuntimeError("The content has another length than Content-Length says.")
        if body:
            self._held.append(body)
            self._held_bytes += len(body)
        if more and self._held_bytes <= _MOST_HELD:
            self._flush_soon()
        else:
            self._flush()
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _flush_soon(self) -> None:
        if not self._flushes:
            self._flushes = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        if self._held and not self.disconnected:
            data, self._held, self._held_bytes = b"".join(self._held), [], 0
            self.transport.write(data)

    async def receive(self) -> dict[str, Any]:
        """What came of the body since the last time; once it is whole and taken, the end of the client or of the answer."""
        if self.waiting_for_100_continue and self.more_body and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        while (self._taken if not self.more_body else not self.body) and not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            self.message_event.clear()
            await self.message_event.wait()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body, self._taken = bytes(self.body), bytearray(), not self.more_body
        return {"type": "http.request", "body": body, "more_body": self.more_body}


def _nothing() -> None:
    """After the end of an answer."""
