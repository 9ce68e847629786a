"""Whether a machine takes work: what the last probes of it said. A silent one is down only after three; a slow one never.

Ollama may keep `/api/ps` back for many seconds behind the unload of a model, so a probe that ran out of time says nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from core.clock import Clock
from core.errors import ProviderError, ProviderTimeout
from core.logs import get_logger
from fleet.compute import Resident

log = get_logger(__name__)

State = Literal["up", "unknown", "down"]
FAILURES = 3


@dataclass(slots=True)
class Health:
    """`unknown` before the first answer and while answers are slow. `suspected`: a request failed since the last good probe.

    `seen_bytes` is the most that models took in video memory at once, all of them wholly: what is known of a machine that
    nobody set a budget for.
    """

    state: State = "unknown"
    failures: int = 0
    suspected: bool = False
    version: str | None = None
    error: str | None = None
    checked_at: float | None = None
    residents: tuple[Resident, ...] = ()
    seen_bytes: int = 0
    #: When each model was last seen in memory.
    seen_at: dict[str, float] = field(default_factory=dict)

    def answered(self, version: str | None, residents: Sequence[Resident], now: float) -> None:
        self.state, self.failures, self.suspected, self.error = "up", 0, False, None
        self.version, self.residents, self.checked_at = version, tuple(residents), now
        self.seen_at |= {one.name: now for one in residents}
        if all(one.size_vram >= one.size for one in residents):
            self.seen_bytes = max(self.seen_bytes, sum(one.size_vram for one in residents))

    def slow(self, error: str, now: float) -> None:
        """It may be busy: what is known of it stays, and one that was down stays so."""
        self.error, self.checked_at = error, now
        if self.state == "up":
            self.state = "unknown"

    def failed(self, error: str, now: float) -> None:
        self.failures += 1
        self.error, self.checked_at = error, now
        if self.failures >= FAILURES:
            self.state, self.residents = "down", ()


class Probed(Protocol):
    """What is asked; both raise ProviderError."""

    async def version(self) -> str | None: ...

    async def ps(self) -> Sequence[Resident]: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two rounds (`in_doubt` while one is silent and not yet down), for one probe, and during which the last one
    is believed; how many are asked at once."""

    every: float = 5.0
    in_doubt: float = 1.0
    patience: float = 4.0
    believed: float = 1.0
    at_once: int = 8


@dataclass(slots=True, eq=False)
class Watched:
    """A machine under watch; `turned` is told when it went down."""

    name: str
    machine: Callable[[], Probed]
    health: Health
    turned: Callable[[], None]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Watch:
    """One loop for all machines."""

    def __init__(
        self,
        watched: Callable[[], Iterable[Watched]],
        *,
        pace: Pace = Pace(),
        clock: Clock = Clock(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._watched, self._pace, self._clock, self._sleep = watched, pace, clock, sleep
        self._places = asyncio.Semaphore(pace.at_once)

    async def run(self, after: Callable[[], Awaitable[None]]) -> None:
        """Rounds without end; `after` each."""
        while True:
            await self.round()
            await after()
            in_doubt = any(0 < one.health.failures < FAILURES for one in self._watched())
            await self._sleep(self._pace.in_doubt if in_doubt else self._pace.every)

    async def round(self) -> None:
        await asyncio.gather(*(self._look(one) for one in self._watched()))

    async def again(self, one: Watched) -> None:
        """A probe out of turn, shared by all who want it at the same time."""
        asked_at = self._clock.now()
        async with one.lock:
            checked = one.health.checked_at
            if checked is None or checked <= asked_at - self._pace.believed:
                await self._probe(one)

    async def _look(self, one: Watched) -> None:
        async with self._places, one.lock:
            await self._probe(one)

    async def _probe(self, one: Watched) -> None:
        health, before = one.health, one.health.state
        try:
            async with asyncio.timeout(self._pace.patience):
                version = await one.machine().version()
                health.answered(version, await one.machine().ps(), self._clock.now())
        except (TimeoutError, ProviderTimeout):
            health.slow(f"No answer within {self._pace.patience:g} s.", self._clock.now())
        except ProviderError as error:
            health.failed(error.detail, self._clock.now())
        if health.state != before and "down" in (health.state, before):
            log.warning("machine.turned", machine=one.name, state=health.state, error=health.error)
        if health.state == "down" and before != "down":
            one.turned()
