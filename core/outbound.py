"""Calls to addresses that a client chose: the address that is connected to must be public, whatever its name says.

The check sits where the socket is opened: the name is resolved once, every answer must be public, and the connection goes
to a checked number, so neither a second look-up (DNS rebinding) nor another reading of the URL can lead elsewhere.
There are no redirects, no proxies of the environment, no compressed answers, and a cap on what is read of an answer.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpcore2

from core.addresses import AddressPolicy, is_public, read_url
from core.errors import MyelinError
from core.retryafter import retry_seconds

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_ANSWER_BYTES = 4096
_MAX_ADDRESSES = 4
_CONNECT_SECONDS = 10.0


class OutboundFailed(MyelinError):
    """A call did not come to an answer; `detail` says why in words fit for a delivery log."""

    status, code, title, retryable = 502, "outbound_failed", "The receiver cannot be reached", True


class AddressRefused(httpcore2.ConnectError):
    """The host means an address that is not public, or a port that is not open to clients."""


class Resolver:
    """Looks names up in threads of its own: a name server that never answers must not hold the threads of uploads."""

    def __init__(self, threads: int = 4):
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """The addresses of a name, by the system's resolver and in its order. Raises OSError."""
        lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def close(self) -> None:
        """Waits for no look-up; those that have not begun are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """A network backend for httpcore2 (and so for httpx2 transports) that opens connections to permitted addresses only."""

    def __init__(self, policy: AddressPolicy, *, resolve: Resolve, inner: httpcore2.AsyncNetworkBackend | None = None):
        self._policy = policy
        self._inner = inner or httpcore2.AnyIOBackend()
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore2 gives the interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        seconds = _CONNECT_SECONDS if timeout is None else timeout
        refusal: Exception = httpcore2.ConnectError("the host name has no address")
        try:
            async with asyncio.timeout(seconds):
                for address in await self._permitted(host, port):
                    try:
                        return await self._inner.connect_tcp(address, port, seconds, local_address, socket_options)
                    except httpcore2.ConnectError as error:
                        refusal = error
        except TimeoutError:
            raise httpcore2.ConnectTimeout("no connection in time") from None
        raise refusal

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore2 gives the interface
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("local sockets may not be called")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _permitted(self, host: str, port: int) -> Sequence[str]:
        named = self._policy.allows(host, port)
        if not named and port not in self._policy.ports:
            raise AddressRefused("this port may not be called")
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("the host name cannot be resolved") from None
        # One private answer among public ones is how a rebinding server hides it: all of them must be public.
        if not named and not all(is_public(address) for address in addresses):
            raise AddressRefused("the host leads to a private or reserved address")
        return addresses[:_MAX_ADDRESSES]


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, the first `MAX_ANSWER_BYTES` of its body, and in how many seconds it wants to be asked again."""

    status: int
    body: bytes
    retry_after: float | None = None


_FAILURES = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, TimeoutError, OSError)


def _reason(error: Exception) -> str:
    if isinstance(error, AddressRefused):
        return str(error)
    if isinstance(error, httpcore2.TimeoutException | TimeoutError):
        return "no answer in time"
    if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
        return "its TLS certificate or handshake is not valid"
    if isinstance(error, httpcore2.ProtocolError):
        return "its answer is not HTTP"
    return "no connection could be made" if isinstance(error, httpcore2.ConnectError | OSError) else "the connection broke"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class GuardedClient:
    """Posts to URLs that clients chose. Every call has one deadline for all of it, and nothing of it follows redirects."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        backend: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        connections: int = 32,
    ):
        self._policy = policy
        self._resolver = Resolver()
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=connections,
            keepalive_expiry=15,
            network_backend=backend or GuardedBackend(policy, resolve=self._resolver),
        )

    async def post(self, url: str, content: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer:
        """Raises InvalidField for a URL that may not be called and OutboundFailed when no answer comes in `seconds`."""
        where = read_url(url, self._policy)
        # Built from the checked parts: a second parser could read the text differently.
        target = httpcore2.URL(scheme=where.scheme, host=where.host, port=where.port, target=where.target)
        sent = {"Host": where.authority, "Accept-Encoding": "identity", "Content-Length": str(len(content)), **headers}
        # TCP and TLS may each take the time for connecting; both must end before the whole, whose end would leak the socket.
        waits = {"timeout": {"connect": 0.4 * seconds, "read": seconds, "write": seconds, "pool": seconds}}
        try:
            async with asyncio.timeout(seconds):
                async with self._pool.stream("POST", target, headers=sent, content=content, extensions=waits) as answer:
                    return Answer(answer.status, await _beginning(answer), _retry_after(answer))
        except _FAILURES as error:
            raise OutboundFailed(f"The call failed: {_reason(error)}.") from error

    async def close(self) -> None:
        """Closes the connections; calls that are under way fail."""
        self._resolver.close()
        await self._pool.aclose()


def _retry_after(answer: httpcore2.Response) -> float | None:
    told = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
    return retry_seconds(told.decode("latin-1"))


async def _beginning(answer: httpcore2.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_stream():
        body += piece
        if len(body) >= MAX_ANSWER_BYTES:
            break
    return bytes(body[:MAX_ANSWER_BYTES])
