"""HTTP/1.1 as uvicorn speaks it, for clients that say what they want in time and for work that ends when they hang up."""

import asyncio
import math
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

    __slots__ = ("cycle", "gone", "loop", "work")

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop, self.gone = loop, False
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
    One timer serves all of it: `_ends_at` moves with each request, the timer only when it would ring too late.
    """

    header_seconds = 10.0
    _ends_at = _rings_at = math.inf
    _timer: asyncio.TimerHandle | None = None
    _resting = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.line, self._news = Line(self.loop), asyncio.Event()
        self._scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "extensions": {LINE: self.line},
        }
        self._end_in(self.header_seconds)

    def on_message_begin(self) -> None:
        self.url, self.expect_100_continue, self.headers = b"", False, []
        self.scope = {**self._scope, "headers": self.headers, "state": self.app_state.copy()}

    def data_received(self, data: bytes) -> None:
        rests = self.cycle is not None and self.cycle.response_complete
        if rests and self._resting:
            self._resting, self._ends_at = False, math.inf
        super().data_received(data)
        if rests and self._ends_at == math.inf and self.cycle.response_complete:
            self._end_in(self.header_seconds)  # a request has begun, and its headers have not ended

    def on_headers_complete(self) -> None:
        self._ends_at = math.inf
        parser, scope = self.parser, self.scope
        if parser.should_upgrade():
            super().on_headers_complete()
            return
        if (version := parser.get_http_version()) != "1.1":
            scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        scope["raw_path"], scope["query_string"] = _split(self.url)
        path = scope["raw_path"].decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        before = self.cycle
        self.cycle = Cycle(
            scope,
            self.transport,
            self.flow,
            self.loop,
            self._news,
            self.server_state.default_headers,
            self.expect_100_continue,
            version != "1.0" and parser.should_keep_alive(),
            self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:  # pipelined: it waits for its turn
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: Cycle, app: ASGIApp) -> None:
        self.line.cycle = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._resting = True
            self._end_in(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)
        self.line.hang_up()

    def _end_in(self, seconds: float) -> None:
        """Closes the connection then, unless `_ends_at` moves before."""
        self._ends_at = self.loop.time() + seconds
        if self._ends_at < self._rings_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._rings_at = self.loop.call_at(self._ends_at, self._ring), self._ends_at

    def _ring(self) -> None:
        self._timer, self._rings_at = None, math.inf
        left = self._ends_at - self.loop.time()
        if left <= 0:
            self.transport.close()
        elif left < math.inf:
            self._end_in(left)


def _split(url: bytes) -> tuple[bytes, bytes]:
    """The path and the query of a request's target, which may be a whole address (RFC 9112 §3.2)."""
    if url.startswith(b"/") and url.find(b"#") < 0:  # `in` raises inside, and takes ten times as long
        path, _, query = url.partition(b"?")
        return path, query
    parsed = urlsplit(url)
    return parsed.path or b"/", parsed.query
