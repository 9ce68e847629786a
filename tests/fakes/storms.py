"""Random sequences of what may befall a swapper: requests, hang-ups, crashes, slow and failing loads, strangers, restarts.

It works with the memory model that machines have: what loads take is foreseen by formula, then learned from what the machine
shows, and some of these machines lie.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from core.errors import Conflict, ModelOutOfMemory, ModelTooLarge, MyelinError, Overloaded, ProviderError
from fleet.budget import Budget
from fleet.compute import Resident
from fleet.machines.record import Record
from fleet.machines.swapping import Swapping, swapping
from fleet.memory.formula import DRIVER_BYTES
from fleet.memory.prediction import Habits
from fleet.swapper.tuning import CLASSES, Tuning
from providers.ollama_models import full_name
from tests.fakes.memory_machine import MemoryMachine
from tests.fakes.ollama_models import GIB, FakeModel
from tests.fakes.virtual_time import now

_LONGEST = 10_000.0
CONTEXT, LONG = 8192, 32768
#: What a machine says instead of a size.
LIES: tuple[Callable[[int], int], ...] = (lambda size: 0, lambda size: 1, lambda size: size // 8, lambda size: 1 << 50)


class Kept:
    """Sizes that last as long as the storm."""

    async def all(self) -> Sequence[Any]:
        return []

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        await asyncio.sleep(0)


class Machine(MemoryMachine):
    """One that has files and tells sizes as an Ollama does: without the driver's memory, true or not."""

    def __init__(self, models: Sequence[FakeModel], lie: Callable[[int], int] | None, **how: Any):
        super().__init__({model.name: taken(model, CONTEXT) for model in models}, **how)
        self.models = {model.name: model for model in models}
        self._lie = lie or (lambda size: size)

    async def ps(self) -> Sequence[Resident]:
        rows = []
        for one in await super().ps():
            context = LONG if one.size == taken(self.models[one.name], LONG) else CONTEXT
            size = self._lie(one.size - DRIVER_BYTES)
            rows.append(replace(one, size=size, size_vram=size, context=context))
        return rows

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        await asyncio.sleep(self.answer)
        self._reachable()
        return {name: (model.size, model.digest) for name, model in self.models.items()}

    async def shown(self, model: str) -> Mapping[str, Any]:
        await asyncio.sleep(self.answer)
        self._reachable()
        blob = self.models[model].blob.replace(":", "-")
        return {"modelfile": f"FROM /blobs/{blob}\n", "model_info": self.models[model].model_info()}


def taken(model: FakeModel, num_ctx: int) -> int:
    return model.memory(num_ctx, 1024) + DRIVER_BYTES


def _model(name: str, size: int) -> FakeModel:
    return FakeModel(name, size, "?", context=131072)


class Storm:
    """The same `seed` is the same sequence; `weather` returns what was broken, in words."""

    def __init__(self, seed: int, events: int = 40):
        self._rnd = rnd = random.Random(seed)
        self._events = events
        models = [_model(f"heavy:{number}", rnd.randint(8, 18) * GIB) for number in range(rnd.randint(2, 4))]
        models += [_model(f"light:{number}", rnd.randint(1, 4) * GIB) for number in range(rnd.randint(0, 2))]
        self._names = [*(model.name for model in models), "giant:70b"]
        self._pinned = ["light:0"] if "light:0" in self._names and rnd.random() < 0.6 else []
        budget = 26 * GIB
        self._machine = Machine(
            [*models, _model("giant:70b", 40 * GIB)],
            rnd.choice(LIES) if rnd.random() < 0.4 else None,
            budget=budget,
            parallel=rnd.randint(1, 3),
            lag=rnd.choice([0.0, 0.7, 3.0]),
        )
        self._machine.pinned.update(self._pinned)
        self._known = budget if rnd.random() < 0.8 or self._pinned else None
        self._tuning = Tuning(speculate=rnd.random() < 0.5)
        if self._known is None:
            self._names.remove("giant:70b")
        self._asking: list[asyncio.Task[None]] = []
        self._turns: Swapping
        self._engine: SimpleNamespace

    async def weather(self) -> list[str]:
        self._engine = engine = SimpleNamespace(
            machine=self._machine,
            host=SimpleNamespace(load_context=lambda model: CONTEXT),
            identify=full_name,
            record=Record("local", "http://local"),
            always_on=tuple(self._pinned),
            fixed="",
            budget=Budget(self._known, "a storm"),
            mode="auto",
            habits=Habits(self._machine.parallel, self._machine.most),
            taken=0,
        )
        async with swapping(engine, sizes=Kept(), tuning=self._tuning, now=now) as self._turns:
            await self._turns.meet()
            return await self._blow()

    async def _blow(self) -> list[str]:
        befalls = [self._ask] * 12 + [self._hang_up] * 3 + [self._crash, self._restart, self._intrude, self._vanish]
        befalls += [self._fail, self._stall, self._preload, self._evict, self._withhold, self._close, self._play]
        for _ in range(self._events):
            await asyncio.sleep(self._rnd.choice([0.0, 0.1, 1.0, 5.0, 20.0]) * self._rnd.random())
            await self._rnd.choice(befalls)()
        self._machine.faults.clear()
        broken = await self._end()
        broken += [] if self._turns.alive else ["the scheduler has ended"]
        return broken + self._machine.harm

    async def _end(self) -> list[str]:
        """Everybody gets an end, and afterwards every model that has room can be had again."""
        ended, late = await asyncio.wait([*self._asking, asyncio.create_task(asyncio.sleep(0))], timeout=_LONGEST)
        broken = [f"{len(late)} requests have no end"] if late else []
        broken += [f"ended with {task.exception()!r}" for task in ended if not task.cancelled() and task.exception()]
        await asyncio.sleep(150)
        yard = self._turns.swapper.yard
        await asyncio.sleep(30 + max((model.breaker.open_for(now()) for model in yard.models.values()), default=0.0))
        for name in self._names[:3]:
            try:
                async with self._turns.turn(name, client="last"):
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
            async with self._turns.turn(model, client=rnd.choice("xyz"), klass=klass):
                if rnd.random() < 0.1:
                    await self._turns.grow(model, LONG)
                    self._machine.grow(model, taken(self._machine.models[model], LONG))
                await self._machine.serve(model, seconds)

    async def _crash(self) -> None:
        if self._machine.resident:
            self._machine.crash(self._rnd.choice(list(self._machine.resident)))

    async def _restart(self) -> None:
        self._machine.restart()

    async def _intrude(self) -> None:
        name = self._rnd.choice(self._names)
        if name not in {*self._machine.pinned, "giant:70b", self._machine.loading} and not self._machine.inside[name]:
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
            self._turns.preload(self._rnd.choice(self._names))

    async def _evict(self) -> None:
        async def evict() -> None:
            with contextlib.suppress(Conflict):
                await self._turns.swapper.evict(self._rnd.choice(self._names))

        self._start(evict)

    async def _withhold(self) -> None:
        async def withhold() -> None:
            with contextlib.suppress(Conflict, Overloaded):
                name, withheld = self._rnd.choice(self._names), self._machine.withheld
                async with self._turns.withheld(name):
                    withheld[name] += 1
                    await asyncio.sleep(self._rnd.random() * 20)
                    withheld[name] -= 1

        self._start(withhold)

    async def _play(self) -> None:
        """Another program takes a part of the card, and gives it back."""
        self._engine.taken = self._rnd.randint(1, 26) * GIB if self._known else 0
        asyncio.get_running_loop().call_later(self._rnd.random() * 60, setattr, self._engine, "taken", 0)

    async def _close(self) -> None:
        async def close() -> None:
            await self._turns.close_and_drain(60)
            self._turns.open()

        self._start(close)
