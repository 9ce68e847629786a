"""One request at a front: what came in, and the answer as it goes out, past the framework."""

import time
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from api.policy import Principal
from core.errors import InvalidRequest
from gateway.calls import Call
from gateway.names import Allows
from providers.types import Dialect

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: of silence until a stream is kept open by a ping, and for a whole stream."""

    ping: float = 15.0
    total: float = 600.0


class Exchange:
    """`headers` are the request's by their lower-case names; `begun` says that the status has gone out."""

    __slots__ = ("_receive", "_send", "_whole", "begun", "headers", "principal", "request_id", "rooms", "scope", "started")

    def __init__(
        self, rooms: Any, scope: Scope, headers: dict[bytes, bytes], principal: Principal, request_id: str, receive: Receive,
        send: Send, started: float,
    ):  # fmt: skip
        self.rooms, self.scope, self.headers, self.principal = rooms, scope, headers, principal
        self.request_id, self.started = request_id, started
        self.begun = False
        self._receive, self._send, self._whole = receive, send, False

    async def body(self) -> bytes:
        """The whole body. Raises TooLarge, RequestTimeout, and InvalidRequest when it is compressed."""
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise InvalidRequest("The body is compressed.", hint="Send it without Content-Encoding.", field="Content-Encoding")
        data = bytes(await self._piece())
        if self._whole:
            return data
        pieces = [data]
        while not self._whole:
            pieces.append(await self._piece())
        return b"".join(pieces)

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The request ended before its body was whole.")
        self._whole = not message.get("more_body", False)
        return message.get("body", b"")

    @property
    def allows(self) -> Allows | None:
        """(provider, model) → whether the caller's key may use it; None when it may use all."""
        return self.principal.grant.allows if self.principal.grant is not None else None

    def enter(self, front: Dialect, operation: str, model: str, stream: bool) -> Call:
        """The request in the ledger. Raises RateLimited and its kin."""
        return self.rooms.ledger.enter(
            self.principal.grant, front=front, operation=operation, model=model, request_id=self.request_id, stream=stream
        )

    async def reply(self, body: bytes, headers: Headers, *, status: int = 200, kind: bytes = b"application/json") -> None:
        """A whole answer at once."""
        self.begun = True
        own = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        await self._send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, kind: bytes, headers: Headers) -> None:
        """Commits to 200 and to a stream of `kind`."""
        self.begun = True
        own = [(b"content-type", kind), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        await self._send({"type": "http.response.start", "status": 200, "headers": [*own, *headers]})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})

    @property
    def milliseconds(self) -> float:
        """Since the request came in."""
        return (time.perf_counter() - self.started) * 1000
