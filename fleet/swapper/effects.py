"""The narrow port through which the swapper acts on one Ollama."""

from collections.abc import Sequence
from typing import Protocol

from fleet.compute import Resident


class Effects(Protocol):
    """Every method raises a MyelinError for what Ollama does wrong. Cancelling `load` closes its connection: Ollama gives up."""

    async def ps(self) -> Sequence[Resident]:
        """What is in memory. A model that is being loaded is missing, one that crashed is still there."""

    async def load(self, model: str) -> None:
        """Returns when the model is ready."""

    async def unload(self, model: str) -> None:
        """Asks only; that the model is gone shows in `ps`."""
