"""Time that a fake lives in: the loop's own at any pace, or a virtual one that stands still until a test moves it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Protocol

_TURNS = 20  # of the event loop between two moments: what was told has reached whoever waits for it in this process


class Timeline(Protocol):
    """Seconds since a start of its own; what is planned for a moment runs on the event loop."""

    def now(self) -> float: ...

    def at(self, when: float, do: Callable[[], None]) -> None: ...

    async def sleep(self, seconds: float) -> None: ...


class Paced:
    """The loop's clock, `speed` times as fast: with 100 a load of ten seconds takes a tenth of one."""

    def __init__(self, speed: float = 1.0):
        self.speed = speed

    def now(self) -> float:
        return asyncio.get_running_loop().time() * self.speed

    def at(self, when: float, do: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_at(when / self.speed, do)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


class Virtual:
    """Stands still until `advance`, which visits every moment on its way."""

    def __init__(self) -> None:
        self._now = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self._now

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (max(when, self._now), next(self._numbers), do))

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(self._now + seconds, lambda: None if over.done() else over.set_result(None))
        await over

    async def advance(self, seconds: float) -> None:
        """Moves on; between two moments the event loop has a few turns, so that what wakes up can plan more."""
        end = self._now + seconds
        await settle()
        while self._planned and self._planned[0][0] <= end:
            self._now, _, do = heapq.heappop(self._planned)
            do()
            await settle()
        self._now = end


async def settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
