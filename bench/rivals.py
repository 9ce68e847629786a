"""The policies that the swapper is compared with, each in its simplest faithful form, over the same machine.

NaiveFifo    one line for all; every change of model in it is a swap
OllamaAlone  loaded models are entered at once; the others wait in one line whose head waits for a victim to be idle
Collating    a line for each model; when the one in memory is idle, the model that waited longest is next (llama-swap)
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from tests.fakes.memory_machine import MemoryMachine


class _Rival(ABC):
    def __init__(self, machine: MemoryMachine, always_on: Collection[str] = ()):
        self._machine, self._always_on = machine, always_on
        self._line: list[tuple[str, asyncio.Future[None]]] = []
        self._inside: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._leaving: set[str] = set()

    async def run(self) -> None:
        for name in self._always_on:
            await self._machine.load(name)
        while True:
            self._changed.clear()
            if not await self._advance():
                await self._changed.wait()

    @asynccontextmanager
    async def turn(self, model: str, *, client: str = "", klass: str = "normal") -> AsyncIterator[None]:
        if not self._enters(model):
            turn = asyncio.get_running_loop().create_future()
            self._line.append((model, turn))
            self._changed.set()
            await turn
        else:
            self._inside[model] += 1
        try:
            yield
        finally:
            self._inside[model] -= 1
            self._changed.set()

    def _enters(self, model: str) -> bool:
        return self._loaded(model) and (model in self._always_on or not self._line)

    def _loaded(self, model: str) -> bool:
        return model in self._machine.resident and model not in self._leaving

    def _heavy(self) -> list[str]:
        return [name for name in self._machine.resident if name not in self._always_on]

    @abstractmethod
    async def _advance(self) -> bool:
        """One step; False when it takes an event to go on."""

    def _let_in(self, position: int) -> None:
        model, turn = self._line.pop(position)
        self._inside[model] += 1
        turn.set_result(None)

    async def _swap(self, model: str, victims: Collection[str]) -> None:
        self._leaving.update(victims)
        for victim in victims:
            await self._machine.unload(victim)
        while any(victim in self._machine.resident for victim in victims):
            await asyncio.sleep(0.1)
        self._leaving.clear()
        await self._machine.load(model)


class NaiveFifo(_Rival):
    async def _advance(self) -> bool:
        if not self._line:
            return False
        model = self._line[0][0]
        if not self._loaded(model):
            heavy = self._heavy()
            if any(self._inside[name] for name in heavy):
                return False
            await self._swap(model, heavy)
        self._let_in(0)
        return True


class OllamaAlone(_Rival):
    def _enters(self, model: str) -> bool:
        return self._loaded(model)

    async def _advance(self) -> bool:
        if not self._line:
            return False
        model = self._line[0][0]
        if self._loaded(model):
            self._let_in(0)
            return True
        if self._has_room(model):
            await self._machine.load(model)
            return True
        # The first idle one goes, pinned or not; without one, the line waits for whoever is idle first.
        idle = next((name for name in self._machine.resident if not self._inside[name]), None)
        if idle is None:
            return False
        self._leaving.add(idle)
        await self._machine.unload(idle)
        while idle in self._machine.resident:
            await asyncio.sleep(0.1)
        self._leaving.discard(idle)
        return True

    def _has_room(self, model: str) -> bool:
        machine = self._machine
        free = machine.budget - sum(machine.resident.values())
        return machine.sizes[model] <= free * (0.8 if machine.resident else 1.0)


class Collating(_Rival):
    def _enters(self, model: str) -> bool:
        return self._loaded(model)

    async def _advance(self) -> bool:
        for position in reversed(range(len(self._line))):
            if self._loaded(self._line[position][0]):
                self._let_in(position)
        if not self._line or any(self._inside[name] for name in self._heavy()):
            return False
        await self._swap(self._line[0][0], self._heavy())
        return True
