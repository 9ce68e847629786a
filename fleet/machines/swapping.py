"""The turns of a machine whose memory Myelin manages: a swapper of its own, over its own adapter."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from core.errors import MyelinError
from fleet.budget import needed
from fleet.compute import Resident, num_gpu
from fleet.engines.host import EngineHost
from fleet.machines.engine import Engine, Outlook
from fleet.machines.standing import Standing, standing
from fleet.swapper.forecast import Forecaster
from fleet.swapper.line import Ticket
from fleet.swapper.running import running
from fleet.swapper.scheduler import OnEta, Swapper, Turn
from fleet.swapper.tuning import Class, Tuning


def estimate(engine: Engine, model: str) -> int:
    """Bytes, from the size of its files; 0 when nobody knows it."""
    info = (engine.listed or {}).get(engine.identify(model))
    return needed(info.size) if info and info.size else 0


@asynccontextmanager
async def swapping(
    engine: Engine,
    *,
    predict: Callable[[Engine, str], int] = estimate,
    observe: Callable[[Engine, Resident], None] = lambda engine, resident: None,
    tuning: Tuning = Tuning(),
    now: Callable[[], float] = time.monotonic,
) -> AsyncIterator["Swapping"]:
    """For `Factories.turns`: the swapper of `engine`, which runs until the machine goes."""
    shape = engine.host.spec if isinstance(engine.host, EngineHost) else None
    swapper = Swapper(
        _Acts(engine),
        budget=lambda: engine.budget.bytes,
        predict=partial(predict, engine),
        always_on=engine.record.always_on,
        tuning=replace(tuning, parallel=shape.parallel) if shape else tuning,
        now=now,
        identify=engine.identify,
        holds_one=bool(shape and shape.holds_one),
        observe=partial(observe, engine),
    )
    async with running(swapper) as runs:
        yield Swapping(swapper, engine.identify, now, runs)


class Swapping:
    """`fleet.machines.engine.Turns` of a swapper."""

    def __init__(self, swapper: Swapper, identify: Callable[[str], str], now: Callable[[], float], runs: Callable[[], bool]):
        self.swapper, self._identify = swapper, identify
        self._now, self._runs = now, runs
        self._forecaster = Forecaster(swapper.yard)

    def turn(self, model: str, *, client: str = "", klass: Class = "normal", on_eta: OnEta | None = None) -> Turn:
        return self.swapper.turn(model, client=client, klass=klass, on_eta=on_eta)

    def preload(self, model: str) -> float:
        return self.swapper.preload(model)

    def outlook(self, model: str) -> Outlook:
        now, known = self._now(), self.swapper.yard.model(self._identify(model))
        seconds = self._forecaster.of(Ticket(known.name, "", "normal", now, _nobody), now).seconds
        load = known.load.value
        if known.is_open:
            return Outlook(True, seconds, load)
        displaced = sum(one.load.value for one in self.swapper.yard.victims(known) or ())
        return Outlook(False, max(seconds - load, 0.0), load, displaced)

    def standing(self) -> Standing:
        return standing(self.swapper.snapshot())

    def keep(self, models: Collection[str]) -> None:
        self.swapper.yard.pinned_names[:] = map(self._identify, models)
        self.swapper.poke()

    @property
    def alive(self) -> bool:
        return self._runs()


class _Acts:
    """`fleet.swapper.effects.Effects` on the machine as it is now: a change of its record may have made a fresh adapter."""

    def __init__(self, engine: Engine):
        self._engine = engine

    async def ps(self) -> Sequence[Resident]:
        return await self._engine.machine.ps()

    async def load(self, model: str) -> None:
        await self._engine.machine.load(model, num_gpu=num_gpu(self._engine.mode))

    async def unload(self, model: str) -> None:
        await self._engine.machine.unload(model)


def _nobody(_error: MyelinError | None) -> None:
    """The request of an outlook waits for nothing."""
