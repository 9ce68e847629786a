"""Machines as operators care for them: a model is unloaded and deleted in the turns of its machine, never under a question."""

from collections.abc import Collection, Mapping

from core.errors import ProviderUnreachable
from fleet.machine import Machine
from fleet.machines.engine import Engine
from fleet.machines.registry import Machines
from providers.ollama import Ollama


class Tended(Machine):
    """`fleet.operations.ports.Port` of a machine at work. What its turns raise is raised here."""

    def __init__(self, ollama: Ollama, engine: Engine):
        super().__init__(ollama)
        self._engine = engine

    async def delete(self, model: str) -> None:
        """Loaded for nobody meanwhile."""
        _reachable(self._engine)
        async with self._engine.turns.withheld(model):
            await super().delete(model)


class Held:
    """`fleet.operations.ports.Holder` of a machine of any kind at work. What its turns raise is raised here."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def identify(self, model: str) -> str:
        return self._engine.identify(model)

    def keep(self) -> None:
        self._engine.turns.renew()

    async def names(self) -> Collection[str]:
        return await self._engine.machine.names()

    async def unload(self, model: str) -> None:
        _reachable(self._engine)
        if not await self._engine.turns.evict(model):
            await self._engine.machine.unload(model)


def _reachable(engine: Engine) -> None:
    """Nobody waits for a machine that is down to let a model go."""
    if engine.health.state == "down":
        raise ProviderUnreachable(f"The machine {engine.record.name} does not answer.", hint="GET /machines says why.")


def held(machines: Machines) -> Mapping[str, Held]:
    """All that there are now, by their names."""
    return {engine.record.name: Held(engine) for engine in machines}


def tended(machines: Machines) -> Mapping[str, Tended]:
    """Those that let files of models come and go, by their names."""
    return {name: Tended(machines.get(name).host, machines.get(name)) for name in machines.ports()}
