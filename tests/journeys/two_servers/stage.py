"""Two servers that share two machines: each server with its own data and port, each machine an Ollama with its own card."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from fleet.budget import budget
from fleet.hardware import detect
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_cards import Environment
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_scheduler import Happened
from tests.journeys.server import Server
from tests.journeys.test_documents import ask

T = TypeVar("T")

SECONDS = 40.0
#: OLLAMA_MAX_LOADED_MODELS, on both sides.
_PLACES = 16
HELLO = [{"role": "user", "content": "Say hello."}]
FRONTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/chat/completions", {}),
    ("/v1/messages", {"max_tokens": 40}),
    ("/api/chat", {"stream": False}),
)


def until(met: Callable[[], T], seconds: float = SECONDS) -> T:
    """What `met` gives as soon as it gives something."""
    ends = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)
    return found


def sizes() -> int:
    """Bytes that a server gives the models of its own machine."""
    return budget(asyncio.run(detect()), "auto", 26, "http://127.0.0.1").bytes


class Box:
    """A machine: an Ollama in a thread of its own, which can die and come back at the same address."""

    def __init__(self, card: int, models: Sequence[FakeModel]):
        self.fake = FakeOllama()
        self.fake.machine.installed |= {model.name: model for model in models}
        self.fake.machine.library |= {model.name: model for model in models}
        self.hurry()
        self.fake.machine.scheduler.cards.vram = card
        self.fake.machine.scheduler.environment = Environment(max_loaded=_PLACES)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.do(self.fake.start())

    def do(self, work: Any) -> Any:
        """Runs a coroutine in the thread of the machine."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def hurry(self) -> None:
        """As fast as every test finds it, and without a fault."""
        self.fake.load_seconds, self.fake.token_seconds, self.fake.pull_seconds = 0.1, 0.002, 0.0
        self.fake.answers.clear()
        self.fake.heal()

    def die(self) -> None:
        self.do(self.fake.stop())
        self.restart()

    def live(self) -> None:
        self.do(self.fake.start(int(self.fake.url.rpartition(":")[2])))

    def restart(self) -> None:
        """Everything in memory is gone, and every request that was inside."""

        async def restart() -> None:
            self.fake.machine.restart()

        self.do(restart())

    def close(self) -> None:
        self.do(self.fake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def is_busy(self) -> bool:
        """Whether somebody is inside."""

        async def look() -> bool:
            return any(runner.refs for runner in self.fake.machine.resident())

        return self.do(look())

    @property
    def history(self) -> list[Happened]:
        return self.fake.machine.scheduler.history

    def names(self) -> set[str]:
        return set(self.fake.machine.installed)

    def listed(self) -> dict[str, dict[str, Any]]:
        """What its /api/ps shows."""
        return {one["name"]: one for one in httpx2.get(f"{self.fake.url}/api/ps").json()["models"]}

    def most(self, since: int, models: Sequence[FakeModel]) -> int:
        """Of `models`, how many were in memory together at the most since event number `since`."""
        names = {model.name for model in models}
        present = {one.model for one in self.history[:since] if one.what == "loaded"} & names
        present -= {one.model for one in self.history[:since] if one.what == "unloaded"}
        most = 0
        for event in self.history[since:]:
            if event.model in names and event.what in ("loaded", "unloaded"):
                (present.add if event.what == "loaded" else present.discard)(event.model)
                most = max(most, len(present))
        return most


class Stage:
    """`one` and `two` are clients of the two servers, `a` their machine `local`, `b` their machine `box`.

    `north` and `south` are on `a` only and have no room beside each other, two `light` ones have; `shared` is on both machines,
    and those `travelling` are on `a` and in the registry of `b`.
    """

    def __init__(self, folder: Path, stack: ExitStack):
        room = sizes()
        heavy = [FakeModel(f"{name}:8b", int(room * 0.55), "8B") for name in ("north", "south")]
        self.north, self.south = heavy
        self.shared = FakeModel("shared:1b", 1_000_000_000, "1B")
        self.light = [FakeModel(f"light-{number}:1b", 900_000_000, "1B") for number in range(2)]
        self.travelling = [FakeModel(f"travel-{number}:1b", 900_000_000, "1B") for number in range(6)]
        self.a = Box(room, [*heavy, self.shared, *self.light, *self.travelling])
        self.b = Box(room, [self.shared])
        self.b.fake.machine.library |= {model.name: model for model in self.travelling}
        for box in (self.a, self.b):
            stack.callback(box.close)
        settings = {"OLLAMA_URL": self.a.fake.url, "MACHINES": f"box={self.b.fake.url}"}
        settings["OLLAMA_MAX_LOADED_MODELS"] = str(_PLACES)
        self.servers = [Server(folder / name, **settings) for name in ("one", "two")]
        self.one, self.two = self.clients = [stack.enter_context(server.client()) for server in self.servers]
        self.pool = stack.enter_context(ThreadPoolExecutor(32))
        for server, client in zip(self.servers, self.clients, strict=True):
            server.start()
            stack.callback(server.kill)
            until(lambda client=client: self.south.name in client.get("/v1/models").text)
            # A load that was measured; a guess by the size would have the other server wait for it for minutes.
            for model in heavy:
                answered([self.ask(client, model)])

    def tidy(self) -> None:
        """What a test leaves when it fails would be the next one's trouble."""
        for box in (self.a, self.b):
            box.hurry()
        for client in self.clients:
            if client.get("/config/compute").json()["mode"] != "auto":
                client.post("/config/compute", json={"mode": "auto"})
            if not client.get("/machines/local").json()["enabled"]:
                client.patch("/machines/local", json={"enabled": True})

    def ask(self, client: httpx2.Client, model: FakeModel, front: int = 0) -> Future[httpx2.Response]:
        path, more = FRONTS[front]
        return self.pool.submit(client.post, path, json={"model": model.name, "messages": HELLO, **more})

    def upload(self, client: httpx2.Client, model: FakeModel) -> Future[httpx2.Response]:
        question = {"prompt": "Extraia o CNPJ", "format_response": '{"cnpj": ""}', "ai_provider": "ollama", "model": model.name}
        return self.pool.submit(ask, client, "nota.pdf", **question)

    def log(self, number: int) -> str:
        return self.servers[number].log.read_text()


def answered(asked: Sequence[Future[httpx2.Response]]) -> list[httpx2.Response]:
    """All replies, each of which is a success."""
    replies = [one.result(SECONDS) for one in asked]
    assert [reply.status_code for reply in replies] == [200] * len(replies), [
        reply.text for reply in replies if reply.status_code != 200
    ]
    return replies


@contextmanager
def opened(folder: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(folder, stack)
