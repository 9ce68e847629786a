"""The turns of a machine whose memory Myelin manages: a swapper of its own, over its own adapter, and what it has learned."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from core.errors import Conflict, ModelOutOfMemory, Overloaded, ProviderError
from fleet.compute import Resident, num_gpu
from fleet.hardware import is_this_machine
from fleet.machines.engine import LEAVING, Engine, Outlook
from fleet.machines.standing import Standing, standing
from fleet.memory.prediction import Memory, Sizes
from fleet.swapper.forecast import Forecaster
from fleet.swapper.line import Ticket
from fleet.swapper.running import running
from fleet.swapper.scheduler import OnEta, Swapper, Turn
from fleet.swapper.tuning import Class, Tuning
from fleet.swapper.yard import Yard
from fleet.telemetry import Beside, Telemetry
from providers.ollama_errors import not_installed

#: Seconds that a machine may take to describe its models to who waits for a turn.
_MEETING = 5.0


@asynccontextmanager
async def swapping(
    engine: Engine,
    *,
    sizes: Sizes,
    tuning: Tuning = Tuning(),
    telemetry: Telemetry | None = None,
    now: Callable[[], float] = time.monotonic,
) -> AsyncIterator["Swapping"]:
    """For `Factories.turns`: the swapper of `engine`, which runs until the machine goes. `telemetry` tells of the cards here."""
    memory = Memory(
        _Shelf(engine),
        sizes,
        num_ctx=lambda model: engine.host.load_context(model),
        device=lambda: engine.budget.device,
        habits=lambda: engine.habits,
        now=now,
        identify=engine.identify,
    )
    await memory.start()
    beside = Beside(telemetry, memory.weigh, now) if telemetry and is_this_machine(engine.record.url) else None
    acts = _Acts(engine, memory, beside, now)
    swapper = Swapper(
        acts,
        budget=lambda: engine.budget.bytes,
        predict=memory.bytes,
        foresee=memory.foreseen_by_ollama,
        weigh=memory.weigh,
        always_on=engine.always_on,
        tuning=replace(tuning, parallel=engine.habits.num_parallel),
        now=now,
        identify=engine.identify,
        most=engine.habits.max_loaded_models,
        taken=lambda: engine.taken,
    )
    acts.yard = swapper.yard
    async with running(swapper) as runs:
        yield Swapping(engine, swapper, memory, now, runs)


class Swapping:
    """`fleet.machines.engine.Turns` of a swapper, and `fleet.compute.Door` before it."""

    def __init__(self, engine: Engine, swapper: Swapper, memory: Memory, now: Callable[[], float], runs: Callable[[], bool]):
        self.swapper, self.memory = swapper, memory
        self._engine, self._now, self._runs = engine, now, runs
        self._forecaster = Forecaster(swapper.yard)

    def turn(self, model: str, *, client: str = "", klass: Class = "normal", on_eta: OnEta | None = None) -> Turn:
        """Raises ModelTooLarge at once for a model that is larger than the budget."""
        self.check(model)
        return self.swapper.turn(model, client=client, klass=klass, on_eta=on_eta)

    def preload(self, model: str) -> float:
        self.check(model)
        return self.swapper.preload(model)

    def check(self, model: str) -> None:
        if not self.holds(model):
            self.memory.predict(self._engine.identify(model)).within(self._engine.budget.bytes, self._engine.record.name)

    def holds(self, model: str) -> bool:
        known = self.swapper.yard.models.get(self._engine.identify(model))
        return known is not None and known.is_resident

    async def meet(self, models: Collection[str] | None = None) -> None:
        """A machine that gives no answer teaches nothing; that it gives none shows in the load."""
        wanted = None if models is None else [model for model in models if not self.holds(model)]
        if wanted or wanted is None:
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_MEETING):
                    await self.memory.refresh(wanted)

    def needs(self, model: str) -> int | None:
        return self.memory.bytes(model) if self.memory.knows(model) else None

    async def grow(self, model: str, num_ctx: int) -> None:
        one = self.swapper.yard.models.get(self._engine.identify(model))
        if one is None or not one.is_resident or (one.seen and (one.seen.context or 0) >= num_ctx):
            return
        found = self.memory.predict(one.name, num_ctx).within(self._engine.budget.bytes, self._engine.record.name)
        if found.bytes > one.size:
            await self.swapper.grow(one.name, found.bytes, self.memory.foreseen_by_ollama(one.name, num_ctx))

    def outlook(self, model: str) -> Outlook:
        now, known = self._now(), self.swapper.yard.model(self._engine.identify(model))
        seconds = self._forecaster.of(Ticket(known.name, "", "normal", now), now).seconds
        load = known.load.value
        if known.is_open:
            return Outlook(True, seconds, load)
        displaced = sum(one.load.value for one in self.swapper.yard.victims(known) or ())
        return Outlook(False, max(seconds - load, 0.0), load, displaced)

    def standing(self) -> Standing:
        return standing(self.swapper.snapshot())

    def send_away(self, why: Exception) -> None:
        self.swapper.send_away(why)

    def renew(self) -> None:
        engine = self._engine
        self.swapper.yard.pinned_names[:] = map(engine.identify, engine.always_on)
        self.swapper.renew(engine.habits.num_parallel, engine.habits.max_loaded_models)

    async def evict(self, model: str, seconds: float = LEAVING) -> bool:
        """One that is still there after `seconds` leaves all the same when it can. Raises Conflict where none can leave."""
        if (why := self._engine.fixed) and self.holds(model):
            raise Conflict(why, hint="It leaves the memory when that server ends.", field="model")
        if not await self.swapper.evict(model, seconds):
            raise _still_there(model)
        return True

    @asynccontextmanager
    async def withheld(self, model: str) -> AsyncIterator[None]:
        async with self.swapper.withheld(model, not_installed(model)):
            await self.evict(model)
            yield

    @property
    def inside(self) -> int:
        """Turns that have begun and not ended."""
        return self.swapper.yard.inside

    async def close_and_drain(self, seconds: float) -> bool:
        return await self.swapper.drain(seconds)

    def open(self) -> None:
        self.swapper.resume()

    @property
    def alive(self) -> bool:
        return self._runs()


class _Shelf:
    """`fleet.memory.prediction.Shelf` of the machine as it is now: a change of its record may have made a fresh adapter."""

    def __init__(self, engine: Engine):
        self._engine = engine

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        return await self._engine.machine.weights()

    async def shown(self, model: str) -> Mapping[str, Any]:
        return await self._engine.machine.shown(model)


class _Acts:
    """`fleet.swapper.effects.Effects` on the machine as it is now, for the owner of `yard`. Every look teaches what models
    take."""

    yard: Yard

    def __init__(self, engine: Engine, memory: Memory, beside: Beside | None, now: Callable[[], float]):
        self._engine, self._memory, self._beside, self._now = engine, memory, beside, now
        self._residents: Sequence[Resident] = ()
        self._spilled: frozenset[str] = frozenset()
        #: What was just loaded, and what was in memory before.
        self._loaded: tuple[str, Sequence[Resident]] | None = None
        #: What seems to have driven others out, as long as nobody else was seen to load models.
        self._blamed: str | None = None

    async def ps(self) -> Sequence[Resident]:
        residents = await self._engine.machine.ps()
        self._compare(residents)
        self._residents = residents
        if unknown := [name for name in self.yard.pinned_names if not self._memory.knows(name)]:
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_MEETING):
                    await self._memory.refresh(unknown)
        await self._memory.observe(residents)
        if self._beside and not self.yard.is_closed:  # else the switch of compute moves models
            await self._beside.look(residents)
            self._engine.cards = self._beside.cards
        return residents

    def _is_shared(self) -> bool:
        """Whether somebody else was seen loading models here."""
        return self._now() < self.yard.shared_until

    def _moving(self) -> AbstractContextManager[None]:
        return self._beside.moving() if self._beside else nullcontext()

    async def load(self, model: str) -> None:
        before = self._residents
        try:
            with self._moving():
                await self._engine.machine.load(model, num_gpu=num_gpu(self._engine.mode))
        except ModelOutOfMemory:
            self._outgrown(model, before)
            raise
        self._loaded = model, before

    async def unload(self, model: str) -> None:
        with self._moving():
            await self._engine.machine.unload(model)

    def _compare(self, residents: Sequence[Resident]) -> None:
        """A load that runs out of memory drives out all others and is tried again; what only Ollama knows shows in who is gone,
        or in a part that lies in the memory of the processor. Who is gone may also have left for somebody else's load."""
        spilled = frozenset(self._engine.identify(one.name) for one in residents if 0 < one.size_vram < one.size)
        for name in spilled - self._spilled:
            self._outgrown(name, residents)
        self._spilled = spilled
        if self._blamed and self._is_shared():
            self._memory.acquit(self._blamed)
            self._blamed = None
        loaded, self._loaded = self._loaded, None
        if loaded:
            model, before = loaded
            others = {one.name for one in before if self._engine.identify(one.name) != self._engine.identify(model)}
            if others and others.isdisjoint(one.name for one in residents) and not self._is_shared():
                self._outgrown(model, before)
                self._blamed = model

    def _outgrown(self, model: str, residents: Sequence[Resident]) -> None:
        """Beside others it did not fit, so it needs more than they leave. Of one that was alone that says nothing: the memory
        is smaller than the budget, or somebody else has a part of it."""
        budget = self._engine.budget.bytes
        others = [self._memory.weigh(one) for one in residents if self._engine.identify(one.name) != self._engine.identify(model)]
        if budget is not None and others:
            self._memory.outgrown(model, max(budget - self._engine.taken - sum(others), 0), budget)


def _still_there(model: str) -> Overloaded:
    hint = "It leaves when its last question has ended; GET /machines shows it."
    return Overloaded(f"The model {model} is still answering and did not leave the memory in time.", hint=hint, retry_after=60)
