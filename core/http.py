"""The data plane's HTTP client: every call to a model goes over kept connections, one pool for each origin.

A request has four deadlines of its own (connect, headers, idle, total), no redirects, no proxies of the environment, no
compression (a compressed body could grow without bound), and a cap on the bytes of a body and of a line. Whatever ends early
closes its socket, so that the upstream notices and stops working.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal

from core.deadline import Deadline
from core.encoding import encoded
from core.heads import Origin, request_head
from core.wire import WRITTEN_AT_ONCE, Connection, WireError

_IDLE_SECONDS = 30.0  # an unused connection is not used again after that
_JSON, _BYTES = "application/json", "application/octet-stream"
Phase = Literal["connect", "headers", "idle", "total"]


class HttpFailure(Exception):
    """Base of what can go wrong between us and an upstream; the texts name no address and no content."""


class Unreachable(HttpFailure):
    """No connection: refused, no such host, TLS failure, or not connected in time."""


class Broken(HttpFailure):
    """The connection ended, or what came was no HTTP, before the body was whole."""


class BodyTooLarge(HttpFailure):
    """A body or a line is longer than its cap."""


class DeadlinePassed(HttpFailure):
    """`phase` is the deadline that passed first: headers, idle or total."""

    def __init__(self, phase: Phase):
        super().__init__(f"the {phase} deadline passed")
        self.phase = phase


#: What a failure is raised as.
Failing = Callable[[HttpFailure], Exception]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: to connect, until the status line, between two reads of the body, and for all of it."""

    connect: float = 5.0
    headers: float = 60.0
    idle: float = 60.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class Caps:
    """Bytes of a body and of one line of it."""

    body: int = 64 << 20
    line: int = 4 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is sent while it is read: `size` bytes in all."""

    size: int
    pieces: AsyncIterator[bytes]


class Response:
    """A response whose body is read under the deadlines of its request."""

    __slots__ = ("_caps", "_connection", "_deadlines", "_ends_at", "_loop", "_read", "_rest", "headers", "status")

    def __init__(self, connection: Connection, deadlines: Deadlines, ends_at: float, caps: Caps, loop: asyncio.AbstractEventLoop):
        self._connection = connection
        self._loop = loop
        self._deadlines = deadlines
        self._ends_at = ends_at
        self._caps = caps
        self._read = 0
        self._rest = bytearray()
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    async def chunk(self) -> bytes:
        """The next piece of the body; b"" at its end. Raises Broken, BodyTooLarge, DeadlinePassed."""
        connection = self._connection
        try:
            data = connection.ready()
            if data is None:
                idle_ends = self._loop.time() + self._deadlines.idle
                connection.due = min(idle_ends, self._ends_at)
                while (data := connection.ready()) is None:
                    await connection.news()
        except WireError as error:
            raise Broken(str(error)) from None
        except TimeoutError:
            raise DeadlinePassed("total" if self._ends_at <= idle_ends else "idle") from None
        self._read += len(data)
        if self._read > self._caps.body:
            raise BodyTooLarge(f"the body has more than {self._caps.body} bytes")
        return data

    async def read(self) -> bytes:
        """The whole body. Raises Broken, BodyTooLarge, DeadlinePassed."""
        chunks = [await self.chunk()]
        while not self._connection.spent:
            chunks.append(await self.chunk())
        return b"".join(chunks)

    def hurry(self, seconds: float) -> None:
        """What is still to come has no longer than this."""
        self._ends_at = min(self._ends_at, self._loop.time() + seconds)

    async def drain(self, seconds: float = 1.0) -> None:
        """Takes the last bytes of a body whose answer is complete, so that its connection can serve again."""
        if self._connection.spent:
            return
        self.hurry(seconds)
        try:
            while await self.chunk():
                pass
        except HttpFailure:
            return  # only the connection is lost

    async def head(self, size: int) -> bytes:
        """At most the first `size` bytes: for the body of an error, which may be anything."""
        kept = b""
        while len(kept) < size and (chunk := await self.chunk()):
            kept += chunk
        return kept[:size]

    async def some_lines(self) -> list[bytes]:
        """The next lines that are not empty, as many as have come, without their ends; [] at the end of the body. A last line
        without an end is one too. Raises Broken, BodyTooLarge, DeadlinePassed."""
        while chunk := await self.chunk():
            self._rest += chunk
            *whole, last = bytes(self._rest).split(b"\n") if b"\n" in chunk else (self._rest,)
            if len(self._rest) > self._caps.line < max(map(len, (*whole, last))):
                raise BodyTooLarge(f"a line has more than {self._caps.line} bytes")
            if whole:
                self._rest = bytearray(last)
                if lines := [stripped for line in whole if (stripped := line.strip())]:
                    return lines
        last, self._rest = bytes(self._rest).strip(), bytearray()
        return [last] if last else []

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The lines of `some_lines`, one after the other."""
        while lines := await self.some_lines():
            for line in lines:
                yield line


def _as_it_is(failure: HttpFailure) -> HttpFailure:
    return failure


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(slots=True)
class _Pool:
    """The connections to one origin: how many there are, those that rest (with the time since when), and who waits for one."""

    count: int = 0
    resting: list[tuple[Connection, float]] = field(default_factory=list)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


def _written(asked: "Request") -> tuple[Origin, bytes, bytes | Upload | None]:
    """Where a request goes, what of it is sent at once, and the rest of its body. Raises Unreachable."""
    body = asked.body
    if isinstance(body, Upload):
        kind, length, small = _BYTES, body.size, False
    else:
        length = len(body or b"") if body is not None or asked.method == "POST" else None
        kind, small = None if body is None else _JSON, len(body or b"") <= WRITTEN_AT_ONCE
    try:
        origin, head = request_head(asked.method, asked.url, asked.headers, kind, length)
    except (ValueError, UnicodeError):
        raise Unreachable("the address or a header cannot be sent") from None
    return (origin, head + body, None) if small and body else (origin, head, body)


async def _feed(
    connection: Connection, body: bytes | Upload, deadlines: Deadlines, loop: asyncio.AbstractEventLoop, ends_at: float
) -> None:
    """Raises TimeoutError and WireError; leaves the connection with the deadline of its answer."""
    if isinstance(body, bytes):
        await connection.feed(body)
        return
    async for piece in body.pieces:
        connection.due = min(loop.time() + deadlines.idle, ends_at)
        if not await connection.more(piece):
            break
    connection.due = min(loop.time() + deadlines.headers, ends_at)


class HttpClient:
    """Keep-alive connections, at most `connections` to an origin, opened when they are needed and owned until `close`."""

    def __init__(self, *, connections: int = 64, caps: Caps = Caps()):
        self._connections = connections
        self._caps = caps
        self._pools: dict[Origin, _Pool] = {}
        self._used: set[Connection] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        body: bytes | Upload | None = None,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines = Deadlines(),
        failing: Failing = _as_it_is,
    ) -> "Request":
        """Send, and give the response with its body unread. `json` is sent as UTF-8 JSON, `body` is JSON already, or an Upload:
        that one may take its time, but no piece of it longer than the idle deadline.

        Raises what `failing` makes of Unreachable, Broken and DeadlinePassed, and of what reading raises inside the block. The
        connection goes back to the pool only when the body was read to its end; otherwise the socket is closed, by cancellation
        too.
        """
        return Request(self, method, url, body if json is None else encoded(json), headers or {}, deadlines, failing)

    async def send(self, asked: "Request") -> Response:
        """For Request alone."""
        deadlines = asked.deadlines
        loop = self._loop = self._loop or asyncio.get_running_loop()
        began, wait = loop.time(), min(deadlines.headers, deadlines.total)
        ends_at = began + deadlines.total
        connection = None
        try:
            origin, head, rest = _written(asked)
            while connection is None:
                connection = self._rested(origin) or await self._waited(origin, deadlines.connect, wait)
                connection.due = began + wait
                try:
                    connection.begin(head)
                    if rest is not None:
                        await _feed(connection, rest, deadlines, loop, ends_at)
                    while not connection.headed:
                        await connection.news()
                except WireError:
                    if isinstance(rest, Upload) or not connection.stale:
                        raise
                    self.give_back(origin, connection)  # closed behind its last answer, whatever that said of keeping it
                    connection = None
        except BaseException as error:
            if connection is not None:
                self.give_back(origin, connection)
            if isinstance(error, TimeoutError):
                error = DeadlinePassed("total" if wait < deadlines.headers else "headers")
            elif isinstance(error, WireError):
                error = Broken(str(error))
            if isinstance(error, HttpFailure):
                raise asked.failing(error) from None
            raise
        asked.origin, asked.connection = origin, connection
        return Response(connection, deadlines, ends_at, self._caps, loop)

    def _rested(self, origin: Origin) -> Connection | None:
        """One that rests and is still good."""
        pool = self._pools.get(origin)
        while pool is not None and pool.resting and not self._closed:
            connection, since = pool.resting.pop()
            if connection.open and time.monotonic() - since < _IDLE_SECONDS:
                self._used.add(connection)
                return connection
            connection.abort()
            pool.count -= 1
        return None

    async def _waited(self, origin: Origin, connect: float, seconds: float) -> Connection:
        with Deadline(seconds):
            return await self._take(origin, connect)

    async def _take(self, origin: Origin, seconds: float) -> Connection:
        if self._closed:
            raise Unreachable("the client is closed")
        pool = self._pools.setdefault(origin, _Pool())
        while True:
            if (connection := self._rested(origin)) is not None:
                return connection
            if pool.count < self._connections:
                return await self._connect(origin, pool, seconds)
            await self._turn(pool)

    async def _turn(self, pool: _Pool) -> None:
        waiter = asyncio.get_running_loop().create_future()
        pool.waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._call_next(pool)  # it was our turn: the next one takes it
            raise

    @staticmethod
    def _call_next(pool: _Pool) -> None:
        while pool.waiting:
            waiter = pool.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _connect(self, origin: Origin, pool: _Pool, seconds: float) -> Connection:
        pool.count += 1
        try:
            async with asyncio.timeout(seconds):
                loop = asyncio.get_running_loop()
                secure = origin.scheme == "https"
                tls = {"ssl": await asyncio.to_thread(_tls), "server_hostname": origin.host} if secure else {}
                _, connection = await loop.create_connection(Connection, origin.host, origin.port, **tls)
        except BaseException as error:
            pool.count -= 1
            self._call_next(pool)
            if isinstance(error, TimeoutError):
                raise Unreachable("no connection in time") from None
            if isinstance(error, OSError | UnicodeError):
                raise Unreachable(f"no connection ({type(error).__name__})") from None
            raise
        self._used.add(connection)
        return connection

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """For Request alone: the connection rests when its answer was read to the end, else it is closed."""
        pool = self._pools[origin]
        self._used.discard(connection)
        if connection.spent and connection.reusable and connection.open and not self._closed:
            pool.resting.append((connection, time.monotonic()))
        else:
            connection.abort()
            pool.count -= 1
        self._call_next(pool)

    async def close(self) -> None:
        """Closes every socket; what is under way fails. May be called twice."""
        self._closed = True
        for pool in self._pools.values():
            for connection, _ in pool.resting:
                connection.abort()
            pool.count -= len(pool.resting)
            pool.resting.clear()
        for connection in list(self._used):
            connection.abort()
        await asyncio.sleep(0)  # the loop tells the sockets' ends


class Request:
    """`async with http.request(…) as response:`; a class, for a generator costs three times as much."""

    __slots__ = ("_client", "body", "connection", "deadlines", "failing", "headers", "method", "origin", "url")
    origin: Origin
    connection: Connection

    def __init__(
        self, client: HttpClient, method: str, url: str, body: bytes | Upload | None, headers: Mapping[str, str],
        deadlines: Deadlines, failing: Failing,
    ):  # fmt: skip
        self._client, self.method, self.url, self.body, self.headers = client, method, url, body, headers
        self.deadlines, self.failing = deadlines, failing

    def __aenter__(self) -> Awaitable[Response]:
        return self._client.send(self)

    async def __aexit__(self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None) -> None:
        self._client.give_back(self.origin, self.connection)
        if isinstance(error, HttpFailure) and (told := self.failing(error)) is not error:
            raise told from None
