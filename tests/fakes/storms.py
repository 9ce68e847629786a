"""Random sequences of what may befall a swapper: requests, hang-ups, crashes, slow and failing loads, strangers, restarts."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

from core.errors import Conflict, ModelOutOfMemory, ModelTooLarge, MyelinError, Overloaded, ProviderError
from fleet.swapper.scheduler import Swapper
from fleet.swapper.tuning import CLASSES, Tuning
from tests.fakes.memory_machine import MemoryMachine
from tests.fakes.virtual_time import now

GB = 10**9
_LONGEST = 10_000.0


class Storm:
    """The same `seed` is the same sequence; `weather` returns what was broken, in words."""

    def __init__(self, seed: int, events: int = 40):
        self._rnd = rnd = random.Random(seed)
        self._events = events
        sizes = {f"heavy-{number}": rnd.randint(10, 20) * GB for number in range(rnd.randint(2, 4))}
        sizes |= {f"light-{number}": rnd.randint(1, 6) * GB for number in range(rnd.randint(0, 2))}
        pinned = rnd.sample([name for name in sizes if name.startswith("light")], int("light-0" in sizes and rnd.random() < 0.6))
        self._names = [*sizes, "giant"]
        budget = 26 * GB
        self._machine = MemoryMachine(
            sizes | {"giant": 40 * GB}, budget=budget, parallel=rnd.randint(1, 3), lag=rnd.choice([0.0, 0.7, 3.0])
        )
        self._machine.pinned.update(pinned)
        known = budget if rnd.random() < 0.8 or pinned else None
        self._swapper = Swapper(
            self._machine,
            budget=lambda: known,
            predict=self._machine.sizes.__getitem__,
            always_on=pinned,
            tuning=Tuning(parallel=self._machine.parallel, speculate=rnd.random() < 0.5),
            now=now,
            identify=str,
        )
        if known is None:
            self._names.remove("giant")
        self._asking: list[asyncio.Task[None]] = []

    async def weather(self) -> list[str]:
        running = asyncio.create_task(self._swapper.run())
        befalls = [self._ask] * 12 + [self._hang_up] * 3 + [self._crash, self._restart, self._intrude, self._vanish]
        befalls += [self._fail, self._stall, self._preload, self._evict, self._close]
        for _ in range(self._events):
            await asyncio.sleep(self._rnd.choice([0.0, 0.1, 1.0, 5.0, 20.0]) * self._rnd.random())
            await self._rnd.choice(befalls)()
        self._machine.faults.clear()
        broken = await self._end()
        broken += [] if running.done() is False else [f"the scheduler has ended: {running.exception()}"]
        running.cancel()
        await asyncio.wait([running])
        return broken + self._machine.harm

    async def _end(self) -> list[str]:
        """Everybody gets an end, and afterwards every model that has room can be had again."""
        _, late = await asyncio.wait([*self._asking, asyncio.create_task(asyncio.sleep(0))], timeout=_LONGEST)
        broken = [f"{len(late)} requests have no end"] if late else []
        await asyncio.sleep(150)
        yard = self._swapper.yard
        await asyncio.sleep(30 + max((model.breaker.open_for(now()) for model in yard.models.values()), default=0.0))
        for name in self._names[:3]:
            try:
                async with self._swapper.turn(name, client="last"):
                    await self._machine.serve(name, 1)
            except ModelTooLarge:
                continue
            except MyelinError as error:
                broken.append(f"{name} cannot be had in the end: {error}")
        if yard.waiting or yard.inside or any(model.inside or model.line for model in yard.models.values()):
            broken.append(f"{yard.waiting} wait and {yard.inside} are inside when all have gone")
        return broken

    async def _ask(self) -> None:
        self._start(self._request)

    async def _hang_up(self) -> None:
        task = self._start(self._request)
        asyncio.get_running_loop().call_later(self._rnd.random() * 40, task.cancel)

    def _start(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        self._asking.append(task := asyncio.create_task(work()))
        return task

    async def _request(self) -> None:
        rnd = self._rnd
        model, klass, seconds = rnd.choice(self._names), rnd.choice(CLASSES), rnd.expovariate(1 / 6)
        with contextlib.suppress(Overloaded, ModelTooLarge, ProviderError):
            async with self._swapper.turn(model, client=rnd.choice("xyz"), klass=klass):
                await self._machine.serve(model, seconds)

    async def _crash(self) -> None:
        if self._machine.resident:
            self._machine.crash(self._rnd.choice(list(self._machine.resident)))

    async def _restart(self) -> None:
        self._machine.restart()

    async def _intrude(self) -> None:
        name = self._rnd.choice(self._names)
        if name not in {*self._machine.pinned, "giant", self._machine.loading} and not self._machine.inside[name]:
            self._machine.intrude(name)

    async def _vanish(self) -> None:
        self._machine.is_down = True
        asyncio.get_running_loop().call_later(self._rnd.random() * 90, setattr, self._machine, "is_down", False)

    async def _fail(self) -> None:
        error = self._rnd.choice([ProviderError("The model crashed."), ModelOutOfMemory("There is not enough memory.")])
        self._machine.faults += [error] * self._rnd.randint(1, 4)

    async def _stall(self) -> None:
        self._machine.faults.append(1e6)

    async def _preload(self) -> None:
        with contextlib.suppress(ModelTooLarge, Overloaded):
            self._swapper.preload(self._rnd.choice(self._names))

    async def _evict(self) -> None:
        async def evict() -> None:
            with contextlib.suppress(Conflict):
                await self._swapper.evict(self._rnd.choice(self._names))

        self._start(evict)

    async def _close(self) -> None:
        async def close() -> None:
            await self._swapper.drain(60)
            self._swapper.resume()

        self._start(close)
