"""The variables that a fake Ollama was started with, and the machine below it."""

from dataclasses import dataclass

from tests.fakes.ollama_models import GIB, FakeModel
from tests.fakes.ollama_options import FOREVER


@dataclass(frozen=True, slots=True)
class Environment:
    """Ollama's variables; 0 leaves MAX_LOADED_MODELS and CONTEXT_LENGTH to it. `gpu_overhead` reserves nothing any more: it only
    lowers the automatic context."""

    max_queue: int = 512
    max_loaded: int = 0
    num_parallel: int = 1
    keep_alive: float = 300.0
    context_length: int = 0
    kv_type: str = "f16"
    gpu_overhead: int = 0


@dataclass(slots=True)
class Cards:
    """The graphics cards and the speed of the machine: bytes, seconds, bytes a second. `foreign` is what other programs take;
    `probe` holds up /api/ps at an unload, `recovery` is how long the memory takes to come back after it."""

    vram: int = 16 * GIB
    count: int = 1
    foreign: int = 0
    bandwidth: float = FOREVER
    load_floor: float = 0.0
    probe: float = 0.0
    recovery: float = 0.0
    ping: float = 10.0

    def load_seconds(self, model: FakeModel) -> float:
        return self.load_floor + model.size / self.bandwidth
