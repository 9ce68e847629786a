"""A swapper over a machine in memory, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fleet.swapper.scheduler import Swapper
from fleet.swapper.tuning import Tuning
from tests.fakes.memory_machine import MemoryMachine
from tests.fakes.virtual_time import now, run

GB = 10**9
#: Loads take 10 s, 12 s, 2 s, 2 s, 1 s.
SIZES = {"a": 20 * GB, "b": 24 * GB, "small": 4 * GB, "tiny": 4 * GB, "light": 2 * GB, "giant": 50 * GB}


class World:
    def __init__(self, *, budget: int | None = 26 * GB, always_on: tuple[str, ...] = (), lag: float = 0.5, **tuning: Any):
        tuning = {"parallel": 2, "speculate": False} | tuning
        self.machine = MemoryMachine(SIZES, budget=budget or 10**15, parallel=tuning["parallel"], lag=lag)
        self.machine.pinned.update(always_on)
        self.observed: list[Any] = []
        self.swapper = Swapper(
            self.machine,
            budget=lambda: budget,
            predict=self.machine.sizes.__getitem__,
            always_on=always_on,
            tuning=Tuning(**tuning),
            now=now,
            identify=str,
            weigh=self._weigh,
        )
        self.served: list[tuple[str, float]] = []

    def _weigh(self, resident: Any) -> int:
        self.observed.append(resident)
        return resident.size

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        task = asyncio.create_task(self.swapper.run())
        try:
            yield self
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert self.machine.harm == []

    async def ask(self, model: str, seconds: float = 1.0, **how: Any) -> float:
        """Returns how long it waited; `served` has the order and the moments."""
        arrived = now()
        async with self.swapper.turn(model, **how):
            began = await self.machine.serve(model, seconds)
            self.served.append((model, began))
        return began - arrived

    def start(self, model: str, seconds: float = 1.0, **how: Any) -> asyncio.Task[float]:
        return asyncio.create_task(self.ask(model, seconds, **how))


def in_world(**world: Any) -> Callable[[Callable[[World], Coroutine[Any, Any, None]]], Callable[[], None]]:
    """A test in virtual time over a running swapper, which must have done no harm in the end."""

    def decorate(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        async def play() -> None:
            async with World(**world).running() as made:
                await test(made)

        def wrapped() -> None:
            run(play())

        wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
        return wrapped

    return decorate
