"""Both ends of a request as the gate holds them: what comes in has limits, what goes out has safe headers."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass

from starlette.types import Message, Receive, Send

from api.errors import ErrorDialect, rendered
from api.limits import Held, megabytes, too_large
from api.protocol import Line
from core.deadline import Deadline
from core.errors import MethodNotAllowed, MyelinError, RequestTimeout, TooLarge

Headers = list[tuple[bytes, bytes]]

_BODY_SECONDS = 300.0
_IDLE_SECONDS = 30.0
_SAFE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
#: Of every answer but streams, which are only not to be kept back.
NO_STORE = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class Limit:
    """Bytes of a body; `file` is what a file may have of them, None where no file is taken."""

    bytes: int
    file: int | None = None

    def passed(self, size: int) -> TooLarge:
        if self.file is not None:
            return too_large("upload", size, self.file)
        detail = f"The body has {megabytes(size)}, at most {megabytes(self.bytes)} are allowed at this address."
        return TooLarge(detail, hint="Files are sent to POST /upload.")


class Body:
    """`receive` with limits: bytes in all, seconds in all, seconds without a byte. What it has received counts as `held` until
    the request ends; None is for bodies that nobody keeps in memory."""

    def __init__(self, receive: Receive, line: Line, limit: Limit, held: Held | None = None):
        self._receive, self._line, self._limit, self._held = receive, line, limit, held
        self._taken = 0
        self._deadline: float | None = None
        self.complete = False

    async def __call__(self) -> Message:
        if self.complete:
            return await self._receive()
        message = await (self._receive() if self._line.has_whole_body else self._in_time())
        if message["type"] == "http.request":
            self.complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self._taken += size
            if self._taken > self._limit.bytes:
                raise self._limit.passed(self._taken)
            if self._held is not None:
                self._held.take(size)
        return message

    async def _in_time(self) -> Message:
        now = time.monotonic()
        self._deadline = self._deadline or now + _BODY_SECONDS
        try:
            with Deadline(min(self._deadline - now, _IDLE_SECONDS)):
                return await self._receive()
        except TimeoutError:
            raise RequestTimeout("The body of the request did not arrive in time.") from None

    def forget(self) -> None:
        """The request is over."""
        if self._held is not None:
            self._held.give_back(self._taken)


class Answer:
    """`send` that remembers the status and can refuse while nothing was sent. The framework's messages get the safe headers that
    they lack; who calls `begin` has put `safe` among its own."""

    def __init__(self, send: Send, request_id: str, announced: bool):
        self._send, self._request_id, self._announced = send, request_id, announced
        self.body: Body | None = None
        self.status = 0
        self.complete = False

    @property
    def safe(self) -> Headers:
        return [*_SAFE_HEADERS, (b"x-request-id", self._request_id.encode())]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"]
            present = dict(headers)
            extra = [header for header in (NO_STORE, *self.safe) if header[0] not in present]
            await self.begin(message["status"], [*headers, *extra])
        elif message["type"] == "http.response.body":
            await self.say(message.get("body", b""), message.get("more_body", False))
        else:
            await self._send(message)

    def begin(self, status: int, headers: Headers) -> Awaitable[None]:
        self.status = status
        if self._announced and (self.body is None or not self.body.complete) and b"connection" not in dict(headers):
            # Answered before the body was read: the rest is not read either.
            headers = [*headers, (b"connection", b"close")]
        return self._send({"type": "http.response.start", "status": status, "headers": headers})

    def say(self, data: bytes, more: bool = False) -> Awaitable[None]:
        self.complete = not more
        return self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def refuse(self, error: MyelinError, dialect: ErrorDialect) -> None:
        if self.status:
            # The answer has begun; ending the connection is the only honest way to say that it is not whole.
            raise error
        body, status, headers = rendered(error, dialect, self._request_id)
        headers.append((b"content-length", str(len(body)).encode()))
        if self.body is None or not self.body.complete:
            headers.append((b"connection", b"close"))
        if isinstance(error, MethodNotAllowed):
            headers.append((b"allow", error.allowed.encode()))
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self.say(body)
