"""A front over a real socket: uvicorn with the gate, a provider that forwards, an upstream that does what a test says."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import orjson
import uvicorn
from aiohttp import web
from fastapi import FastAPI

from api.asked import Asked
from api.conversing import Conversation, Speech, converse
from api.credentials import Credentials
from api.exchange import Pace
from api.gate import Gate, Rule
from api.limits import Buckets
from api.policy import CLIENTS, Policy
from api.protocol import PromptProtocol
from core.errors import MyelinError, ProviderError, ProviderRateLimited, ProviderUnreachable
from core.http import Deadlines, HttpClient, HttpFailure
from gateway.catalogue import Catalogue
from gateway.ledger import Ledger
from gateway.retry import Retry, RetryPolicy
from gateway.routing import Target
from gateway.service import Gateway
from providers.base import NO_HEADERS, ProviderSpec
from providers.collecting import collect
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Message, Usage
from tests.fakes.server import FakeServer

KEY = "operator-key-1234567890"
DELTAS = (ChatDelta("Hel"), ChatDelta("lo"), ChatDelta(finish_reason="stop", usage=Usage(3, 2)))


class Upstream(FakeServer):
    """`handle` answers everything."""

    def __init__(self, handle: Callable[..., Awaitable[Any]]):
        super().__init__()
        self.handle = handle

    def routes(self):
        return [web.post("/{path:.*}", self._handled)]

    async def _handled(self, request: web.Request) -> web.StreamResponse:
        return await self.handle(request)


class Forwarder:
    """A provider of `dialect` whose bodies are forwarded; without one `deltas` are what it says, each after `pause`."""

    def __init__(self, url: str, dialect: str | None = "openai", deltas=DELTAS, http: HttpClient | None = None):
        self.spec = ProviderSpec(
            "fake", "Fake", url, None, "", Capabilities(needs_key=False, embed=True), dialect=dialect, stream_usage=True
        )
        self.http, self.url, self.deltas = http or HttpClient(), url, deltas
        self.deadlines = Deadlines(idle=1.0)
        self.closed = 0

    @asynccontextmanager
    async def forward(self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers=NO_HEADERS):
        try:
            async with self.http.request("POST", self.url + path, body=body, deadlines=self.deadlines) as response:
                if response.status != 200:
                    raise self.classify(response.status, await response.head(1000), response.headers.get("retry-after"))
                yield response
        except HttpFailure as failure:
            raise ProviderUnreachable(f"Fake failed: {failure}.") from None

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> MyelinError:
        kind = ProviderRateLimited if status == 429 else ProviderError
        return kind(f"Fake said {status}.", retry_after=float(retry_after) if retry_after else None)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        try:
            for delta in self.deltas:
                if callable(delta):
                    await delta()
                elif isinstance(delta, Exception):
                    raise delta
                else:
                    yield delta
        finally:
            self.closed += 1

    async def chat(self, request: ChatRequest) -> ChatReply:
        return await collect(self.stream(request), request, "Fake", 100)

    async def list_models(self, api_key=None):
        return []

    async def close(self) -> None:
        await self.http.close()


class Book(Ledger):
    """A ledger that remembers its calls, also those that nobody settled."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def enter(self, grant, **asked):
        self.calls.append(super().enter(grant, **asked))
        return self.calls[-1]


@dataclass
class Served:
    port: int
    book: Book
    tasks: set[asyncio.Task]

    @property
    def rows(self) -> list[dict[str, Any]]:
        names = ("outcome", "usage", "finish_reason", "error_code")
        return [
            {
                **{name: getattr(call, name) for name in names},
                "attempts": call.attempts.count,
                "told": call._characters,
                "first": call.first_at > 0,
            }
            for call in self.book.calls
        ]


class Rendered:
    media_type = "text/event-stream"

    def first(self):
        return b"FIRST\n\n"

    def piece(self, delta):
        return orjson.dumps({"text": delta.text, "reason": delta.finish_reason}) + b"\n\n"

    def last(self):
        return b"LAST\n\n"

    def failed(self, error):
        return b"FAILED " + error.code.encode() + b"\n\n"

    def ping(self):
        return b": ping\n\n"


def asked(body: dict[str, Any]) -> Asked:
    return Asked(body["model"], ChatRequest(body["model"], (Message.of("user", "hi"),)))


SPEECH = Speech(
    "openai",
    "chat",
    "/chat/completions",
    Conversation(asked, lambda reply, _: {"text": reply.text}, lambda _: Rendered()),
)


@asynccontextmanager
async def front(
    provider: Any,
    *,
    ping: float = 15.0,
    total: float = 30.0,
    first_content: float = 10.0,
    tries: int = 2,
    held_bytes: int = 64 << 20,
    rules: Sequence[Rule] = (),
):
    """`rules` besides the one of `SPEECH`; every name of a model is one of `provider`."""
    book, name = Book(), provider.spec.name
    retry = Retry(RetryPolicy(tries=tries, first=0.001, longest=0.001, seconds=5))
    gateway = Gateway({name: provider}, Catalogue({name: provider}), retry=retry, first_content=first_content)
    gateway.resolve = lambda model, _allows, _by: asyncio.sleep(0, Target(name, model, "requested"))
    app = FastAPI(openapi_url=None)
    app.state.house = SimpleNamespace(gateway=gateway, ledger=book, pace=Pace(ping, total))
    credentials = Credentials(KEY, "master-key-0123456789", b"pepper", lambda: asyncio.sleep(0, {}))
    rule = Rule("/v1/chat/completions", re.compile("/v1/chat/completions$"), frozenset({"POST"}),
                Policy(frozenset(CLIENTS), 32 << 20), partial(converse, SPEECH), "openai")  # fmt: skip
    gate = Gate(app, rules=[*rules, rule], credentials=credentials, buckets=Buckets(0, lambda: 0.0), file_bytes=1 << 20,
                allowed_hosts=("*",), trusted_proxies=(), held_bytes=held_bytes)  # fmt: skip
    config = uvicorn.Config(gate, http=PromptProtocol, lifespan="off", log_config=None, access_log=False, proxy_headers=False)
    config.load()
    state = uvicorn.server.ServerState()
    listening = await asyncio.get_running_loop().create_server(lambda: PromptProtocol(config, state, {}), "127.0.0.1", 0)
    try:
        async with asyncio.timeout(20):
            yield Served(listening.sockets[0].getsockname()[1], book, state.tasks)
    finally:
        listening.close()
        await provider.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def request(body: Any, path: str = "/v1/chat/completions", key: str = KEY) -> bytes:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


@asynccontextmanager
async def asking(server: Any, body: Any):
    """(reader, writer) of a connection of its own that has asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request(body))
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(server: Any, body: Any, read: Callable[[], None] = lambda: None) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of one request; `read` is called when the first bytes of a stream are there."""
    async with asking(server, body) as (reader, _):
        return await answer(reader, read)


async def answer(reader: asyncio.StreamReader, read: Callable[[], None]) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    if "content-length" in headers:
        return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
        read()
    return int(head[0].split()[1]), headers, body
