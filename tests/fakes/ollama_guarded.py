"""A fake Ollama in memory behind the product's own swapper, its own estimates of memory, and its own way of writing bodies."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson

from core.deadline import Deadline
from core.errors import ModelNotInstalled, ModelOutOfMemory, MyelinError, ProviderError, ProviderTimeout
from fleet.compute import Resident
from fleet.memory.prediction import Habits, Memory
from fleet.swapper.running import running
from fleet.swapper.scheduler import Swapper
from fleet.swapper.tuning import Tuning
from providers.ollama import FOREVER, LEASE_SECONDS
from providers.ollama_native import read
from tests.fakes.ollama_cards import Cards, Environment
from tests.fakes.ollama_machine import Broken, Machine
from tests.fakes.ollama_models import GIB, FakeModel
from tests.fakes.ollama_options import seconds_of
from tests.fakes.virtual_time import now, run

CONTEXT = 4096
_ENDS: dict[str, type[MyelinError]] = {"oom": ModelOutOfMemory}


class Guarded:
    """One machine in virtual time; all requests take turns. `budget` is what models may take together, in GiB, and may change."""

    def __init__(
        self,
        models: Sequence[FakeModel],
        *,
        vram: float = 24,
        budget: float | Callable[[], float] | None = None,
        always_on: Sequence[FakeModel] = (),
        environment: Environment = Environment(context_length=CONTEXT),
        num_gpu: int | None = None,
        beside: "Guarded | None" = None,
        tuning: Mapping[str, Any] = {},
        **cards: float,
    ):
        self.machine = beside.machine if beside else Machine()
        self.machine.installed |= {model.name: model for model in models}
        scheduler = self.scheduler = self.machine.scheduler
        if not beside:
            scheduler.environment = environment
            scheduler.cards = Cards(vram=int(vram * GIB), bandwidth=2e9, recovery=1.0, **cards)
        self._always_on = {model.name for model in always_on}
        self._num_gpu = num_gpu
        limit = vram if budget is None else budget
        self._memory = Memory(
            self,
            self,
            num_ctx=lambda _model: CONTEXT,
            device=lambda: "cpu" if num_gpu == 0 or not vram else "gpu",
            habits=lambda: Habits(environment.num_parallel, environment.max_loaded or 3),
            now=now,
        )
        self.swapper = Swapper(
            self,
            budget=lambda: int((limit() if callable(limit) else limit) * GIB),
            predict=self._memory.bytes,
            foresee=self._memory.foreseen_by_ollama,
            weigh=self._memory.weigh,
            most=environment.max_loaded or 3,
            always_on=[model.name for model in always_on],
            tuning=Tuning(**{"parallel": environment.num_parallel, "speculate": False} | tuning),
            now=now,
        )

    @asynccontextmanager
    async def open(self):
        """Begins when each always-on model that has a place was loaded."""
        await self._memory.refresh()
        async with AsyncExitStack() as stack:
            runs = await stack.enter_async_context(running(self.swapper))
            while {model.name for model in self.swapper.yard.pinned()} - set(self.happened("loaded")):
                await asyncio.sleep(1)
            yield self
            assert runs(), "no turns are given any more"

    async def ask(
        self, model: FakeModel, seconds: float = 1.0, *, patience: float = 3600.0, said: Mapping[str, Any] = {}, **how: Any
    ) -> float:
        """Seconds from now to the first service. `said` is what the client adds to its body; `patience` are the seconds after
        which the adapter gives up on a model that says nothing. Raises what the product raises."""
        arrived = now()
        async with self.swapper.turn(model.name, **how):
            try:
                with Deadline(patience):
                    return await self._serve(model, seconds, said) - arrived
            except TimeoutError:
                raise ProviderTimeout("The model says nothing.") from None
            except Broken as broken:
                raise _ENDS.get(broken.outcome, ProviderError)(f"Ollama: {broken}") from None

    def start(self, model: FakeModel, seconds: float = 1.0, **how: Any) -> asyncio.Task[float]:
        return asyncio.create_task(self.ask(model, seconds, **how))

    async def _serve(self, model: FakeModel, seconds: float, said: Mapping[str, Any]) -> float:
        body = orjson.dumps({"model": model.name, "messages": [{"role": "user", "content": "hi"}], **said})
        sent = read("/api/chat", body).sent(
            stream=True, keep_alive=self._lease(model.name), num_ctx=CONTEXT, num_gpu=self._num_gpu
        )
        options = self.machine.options(model, sent["options"], sent["shift"])
        async with self.machine.held(model, options, seconds_of(sent["keep_alive"]), generates=True) as held:
            began = now()
            while (left := began + seconds - now()) > 0:
                await held.pause(min(left, 1.0))
            return began

    def _lease(self, model: str) -> int:
        return FOREVER if model in self._always_on else LEASE_SECONDS

    def names(self) -> list[str]:
        return sorted(self.machine.runners)

    def happened(self, what: str) -> list[str]:
        return [event.model for event in self.scheduler.history if event.what == what]

    # fleet.swapper.effects.Effects

    async def ps(self) -> Sequence[Resident]:
        rows = await self.machine.listed()
        residents = [Resident(row["name"], row["size"], row["size_vram"], row["context_length"]) for row in rows]
        await self._memory.observe(residents)
        return residents

    async def load(self, model: str) -> None:
        known = self.machine.installed[model]
        options = {"num_ctx": CONTEXT} | ({} if self._num_gpu is None else {"num_gpu": self._num_gpu})
        lease = seconds_of(self._lease(model))
        try:
            async with self.machine.held(known, self.machine.options(known, options, False), lease, generates=False):
                pass
        except Broken as broken:
            raise _ENDS.get(broken.outcome, ProviderError)(f"Ollama: {broken}") from None

    async def unload(self, model: str) -> None:
        """As the adapter does it: asks every two seconds, and looks until it is gone."""
        if model not in self.machine.installed:
            raise ModelNotInstalled(f"The model {model} is not installed.")
        looks = 0
        while not looks or any(row["name"] == model for row in await self.machine.listed()):
            if looks % 20 == 0:
                self.machine.unload(self.machine.installed[model])
            looks += 1
            await asyncio.sleep(0.1)

    # fleet.memory.prediction.Shelf and Sizes

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        return {model.name: (model.size, model.digest) for model in self.machine.installed.values()}

    async def shown(self, model: str) -> Mapping[str, Any]:
        known = self.machine.installed[model]
        return {
            "modelfile": f"FROM /models/blobs/{known.blob.replace(':', '-')}\n",
            "model_info": known.model_info(verbose=True),
            "capabilities": list(known.capabilities),
            "details": known.details(),
        }

    async def all(self) -> Sequence[Any]:
        return ()

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        """What is learned is not kept beyond the test."""


def behind_turns(*models: FakeModel, **world: Any) -> Callable[[Callable[[Guarded], Awaitable[None]]], Callable[[], None]]:
    """A test in virtual time over `Guarded(models, **world)`."""

    def decorate(test: Callable[[Guarded], Awaitable[None]]) -> Callable[[], None]:
        async def play() -> None:
            async with Guarded(models, **world).open() as guarded:
                await test(guarded)

        def wrapped() -> None:
            run(play())

        wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
        return wrapped

    return decorate
