"""Calls an ASGI application with raw headers and bodies, as a socket would, and keeps what it answers."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Exchange:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    received: int = 0

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


async def call(
    app, method: str, path: str, headers=(), body: bytes = b"", *, client: str = "203.0.113.9", pieces: int = 1,
    hangs_up: asyncio.Event | None = None,
) -> Exchange:  # fmt: skip
    """`headers` are (name, value) text pairs; `received` counts the bytes of body that the application took.

    The client hangs up as soon as it has sent all, or once `hangs_up` is set.
    """
    exchange = Exchange()
    size = max(len(body) // pieces, 1)
    chunks = [body[start : start + size] for start in range(0, len(body), size)] or [b""]

    async def receive():
        if not chunks:
            if hangs_up:
                await hangs_up.wait()
            return {"type": "http.disconnect"}
        chunk = chunks.pop(0)
        exchange.received += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message):
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            exchange.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            exchange.body += message.get("body", b"")

    path, _, query = path.partition("?")
    raw = [(name.lower().encode(), value.encode("utf-8")) for name, value in headers]
    if body and not any(name == b"content-length" for name, _ in raw):
        raw.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http", "headers": raw, "client": (client, 5), "server": ("test", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return exchange
