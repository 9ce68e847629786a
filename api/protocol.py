"""HTTP/1.1 as uvicorn speaks it, for clients that say what they want in time and for work that ends when they hang up."""

import asyncio
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.cycle import Cycle

#: Where the line of a request stands among its scope's `extensions`.
LINE = "myelin.line"


class Line:
    """The client's end of a connection. Who works for it says so in `work`, and is cancelled when the client hangs up.

    A task for each request that only waits for the end would cost more than the rest of the way through the gate.
    """

    __slots__ = ("cycle", "gone", "work")

    def __init__(self) -> None:
        self.gone = False
        self.cycle: Cycle | None = None
        self.work: asyncio.Task[None] | None = None

    @property
    def has_whole_body(self) -> bool:
        """Whether the body of the request under way has arrived: nobody has to wait for it."""
        return self.cycle is not None and not self.cycle.more_body

    def hang_up(self) -> None:
        self.gone = True
        if self.work is not None:
            self.work.cancel()


class PromptProtocol(HttpToolsProtocol):
    """Closes a connection whose request headers are not whole `header_seconds` after it was opened.

    On a kept connection the time runs from the first byte of the next request; before it, uvicorn's keep-alive timeout
    does. uvicorn itself knows no such deadline: a client that sends a byte now and then would hold a connection for ever.
    """

    header_seconds = 10.0
    _header_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
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
        parser, scope = self.parser, self.scope
        if parser.should_upgrade():
            super().on_headers_complete()
            return
        if (version := parser.get_http_version()) != "1.1":
            scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        scope["raw_path"], scope["query_string"] = path, _ = _split(self.url)
        scope["path"] = unquote(path.decode("ascii")) if b"%" in path else path.decode("ascii")
        before = self.cycle
        self.cycle = self._cycle(version)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:  # pipelined: it waits for its turn
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: Cycle, app: ASGIApp) -> None:
        self.line.cycle = cycle
        super()._start_asgi_task(cycle, app)

    def _cycle(self, version: str) -> Cycle:
        cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        cycle.loop = self.loop
        return cycle

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


def _split(url: bytes) -> tuple[bytes, bytes]:
    """The path and the query of a request's target, which may be a whole address (RFC 9112 §3.2)."""
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = urlsplit(url)
    return parsed.path or b"/", parsed.query
