"""A load of one kind of request: as fast as so many connections can (closed loop), or at a rate that does not wait (open loop).

    python -m bench.load URL KEY PATH BODY closed CONNECTIONS SECONDS
    python -m bench.load URL KEY PATH BODY open RATE SECONDS

It prints JSON: `asked` requests in all (warming up included), `rate` requests and `events` (server-sent ones) a second, `wrong`
answers that were no 200, and in seconds `latency` and `first` (until the first bytes of the body), each as {p50, p99}. In an open loop they count from the moment when
a request was due, so that a server that stalls cannot hide it.
"""

import asyncio
import sys
import time
from collections import deque
from urllib.parse import urlsplit

import httptools
import orjson
import uvloop

from bench.tables import percentile


class Load:
    def __init__(self, url: str, key: str, path: str, body: str):
        self.host = urlsplit(url)
        self.request = (
            f"POST {path} HTTP/1.1\r\nHost: {self.host.netloc}\r\nAuthorization: Bearer {key}\r\nUser-Agent: bench\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}"
        ).encode()
        self.free: deque[Client] = deque()
        self.waiting: deque[float] = deque()
        self.latencies: list[float] = []
        self.firsts: list[float] = []
        self.asked = self.events = self.wrong = 0
        self.endless = False

    async def connected(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, client = await loop.create_connection(lambda: Client(self), self.host.hostname, self.host.port)
            self.free.append(client)

    def done(self, client: "Client") -> None:
        if self.endless:
            client.ask(time.perf_counter())
        elif self.waiting:
            client.ask(self.waiting.popleft())
        else:
            self.free.append(client)

    async def closed(self, connections: int, seconds: float) -> float:
        await self.connected(connections)
        self.endless = True
        while self.free:
            self.free.popleft().ask(time.perf_counter())
        await asyncio.sleep(min(1.0, seconds / 4))
        self.forget()
        started = time.perf_counter()
        await asyncio.sleep(seconds)
        return time.perf_counter() - started

    async def open(self, rate: float, seconds: float) -> float:
        await self.connected(64)
        started, asked = time.perf_counter() + 0.1, 0
        total = int(rate * seconds)
        while asked < total:
            due = started + asked / rate
            if (left := due - time.perf_counter()) > 0.0005:
                await asyncio.sleep(left - 0.0003)
                continue
            while time.perf_counter() < due:
                await asyncio.sleep(0)
            asked += 1
            if self.free:
                self.free.popleft().ask(due)
            else:
                self.waiting.append(due)
        while len(self.latencies) + self.wrong < total and time.perf_counter() < started + seconds + 10:
            await asyncio.sleep(0.01)
        return seconds

    def forget(self) -> None:
        self.latencies.clear()
        self.firsts.clear()
        self.events = self.wrong = 0


class Client(asyncio.Protocol):
    def __init__(self, load: Load):
        self._load = load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, due: float) -> None:
        self._due, self._begun = due, False
        self._parser = httptools.HttpResponseParser(self)
        self._load.asked += 1
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._load.firsts.append(time.perf_counter() - self._due)
        self._load.events += body.count(b"\n\n") or body.count(b"\n")

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() == 200:
            self._load.latencies.append(time.perf_counter() - self._due)
        else:
            self._load.wrong += 1
        self._load.done(self)


async def run(url: str, key: str, path: str, body: str, kind: str, much: str, seconds: str) -> dict[str, object]:
    load = Load(url, key, path, body)
    took = await (load.closed(int(much), float(seconds)) if kind == "closed" else load.open(float(much), float(seconds)))
    both = {"latency": load.latencies or [0.0], "first": load.firsts or [0.0]}
    shares = {name: {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)} for name, values in both.items()}
    return {"asked": load.asked, "rate": len(load.latencies) / took, "events": load.events / took, "wrong": load.wrong, **shares}


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(uvloop.run(run(*sys.argv[1:8]))).decode())
