"""The data plane's HTTP client: every call to a model goes through one long-lived session per upstream.

A request has four deadlines of its own (connect, headers, idle, total), no redirects, no proxies of the environment, no
compression (a compressed body could grow without bound), and a cap on the bytes of a body and of a line. Whatever ends early
closes its socket, so that the upstream notices and stops working.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import aiohttp
import orjson

_WRITTEN_AT_ONCE = 256 << 10
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


class Response:
    """A response whose body is read under the deadlines of its request."""

    def __init__(self, inner: aiohttp.ClientResponse, deadlines: Deadlines, ends_at: float, caps: Caps):
        self._inner = inner
        self._deadlines = deadlines
        self._ends_at = ends_at
        self._caps = caps
        self._read = 0
        self.status = inner.status
        self.headers: Mapping[str, str] = inner.headers

    async def _chunk(self) -> bytes:
        left = self._ends_at - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(self._deadlines.idle, left)):
                chunk = await self._inner.content.readany()
        except TimeoutError:
            raise DeadlinePassed("total" if left <= self._deadlines.idle else "idle") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(f"the connection ended early ({type(error).__name__})") from None
        self._read += len(chunk)
        if self._read > self._caps.body:
            raise BodyTooLarge(f"the body has more than {self._caps.body} bytes")
        return chunk

    async def read(self) -> bytes:
        """The whole body. Raises Broken, BodyTooLarge, DeadlinePassed."""
        chunks = []
        while chunk := await self._chunk():
            chunks.append(chunk)
        return b"".join(chunks)

    async def head(self, size: int) -> bytes:
        """At most the first `size` bytes: for the body of an error, which may be anything."""
        kept = b""
        while len(kept) < size and (chunk := await self._chunk()):
            kept += chunk
        return kept[:size]

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The lines that are not empty, without their ends; a last line without an end is one too."""
        rest = bytearray()
        while chunk := await self._chunk():
            rest += chunk
            if b"\n" in chunk:
                *whole, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in whole:
                    if stripped := self._capped(line).strip():
                        yield stripped
            self._capped(rest)
        if stripped := bytes(rest).strip():
            yield stripped

    def _capped(self, line: bytes | bytearray) -> bytes | bytearray:
        if len(line) > self._caps.line:
            raise BodyTooLarge(f"a line has more than {self._caps.line} bytes")
        return line


def _sendable(body: bytes) -> bytes | BytesIO:
    """aiohttp writes bytes in one go, which holds up the loop when there are many; a file is written in pieces."""
    return body if len(body) <= _WRITTEN_AT_ONCE else BytesIO(body)


class HttpClient:
    """One session toward one upstream, opened by the first request and owned until `close`."""

    def __init__(self, *, connections: int = 64, caps: Caps = Caps()):
        self._connections = connections
        self._caps = caps
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Unreachable("the client is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, limit_per_host=self._connections, keepalive_timeout=30),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                raise_for_status=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "myelin"},
                max_line_size=16 << 10,
                max_field_size=32 << 10,
            )
        return self._session

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines = Deadlines(),
    ) -> AsyncIterator[Response]:
        """Send, and give the response with its body unread. `json` is sent as UTF-8 JSON.

        Raises Unreachable, Broken, DeadlinePassed. The connection goes back to the pool only when the body was read to its
        end; otherwise the socket is closed, by cancellation too.
        """
        session = self._open()
        ends_at = asyncio.get_running_loop().time() + deadlines.total
        inner = await self._send(session, method, url, json, headers, deadlines)
        try:
            yield Response(inner, deadlines, ends_at, self._caps)
        finally:
            if inner.content.at_eof():
                inner.release()
            else:
                inner.close()

    @staticmethod
    async def _send(
        session: aiohttp.ClientSession, method: str, url: str, json: Any, headers: Mapping[str, str] | None, deadlines: Deadlines
    ) -> aiohttp.ClientResponse:
        body = None if json is None else _sendable(orjson.dumps(json))
        kind = {} if json is None else {"Content-Type": "application/json"}
        limit = aiohttp.ClientTimeout(total=None, sock_connect=deadlines.connect)
        wait = min(deadlines.headers, deadlines.total)
        try:
            async with asyncio.timeout(wait):
                return await session.request(
                    method, url, data=body, headers={**kind, **(headers or {})}, timeout=limit, allow_redirects=False
                )
        except aiohttp.ConnectionTimeoutError:
            raise Unreachable("no connection in time") from None
        except TimeoutError:
            raise DeadlinePassed("total" if wait < deadlines.headers else "headers") from None
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise Unreachable(f"no connection ({type(error).__name__})") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Broken(f"no usable answer ({type(error).__name__})") from None

    async def close(self) -> None:
        """Close the session and its sockets; what is under way fails. May be called twice."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None
