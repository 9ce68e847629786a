"""What the fake providers share: a real HTTP server on a free port, the record of what came in, and the ways to fail."""

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

FaultKind = Literal[
    "refuse",  # HTTP `status` with `message` (or the provider's own words) and `retry_after`
    "oom",  # the words of a runner that ran out of memory
    "prose", "fenced", "half", "wrong_shape", "nothing",  # what a model says instead of the JSON that was asked for
    "endless_spaces", "endless_tokens",  # a model that never ends
    "cut",  # the stream stops without the terminal marker
    "error_in_stream",  # an error after the first token, inside the 200
    "hang_headers", "hang_stream", "hang_at_the_end",  # silence before the status line, after the first token, after the last
    "garbage", "huge_line",  # bytes that are no JSON; one line of 32 MB
    "drip",  # `seconds` between tokens
    "blocked", "filtered",  # Gemini: the prompt is refused; the answer is
]  # fmt: skip

PROSE = "Claro! Analisei o documento com atenção e espero que isto ajude."
BEFORE_THE_ANSWER = frozenset({"refuse", "oom", "hang_headers", "garbage", "blocked"})


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    status: int = 500
    message: str | None = None
    retry_after: str | None = None
    seconds: float = 0.2


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; `body` is the parsed JSON, or None."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    raw: bytes = field(repr=False)
    peer: tuple[str, int] | None = None


Answer = str | Callable[[dict[str, Any]], str]


class FakeServer(ABC):
    """Use it as `async with FakeOllama() as fake:`, then drive `fake.url`.

    `requests` is all that came in. `answers` are texts (or callables of the request's JSON) for the next generations;
    when it is empty the document is really read. `fail` arms a fault for the next `times` generations (None: for all).
    `latency` delays every request by seconds; `aborted` counts the clients that hung up while they waited,
    and `hung_up` is set by the first one.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: list[Answer] = []
        self.latency = 0.0
        self.aborted = 0
        self.hung_up = asyncio.Event()
        self.url = ""
        self._faults: list[tuple[Fault, int | None]] = []
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def routes(self) -> list[web.AbstractRouteDef]: ...

    def fail(self, kind: FaultKind, *, times: int | None = None, **details: Any) -> None:
        self._faults.append((Fault(kind, **details), times))

    def heal(self) -> None:
        self._faults.clear()

    def next_fault(self) -> Fault | None:
        if not self._faults:
            return None
        fault, times = self._faults[0]
        if times is not None:
            self._faults[0] = (fault, times - 1)
            if times <= 1:
                del self._faults[0]
        return fault

    def bodies(self, path: str) -> list[Any]:
        """The JSON bodies of the requests whose path ends with `path`."""
        return [received.body for received in self.requests if received.path.endswith(path)]

    def text_for(self, fault: Fault | None, body: dict[str, Any], read: Callable[[], str]) -> str:
        """What the model says: scripted, or read from the document, then spoiled by the fault."""
        if self.answers:
            scripted = self.answers.pop(0)
            text = scripted if isinstance(scripted, str) else scripted(body)
        else:
            text = read()
        return spoil(text, fault)

    async def start(self, port: int = 0) -> Self:
        app = web.Application(middlewares=[self._record], client_max_size=64 << 20)
        app.add_routes([*self.routes(), web.post("/_fake/fault", self._arm), web.get("/_fake/requests", self._seen)])
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @web.middleware
    async def _record(self, request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
        if request.path.startswith("/_fake/"):
            return await handler(request)
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(
            Received(
                request.method,
                request.path,
                dict(request.query),
                headers,
                _json(raw),
                raw,
                request.transport.get_extra_info("peername"),
            )
        )
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            return await handler(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.aborted += 1
            self.hung_up.set()
            raise

    async def _arm(self, request: web.Request) -> web.Response:
        """`{"kind": "oom", "times": 1}` arms a fault from outside the process; `{}` heals."""
        details = await request.json()
        if details:
            self.fail(**details)
        else:
            self.heal()
        return web.json_response({})

    async def _seen(self, _: web.Request) -> web.Response:
        return web.json_response([{"method": one.method, "path": one.path, "body": one.body} for one in self.requests])


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def spoil(text: str, fault: Fault | None) -> str:
    match fault.kind if fault else None:
        case "prose":
            return PROSE
        case "fenced":
            return f"{PROSE}\n\n```json\n{text}\n```\n"
        case "half":
            return text[: len(text) // 2]
        case "wrong_shape":
            return '{"resposta": {"encontrado": true}}'
        case "nothing":
            return ""
    return text


def tokens_of(text: str, size: int = 5) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def vector(text: str, size: int) -> list[float]:
    """A unit vector that is the same for the same text."""
    digest = hashlib.sha256(text.encode()).digest()
    raw = [digest[index % 32] - 127.5 for index in range(size)]
    length = math.sqrt(sum(value * value for value in raw))
    return [value / length for value in raw]


async def forever() -> None:
    await asyncio.Event().wait()


def serve(fake: FakeServer, default_port: int) -> None:
    """Run `fake` until interrupted: `python -m tests.fakes.ollama --port 11434`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=default_port)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    fake.latency = options.latency

    async def run() -> None:
        await fake.start(options.port)
        print(f"{type(fake).__name__} listens on {fake.url}", flush=True)
        try:
            await forever()
        finally:
            await fake.stop()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
