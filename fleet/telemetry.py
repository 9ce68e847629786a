"""What the cards of this machine hold now, looked at no more often than it is worth, and what other programs take of them.

Within a container the process ids of NVML mean nothing, so there are no figures for each model: those come from the server of
the models, and the driver gives only what is used in all.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from core.clock import Clock
from core.logs import get_logger
from fleet.compute import Resident
from fleet.graphics import Found, Gpu, amd_gpus, ask_nvml
from fleet.hardware import Hardware, detect
from fleet.memory.formula import DRIVER_BYTES

log = get_logger(__name__)

T = TypeVar("T")

_SILENT: Found = (), "NVIDIA: the driver has not answered an earlier question"
_FRESH_SECONDS = 2.0
_ABSENT_SECONDS = 60.0
#: Until a change in memory shows in the driver's figures (0.5 to 1.5 s) and they are younger than it.
_STILL_SECONDS = _FRESH_SECONDS + 2.0


@dataclass(frozen=True, slots=True)
class Cards:
    """Bytes of all cards that tell what is used: `others` is what neither the models of one server nor their driver takes."""

    total: int
    used: int
    others: int

    @property
    def room(self) -> int:
        """What is free, and what the models hold already."""
        return self.total - self.others


def cards(gpus: Iterable[Gpu], residents: Iterable[Resident], weigh: Callable[[Resident], int]) -> Cards | None:
    """`weigh` gives the bytes that a model takes when all of it is on the cards; None when no card tells what is used."""
    told = [(gpu.vram_total, gpu.vram_used) for gpu in gpus if gpu.vram_total is not None and gpu.vram_used is not None]
    if not told:
        return None
    total, used = map(sum, zip(*told, strict=True))
    ours = sum(_on_cards(resident, weigh) for resident in residents)
    return Cards(total, used, min(max(0, used - ours), total))


def _on_cards(resident: Resident, weigh: Callable[[Resident], int]) -> int:
    if resident.size_vram < resident.size:
        return resident.size_vram + DRIVER_BYTES if resident.size_vram else 0
    return weigh(resident)


class OneAtATime(Generic[T]):
    """`ask` for threads: while a driver still owes an answer nobody else is sent after it, and `meanwhile` is what is told."""

    def __init__(self, ask: Callable[..., T], meanwhile: T):
        self._ask, self._meanwhile = ask, meanwhile
        self._asking = threading.Lock()

    def __call__(self, *about: Any) -> T:
        if not self._asking.acquire(blocking=False):
            return self._meanwhile
        try:
            return self._ask(*about)
        finally:
            self._asking.release()


class Telemetry:
    """`hardware` is what was found last: the cards that were there once, without figures while the driver gives none.

    `now()` is at most two seconds old, or a minute where no card tells its use; who asks meanwhile shares one look.
    """

    def __init__(self, found: Hardware, clock: Clock, look: Callable[[], Awaitable[Hardware]] | None = None):
        self.hardware = found
        self._look = look or partial(detect, ask=OneAtATime(ask_nvml, _SILENT), read=OneAtATime(amd_gpus, ()))
        self._clock = clock
        self._turn = asyncio.Lock()
        self._until = clock.monotonic() + _lasting(found)

    async def now(self) -> Hardware:
        async with self._turn:
            if self._clock.monotonic() >= self._until:
                found = await self._looked()
                self._until = self._clock.monotonic() + _lasting(found)
                silent = tuple(replace(gpu, vram_used=None) for gpu in self.hardware.gpus)
                self.hardware = found if found.gpus else replace(found, gpus=silent)
            return self.hardware

    async def _looked(self) -> Hardware:
        try:
            return await self._look()
        except Exception as error:  # whatever a driver does, models are served
            log.error("telemetry.failed", error=repr(error))
            return replace(self.hardware, gpus=())


def _lasting(hardware: Hardware) -> float:
    return _FRESH_SECONDS if any(gpu.vram_used is not None for gpu in hardware.gpus) else _ABSENT_SECONDS


class Beside:
    """What others take beside the models of one server, in `cards`; None: nobody knows.

    It is measured while its memory stands still: a model on its way in is not listed yet and one that left still counts for the
    driver, so both would pass for somebody else's.
    """

    def __init__(self, telemetry: Telemetry, weigh: Callable[[Resident], int], now: Callable[[], float]):
        self.cards: Cards | None = None
        self._telemetry, self._weigh, self._now = telemetry, weigh, now
        self._shown: frozenset[tuple[str, int]] | None = None
        self._still_since = float("-inf")
        self._moving = 0

    @contextmanager
    def moving(self) -> Iterator[None]:
        """While a model is loaded or unloaded."""
        self._moving += 1
        try:
            yield
        finally:
            self._moving -= 1
            self._still_since = self._now()

    async def look(self, residents: Sequence[Resident]) -> None:
        """`residents` as they are shown now."""
        shown = frozenset((one.name, one.size_vram) for one in residents)
        if shown != self._shown:
            self._still_since = float("-inf") if self._shown is None else self._now()
            self._shown = shown
        since = self._still_since
        if self._moving or self._now() < since + _STILL_SECONDS:
            return
        gpus = (await self._telemetry.now()).gpus
        if not self._moving and self._still_since == since:
            self.cards = cards(gpus, residents, self._weigh)
