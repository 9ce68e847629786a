"""One request and its answer as uvicorn has them, at half the price: an answer's head is checked once and sent with its body."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_BODILESS = (204, 304)


class Cycle(RequestResponseCycle):
    """The head of an answer waits for the first piece of its body: one call of the kernel instead of two.

    A head of a stream that no piece follows at once goes out at the end of the loop's turn.
    """

    loop: asyncio.AbstractEventLoop
    _held = b""

    async def run_asgi(self, app: ASGIApp) -> None:
        """An answer that is not whole when `app` ends is told by the end of its connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:
            self.logger.error("Exception in ASGI application", exc_info=error)
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
        told = {name.lower(): value for name, value in headers}
        if b"close" in told.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            headers = [*headers, (b"connection", b"close")]
        if (length := told.get(b"content-length")) is not None:
            self.expected_content_length, self.chunked_encoding = int(length), False
        elif self.scope["method"] != "HEAD" and status not in _BODILESS:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
            self.chunked_encoding = True
        lines = [b"%b: %b" % header for header in (*self.default_headers, *headers)]
        head = b"\r\n".join((_STATUS_LINES[status], *lines))
        if head.count(b"\r") != len(lines) or head.count(b"\n") != len(lines) or b"\0" in head:
            raise RuntimeError("A header with a line break.")
        self.response_started, self.waiting_for_100_continue = True, False
        self._held = head + b"\r\n\r\n"
        self.loop.call_soon(self._flush)

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
        if self._held:
            body, self._held = self._held + body, b""
        if body:
            self.transport.write(body)
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _flush(self) -> None:
        if self._held and not self.disconnected:
            data, self._held = self._held, b""
            self.transport.write(data)

    async def receive(self) -> dict[str, Any]:
        """A body that came with its head is there at once."""
        if self.body and not self.more_body and not self.response_complete and not self.disconnected:
            self.message_event.clear()
            body, self.body = bytes(self.body), bytearray()
            return {"type": "http.request", "body": body, "more_body": False}
        return await super().receive()


def _nothing() -> None:
    """After the end of an answer."""
