"""How much memory local models may take together, and whether one fits into it."""

from dataclasses import dataclass
from typing import Literal

from fleet.compute import Mode, gpu_presence
from fleet.hardware import Hardware

_GIB = 1 << 30
#: What the rest of the machine leaves to models that run on the processor.
_OF_RAM = 0.75


@dataclass(frozen=True, slots=True)
class Budget:
    """`bytes` None: Ollama runs on a machine that nobody can look into. `why` is a clause; `device` has the memory."""

    bytes: int | None
    why: str
    device: Literal["gpu", "cpu"] = "gpu"

    def fits(self, needed: int | None) -> bool | None:
        """Whether a model that needs so many bytes has room when it is alone; None when one of the two is unknown."""
        return None if self.bytes is None or needed is None else needed <= self.bytes


def budget(hardware: Hardware, mode: Mode, vram_limit: float, ollama_url: str) -> Budget:
    """`vram_limit` in GiB. Models on the processor have the memory of the machine, others that of its cards within the limit."""
    presence = gpu_presence(hardware, ollama_url)
    if presence == "unknown":
        return Budget(None, "Ollama runs on another machine")
    if mode == "cpu" or presence == "absent":
        why = f"three quarters of the memory ({hardware.ram_total.source})"
        return Budget(round(hardware.ram_total.value * _OF_RAM), why, "cpu")
    cards = [gpu.vram_total for gpu in hardware.gpus if gpu.vram_total is not None]
    limit = round(vram_limit * _GIB)
    if sum(cards) and sum(cards) < limit:
        return Budget(sum(cards), "the memory of the graphics cards")
    return Budget(limit, "VRAM_LIMIT_GB")
