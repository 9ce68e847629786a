"""What a call to a model costs on the way: our HTTP client, aiohttp and httpx2 against one upstream, side by side.

The upstream is a process of its own that answers 1 KB at once, or streams lines. CPU is that of this process for one request.

    python -m bench.http
"""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import httptools
import httpx2
import uvloop

from bench.tables import show
from core.http import HttpClient

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
BODY = b'{"answer": "' + b"x" * 1000 + b'"}'
LINES, LINE = 2000, b'data: {"choices":[{"delta":{"content":"token "}}]}\n\n'
SECONDS = 3.0


class Answering(asyncio.Protocol):
    """Answers every request with BODY, and those to /stream with LINES lines in chunks."""

    def connection_made(self, transport) -> None:
        self._transport, self._parser, self._target = transport, httptools.HttpRequestParser(self), b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, target: bytes) -> None:
        self._target = target

    def on_message_complete(self) -> None:
        if self._target == b"/stream":
            piece = b"%x\r\n%b\r\n" % (len(LINE), LINE)
            self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * LINES + b"0\r\n\r\n")
        else:
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))


def _upstream(pipe) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def measure(ask: Callable[[], Awaitable[object]], clients: int) -> tuple[float, float]:
    """(requests a second, microseconds of CPU a request) with so many clients, each asking again when it was answered."""
    count, until = 0, time.perf_counter() + SECONDS
    await ask()
    cpu = time.process_time()

    async def client() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await ask()
            count += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return count / SECONDS, (time.process_time() - cpu) / count * 1e6


async def compare(url: str) -> None:
    async with AsyncExitStack() as stack:
        ours = HttpClient(connections=256)
        stack.push_async_callback(ours.close)
        theirs = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)))
        others = await stack.enter_async_context(httpx2.AsyncClient(limits=httpx2.Limits(max_connections=256)))

        async def own() -> object:
            async with ours.request("POST", url, json=QUESTION) as response:
                return await response.read()

        async def with_aiohttp() -> object:
            async with theirs.post(url, json=QUESTION) as response:
                return await response.read()

        async def with_httpx2() -> object:
            return (await others.post(url, json=QUESTION)).content

        async def own_lines() -> object:
            async with ours.request("GET", f"{url}/stream") as response:
                return [line async for line in response.lines()]

        async def lines_with_aiohttp() -> object:
            async with theirs.get(f"{url}/stream") as response:
                return [line async for line in response.content]

        rows = []
        for clients in (1, 64):
            base = 0.0
            for name, ask in (("core.http", own), ("aiohttp", with_aiohttp), ("httpx2", with_httpx2)):
                rate, cpu = await measure(ask, clients)
                base = base or rate
                rows.append((f"1 KB, {clients} at once", name, f"{rate:,.0f}", f"{cpu:.0f}", f"{rate / base:.2f}"))
        base = 0.0
        for name, ask in (("core.http", own_lines), ("aiohttp", lines_with_aiohttp)):
            rate, cpu = await measure(ask, 1)
            base = base or rate
            rows.append(
                (f"a stream of {LINES} lines", name, f"{rate * LINES:,.0f} lines", f"{cpu / LINES:.2f}", f"{rate / base:.2f}")
            )
    show("HTTP clients", ("load", "client", "a second", "µs of CPU each", "to ours"), rows)


def main() -> None:
    near, far = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_upstream, args=(far,), daemon=True)
    process.start()
    try:
        uvloop.run(compare(f"http://127.0.0.1:{near.recv()}"))
    finally:
        process.terminate()


if __name__ == "__main__":
    main()
