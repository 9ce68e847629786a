"""One google-genai client for all keys, over an HTTP client of ours with caps.

The SDK costs half a second and 45 MB to import, so that happens in a thread when Gemini is used first. It keeps no key: each
call brings its own in a header, so there is no client per key that could leak or mix them up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2

from providers.gemini_errors import error_of

API_VERSION = "v1beta"
_NO_KEY = "a key comes with each call"
#: Tells the transport which call a request belongs to; it never leaves the process.
_CALL = "x-myelin-call"


class TooLarge(httpx2.TransportError):
    """A response, or one line of it, has more bytes than its cap."""


class ApiFailure(Exception):
    """A status that is not 200, or an error inside a stream: `error` is Google's error object."""

    def __init__(self, status: int, error: dict[str, Any], retry_after: str | None):
        super().__init__(f"status {status}")
        self.status, self.error, self.retry_after = status, error, retry_after


@dataclass(frozen=True, slots=True)
class Caps:
    """Bytes of a body and of one line: the SDK reads a long line in quadratic time, on the event loop."""

    body: int = 16 << 20
    line: int = 2 << 20


class CappedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, caps: Caps):
        self._inner = inner
        self._caps = caps

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = line = 0
        async for chunk in self._inner:
            size += len(chunk)
            line = line + len(chunk) if b"\n" not in chunk else len(chunk) - 1 - chunk.rindex(b"\n")
            if size > self._caps.body or line > self._caps.line:
                raise TooLarge("more bytes than an answer has")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class CappedTransport(httpx2.AsyncBaseTransport):
    """Caps the bytes of a body and the time to connect, refuses compressed bodies, and knows the open body of each call."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, caps: Caps, connect: float, read: float):
        self._inner = inner
        self._caps = caps
        self._timeouts = {"connect": connect, "read": read, "write": read, "pool": read}
        self.bodies: dict[str, CappedStream] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions = {**request.extensions, "timeout": self._timeouts}
        call = request.headers.pop(_CALL, "")
        response = await self._inner.handle_async_request(request)
        stream = CappedStream(response.stream, self._caps)
        if call:
            self.bodies[call] = stream
        if response.headers.get("content-encoding", "identity") != "identity":
            await stream.aclose()
            raise httpx2.DecodingError("the body is compressed", request=request)
        return httpx2.Response(response.status_code, headers=response.headers, stream=stream, extensions=response.extensions)

    async def aclose(self) -> None:
        await self._inner.aclose()


class GeminiClient:
    """`call` gives `genai.Client.aio` and the options of one request, and closes what that request left open."""

    def __init__(self, base_url: str, *, connect: float, total: float, caps: Caps = Caps(), connections: int = 64):
        self._base_url = base_url.rstrip("/")
        self._connect = connect
        self._total = total
        self._caps = caps
        self._connections = connections
        self._lock = asyncio.Lock()
        self._calls = count(1)
        self._transport: CappedTransport | None = None
        self._http: httpx2.AsyncClient | None = None
        self._unused: httpx2.Client | None = None
        self._sdk: Any = None
        self._api_error: type[Exception] = ApiFailure

    @asynccontextmanager
    async def call(self, api_key: str) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
        """(`genai.Client.aio`, `http_options` with the key). Its body is closed at the end, however the block is left.

        Raises ApiFailure, and what httpx2 and the SDK raise (HTTPError, ValueError) for everything below that.
        """
        if self._sdk is None:
            async with self._lock:
                if self._sdk is None:
                    self._sdk = await asyncio.to_thread(self._build)
        number = str(next(self._calls))
        try:
            yield self._sdk.aio, {"headers": {"x-goog-api-key": api_key, _CALL: number}}
        except self._api_error as error:
            headers = getattr(error.response, "headers", None) or {}
            raise ApiFailure(error.code or 500, error_of(error.details), headers.get("retry-after")) from None
        finally:
            if (body := self._transport.bodies.pop(number, None)) is not None:
                await body.aclose()

    def _build(self) -> Any:
        from google import genai
        from google.genai import errors

        limits = httpx2.Limits(
            max_connections=self._connections, max_keepalive_connections=self._connections // 4, keepalive_expiry=30
        )
        context = httpx2.create_ssl_context(trust_env=False)
        inner = httpx2.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)
        self._transport = CappedTransport(inner, caps=self._caps, connect=self._connect, read=self._total)
        plain = {"Accept-Encoding": "identity"}
        self._http = httpx2.AsyncClient(transport=self._transport, headers=plain, trust_env=False, follow_redirects=False)
        self._unused = httpx2.Client(verify=context, trust_env=False)  # the SDK makes one itself unless it is given one
        self._api_error = errors.APIError
        options = genai.types.HttpOptions(
            base_url=self._base_url,
            api_version=API_VERSION,
            timeout=int(self._total * 1000),
            retry_options=genai.types.HttpRetryOptions(attempts=1),
            httpx_client=self._unused,
            httpx_async_client=self._http,
        )
        return genai.Client(vertexai=False, api_key=_NO_KEY, http_options=options)

    async def close(self) -> None:
        """Close the sockets; may be called twice, and before the first use."""
        if self._http is not None:
            await self._http.aclose()
            self._unused.close()
