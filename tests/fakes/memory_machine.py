"""An Ollama in memory, for the swapper: models with sizes that load, serve, grow, leave, crash and come back.

It keeps the faults that the swapper must never cause in `harm`: two loads at once, more in memory than there is room for,
an unload with requests inside, more requests inside than promised.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from core.deadline import Deadline
from core.errors import ModelOutOfMemory, MyelinError, ProviderUnreachable
from fleet.compute import Resident


class MemoryMachine:
    """`sizes` in bytes; `speed` bytes a second; `lag` seconds from an unload to its end. `faults` are the next loads' ends."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        *,
        budget: int,
        speed: float = 2e9,
        parallel: int = 2,
        lag: float = 0.0,
        answer: float = 0.001,
    ):
        self.sizes, self.budget, self.speed, self.parallel = dict(sizes), budget, speed, parallel
        self.lag, self.answer = lag, answer
        self.resident: dict[str, int] = {}
        self.loading: str | None = None
        self._is_asked = False
        self.inside: Counter[str] = Counter()
        self.loads: list[str] = []
        self.harm: list[str] = []
        self.faults: list[MyelinError | float] = []
        self.is_down = False
        self.foreign: set[str] = set()
        self.pinned: set[str] = set()
        #: Models that it keeps at once; for one more it would choose a victim itself.
        self.most: int | None = None
        #: Models that nobody may load, and by how many that was ordered.
        self.withheld: Counter[str] = Counter()
        #: Always-on models that the last answer of `ps` did not have, though they load.
        self.missing: set[str] = set()
        self.unserved: set[str] = set()
        self._restarted = asyncio.Event()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._generation = 0

    # What the swapper does

    async def ps(self) -> Sequence[Resident]:
        await asyncio.sleep(self.answer)
        self._reachable()
        self.missing = self.pinned - self.resident.keys()
        return [Resident(name, size, size) for name, size in self.resident.items()]

    async def load(self, model: str, *, num_gpu: int | None = None) -> None:
        await asyncio.sleep(self.answer)
        self._reachable()
        if self._is_asked:
            self.harm.append(f"{model} is loaded while {self.loading} is")
        if model in self.resident:
            return
        self.loads.append(model)
        if self.withheld[model]:
            self.harm.append(f"{model} is loaded though it is withheld")
        if model not in self.pinned and self.missing:
            self.harm.append(f"{model} is loaded before {', '.join(self.missing)}")
        self._is_asked = True
        try:
            while self.loading:
                await self._pass(0.1)
            self.loading = model
            self._check_room(model)
            fault = self.faults.pop(0) if self.faults else None
            await self._pass(fault if isinstance(fault, float) else self.seconds(model))
            if isinstance(fault, ModelOutOfMemory):
                self.resident.clear()
            if isinstance(fault, MyelinError):
                raise fault
        except BaseException:
            # What does not load need not be waited for.
            self.pinned.discard(model)
            self.missing.discard(model)
            raise
        finally:
            self.loading, self._is_asked = None, False
        self.resident[model] = self.sizes[model]
        self.unserved.add(model)

    async def unload(self, model: str) -> None:
        await asyncio.sleep(self.answer)
        self._reachable()
        if model in self.resident and model not in self.foreign and self.inside[model]:
            self.harm.append(f"{model} is unloaded with {self.inside[model]} inside")
        if model in self.resident and model in self.pinned:
            self.harm.append(f"{model} is unloaded though it is always on")
        asyncio.get_running_loop().call_later(self.lag, self._leave, model, self._generation)

    def seconds(self, model: str) -> float:
        return self.sizes[model] / self.speed

    # What callers do inside their turn

    async def serve(self, model: str, seconds: float) -> float:
        """Waits for a slot, computes; returns the time at which it began."""
        self._reachable()
        self.inside[model] += 1
        if self.inside[model] > self.parallel + 1:
            self.harm.append(f"{self.inside[model]} inside {model}")
        try:
            async with self._slots.setdefault(model, asyncio.Semaphore(self.parallel)):
                await self._appear(model)
                self.unserved.discard(model)
                began = asyncio.get_running_loop().time()
                await self._pass(seconds)
        finally:
            self.inside[model] -= 1
        return began

    async def _pass(self, seconds: float) -> None:
        """Time, unless the server is restarted meanwhile."""
        restarted = self._restarted
        try:
            with Deadline(seconds):
                await restarted.wait()
        except TimeoutError:
            return
        raise ProviderUnreachable("Ollama was restarted.")

    async def _appear(self, model: str) -> None:
        """A request for a model that crashed loads it again by itself; room for it is Ollama's affair."""
        while model not in self.resident:
            self._reachable()
            if self.loading:
                await self._pass(0.1)
                continue
            self.loading = model
            try:
                await self._pass(self.seconds(model))
            finally:
                self.loading = None
            self.resident[model] = self.sizes[model]

    def grow(self, model: str, size: int) -> None:
        """A question loads it anew with a longer context; that it takes a moment is left out."""
        if model in self.resident and not self.loading:
            self.resident[model] = size
            ours = sum(taken for name, taken in self.resident.items() if name not in self.foreign)
            if ours > self.budget:
                self.harm.append(f"{model} has grown over what there is")

    # What befalls it

    def crash(self, model: str) -> None:
        """Its process dies; it is still listed until the next use, which here shows at once as its absence."""
        self.resident.pop(model, None)

    def restart(self) -> None:
        self._generation += 1
        self._restarted.set()
        self._restarted = asyncio.Event()
        self._slots.clear()
        self.resident.clear()
        self.foreign.clear()

    def intrude(self, model: str) -> None:
        """Somebody uses Ollama directly."""
        self.resident[model] = self.sizes[model]
        self.foreign.add(model)

    def _leave(self, model: str, generation: int) -> None:
        if generation == self._generation:
            self.resident.pop(model, None)
            self.foreign.discard(model)

    def _check_room(self, model: str) -> None:
        ours = {name: size for name, size in self.resident.items() if name not in self.foreign and name != model}
        if sum(ours.values()) + self.sizes[model] > self.budget:
            self.harm.append(f"{model} is loaded beside {', '.join(ours)}")
        if self.most is not None and len(ours) >= self.most:
            self.harm.append(f"{model} is one more than {', '.join(ours)}")

    def _reachable(self) -> None:
        if self.is_down:
            raise ProviderUnreachable("Ollama gives no answer.")
