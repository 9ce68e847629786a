"""Machines as operators care for them: a model is unloaded and deleted in the turns of its machine, never under a question."""

from collections.abc import Mapping

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

    async def unload(self, model: str) -> None:
        self._reachable()
        if not await self._engine.turns.evict(model):
            await super().unload(model)

    async def delete(self, model: str) -> None:
        """Loaded for nobody meanwhile."""
        self._reachable()
        async with self._engine.turns.withheld(model):
            await super().delete(model)

    def _reachable(self) -> None:
        """Nobody waits for a machine that is down to let a model go."""
        if self._engine.health.state == "down":
            raise ProviderUnreachable(f"The machine {self._engine.record.name} does not answer.", hint="GET /machines says why.")


def tended(machines: Machines) -> Mapping[str, Tended]:
    """Those that there are now, by their names."""
    return {name: Tended(machines.get(name).host, machines.get(name)) for name in machines.ports()}
