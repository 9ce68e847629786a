"""What the machine has free now, looked at no more often than it is worth, and how much of the cards other programs take.

Within a container the process ids of NVML mean nothing, so there are no figures for each model: those come from /api/ps, and the
driver gives only what is used in all.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable

from core.clock import Clock
from fleet.compute import Resident
from fleet.graphics import Found, Gpu, ask_nvml
from fleet.hardware import Hardware, detect

#: What the driver takes for each runner beside what Ollama shows (its own constant, envconfig of Ollama 2026-08).
RUNNER_BYTES = 457 << 20
_FRESH_SECONDS = 2.0
_ABSENT_SECONDS = 60.0


def foreign_bytes(gpus: Iterable[Gpu], residents: Iterable[Resident]) -> int | None:
    """Bytes of the cards that neither the models of `residents` nor their runners take; None when no card tells what is used."""
    used = [gpu.vram_used for gpu in gpus if gpu.vram_used is not None]
    if not used:
        return None
    ours = sum(resident.size_vram + RUNNER_BYTES for resident in residents if resident.size_vram)
    return max(0, sum(used) - ours)


class OneAtATime:
    """`ask` for threads: while a driver still owes an answer nobody else is sent after it."""

    def __init__(self, ask: Callable[[], Found] = ask_nvml):
        self._ask = ask
        self._asking = threading.Lock()

    def __call__(self) -> Found:
        if not self._asking.acquire(blocking=False):
            return (), "NVIDIA: the driver has not answered an earlier question"
        try:
            return self._ask()
        finally:
            self._asking.release()


class Telemetry:
    """`now()` is at most two seconds old, or a minute where no card was found; who asks meanwhile shares one look."""

    def __init__(self, clock: Clock, look: Callable[[], Awaitable[Hardware]] | None = None):
        ask = OneAtATime()
        self._look = look or (lambda: detect(ask=ask))
        self._clock = clock
        self._turn = asyncio.Lock()
        self._seen: tuple[float, Hardware] | None = None

    async def now(self) -> Hardware:
        async with self._turn:
            moment = self._clock.monotonic()
            if self._seen is None or moment - self._seen[0] >= _lasting(self._seen[1]):
                self._seen = moment, await self._look()
            return self._seen[1]

    async def foreign(self, residents: Iterable[Resident]) -> int | None:
        """`foreign_bytes` now, given what /api/ps lists."""
        return foreign_bytes((await self.now()).gpus, residents)


def _lasting(hardware: Hardware) -> float:
    return _FRESH_SECONDS if hardware.gpus else _ABSENT_SECONDS
