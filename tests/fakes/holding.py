"""A machine whose models are switched on and off, without turns before it."""

from fleet.machine import Machine
from providers.ollama_models import full_name


class Holding(Machine):
    """`fleet.operations.ports.Port` and `Holder` of an Ollama."""

    def identify(self, model: str) -> str:
        return full_name(model)

    def keep(self) -> None:
        """Nobody keeps anything in its memory but Ollama itself."""
