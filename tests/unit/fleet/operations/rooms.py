"""Two fake machines over HTTP, an agent beside one of them in the same process, and the operations over both."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from core.clock import Clock
from core.http import HttpClient
from fleet.operations.activity import Activity
from fleet.operations.agents import Agents
from fleet.operations.durable import Pace
from fleet.operations.operations import Operations
from fleet.operations.record import Operation
from fleet.operations.spool import Spool
from providers.ollama import Ollama
from tests.fakes.holding import Holding
from tests.fakes.ollama import FakeOllama

NAME = "casa:1b"
WEIGHTS = bytes(range(256)) * 20_000  # 5 MB
TEXTS = {"template": "{{ .Prompt }}", "license": ["MIT"], "parameters": {"stop": ["<eos>"]}, "renderer": "casa"}


class Rooms:
    """`a` has NAME, which is in no registry; `b` has nothing of it. `table` and `marks` are what a restart finds."""

    def __init__(self, folder: Path, *, patience: float = 5.0, free: Callable[[Path], int] = lambda _: 1 << 40):
        self.folder, self.patience, self.free = folder, patience, free
        self.a, self.b = FakeOllama(), FakeOllama()
        self.table: dict[str, dict] = {}
        self.marks: frozenset = frozenset()
        self.keyed = {"a"}
        self.told = 0
        self.pace = Pace(again=())

    async def __aenter__(self) -> "Rooms":
        self._stack = AsyncExitStack()
        for fake in (self.a, self.b):
            await self._stack.enter_async_context(fake)
        self.http = HttpClient()
        self._stack.push_async_callback(self.http.close)
        self.ports = {
            name: Holding(Ollama(self.http, base_url=fake.url)) for name, fake in (("a", self.a), ("b", self.b))
        }  # fmt: skip
        self.holders = dict(self.ports)
        self.a.blobs.add(NAME, WEIGHTS, **TEXTS)
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.operations.close()
        await self._stack.aclose()

    async def open(self) -> None:
        """As a server that starts."""
        self.spool = Spool(self.folder / "spool", free=self.free)
        self.agents = Agents(self.spool, Clock(), keyed=self.keyed.__contains__, patience=self.patience)
        self.activity = Activity(self._load_marks, self._save_marks)
        await self.activity.open()
        self.operations = Operations(
            lambda: self.ports, lambda: self.holders, self.agents, self.activity, told=self._tell, load=self._load, save=self._save,
            clock=Clock(), pace=self.pace, sleep=lambda _: asyncio.sleep(0),
        )  # fmt: skip
        await self.operations.resume()

    async def restart(self) -> None:
        await self.operations.close()
        await self.open()

    async def ended(self, record: Operation) -> Operation:
        async with asyncio.timeout(20):
            async for seen in self.operations.watch(record.id):
                last = seen
        return last

    async def until(self, record: Operation, met: Callable[[Operation], bool]) -> Operation:
        async with asyncio.timeout(20):
            async for seen in self.operations.watch(record.id):
                if met(seen):
                    return seen
        raise AssertionError(f"ended as {seen}")

    async def _tell(self) -> None:
        self.told += 1

    async def _load(self) -> list[dict]:
        return list(self.table.values())

    async def _save(self, record: dict) -> None:
        await asyncio.sleep(0)
        self.table[record["id"]] = record

    async def _load_marks(self) -> frozenset:
        return self.marks

    async def _save_marks(self, marks: frozenset) -> None:
        self.marks = marks


class Sender:
    """An agent that sends from memory, chunk by chunk: `bytes_of` tells the content of (what, model, digest)."""

    def __init__(self, rooms: Rooms, chunk: int = 1 << 20):
        self.rooms, self.chunk, self.asked = rooms, chunk, []
        self.digests: list[str] = []
        self.spoiled: dict[str, int] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self._task: asyncio.Task | None = None

    async def __aenter__(self) -> "Sender":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    def content(self, task) -> bytes:
        a = self.rooms.a
        content = a.machine.installed[task.model].manifest if task.what == "manifest" else a.blobs.kept[task.digest]
        if self.spoiled.get(task.what):
            return b"!" + content[1:]
        return content

    async def _run(self) -> None:
        while True:
            agents = self.rooms.agents
            task = await agents.next("a", 0.05)
            if task is None:
                continue
            self.asked.append((task.what, task.offset))
            self.digests.append(task.digest)
            self.began.set()
            content = self.content(task)
            spoiled = self.spoiled.get(task.what, 0)
            try:
                await self._send(agents, task, content)
            except Exception:
                await asyncio.sleep(0)
            if spoiled:
                self.spoiled[task.what] = spoiled - 1

    async def _send(self, agents, task, content) -> None:
        offset, whole = task.offset, False
        while not whole:
            await self.gate.wait()
            offset, whole = await agents.receive("a", task.id, offset, len(content), _once(content[offset : offset + self.chunk]))


async def _once(piece: bytes):
    yield piece
