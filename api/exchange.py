"""One request at a front: what came in, and the answer as it goes out, past the framework."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

from api.ends import NO_STORE, Answer, Headers
from api.policy import NOBODY
from core.errors import InvalidRequest
from gateway.calls import Call
from gateway.names import Allows
from providers.types import Dialect


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: of silence until a stream is kept open by a ping, and for a whole stream."""

    ping: float = 15.0
    total: float = 600.0


class Exchange:
    """`headers` are the request's by their lower-case names; `begun` says that the status has gone out. The gate says who the
    `principal` is, and gives the `rooms`."""

    __slots__ = ("_answer", "begun", "headers", "principal", "request_id", "rooms", "scope", "started")

    def __init__(self, scope: Scope, headers: dict[bytes, bytes], request_id: str, answer: Answer):
        self.started = time.perf_counter()
        self.scope, self.headers, self.request_id, self._answer = scope, headers, request_id, answer
        self.principal, self.begun = NOBODY, False
        self.rooms: Any = None

    async def body(self) -> bytes:
        """The whole body. Raises TooLarge, RequestTimeout, and InvalidRequest when it is compressed."""
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise InvalidRequest("The body is compressed.", hint="Send it without Content-Encoding.", field="Content-Encoding")
        receive, pieces = self._answer.body, []
        while not receive.complete:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise InvalidRequest("The request ended before its body was whole.")
            pieces.append(message.get("body", b""))
        return b"".join(pieces)

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
        self.begun, answer = True, self._answer
        own = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), NO_STORE]
        await answer.begin(status, [*own, *headers, *answer.safe])
        await answer.say(body)

    def begin(self, kind: bytes, headers: Headers) -> Awaitable[None]:
        """Commits to 200 and to a stream of `kind`."""
        self.begun, answer = True, self._answer
        own = [(b"content-type", kind), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        return answer.begin(200, [*own, *headers, *answer.safe])

    def write(self, data: bytes) -> Awaitable[None]:
        return self._answer.say(data, more=True)

    def end(self, data: bytes = b"") -> Awaitable[None]:
        return self._answer.say(data)

    @property
    def milliseconds(self) -> float:
        """Since the request came in."""
        return (time.perf_counter() - self.started) * 1000
