"""A machine at work: its adapter, its turns, its health, and how it stands for one more request."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol

from core.machines import OLLAMA
from fleet.budget import Budget
from fleet.compute import Mode
from fleet.engines.host import EngineHost
from fleet.machine import Machine
from fleet.machines.health import Health
from fleet.machines.placement import Candidate
from fleet.machines.record import Origin, Record
from fleet.machines.standing import Queue, Standing, occupants
from fleet.memory.prediction import Habits
from fleet.swapper.scheduler import OnEta
from fleet.swapper.tuning import Class
from fleet.telemetry import Cards
from providers.ollama import Ollama
from providers.ollama_models import full_name
from providers.types import ModelInfo

#: Bytes a second of a load that nobody measured, and seconds of a turn that nobody measured.
LOAD_SPEED = 2e9
TURN = 8.0
#: Seconds that the questions in a model may take to end before it leaves.
LEAVING = 300.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a request for a model that came now would fare: seconds until its load could begin (until its turn when it is
    `resident`), seconds of that load, and of the loads of those models that it would drive out. None: nobody measured."""

    resident: bool | None
    wait: float
    load: float | None = None
    displaced: float = 0.0


class Turns(Protocol):
    """Who gives turns on a machine. `turn` waits until the model is in memory and a place is free.

    It raises Overloaded (MemoryTaken where other programs have the memory) and ModelTooLarge, and gives its place in the line
    back when it is cancelled.
    """

    def turn(
        self, model: str, *, client: str = "", klass: Class = "normal", on_eta: OnEta | None = None
    ) -> AbstractAsyncContextManager[Any]: ...

    def preload(self, model: str) -> float: ...

    async def meet(self, models: Collection[str] | None = None) -> None:
        """Learns what these models (None: all that are installed) need, before they ask for turns."""

    def holds(self, model: str) -> bool:
        """Whether `model` is known to be in memory."""

    def needs(self, model: str) -> int | None:
        """Bytes that `model` takes in memory; None when nobody knows."""

    def check(self, model: str) -> None:
        """Raises ModelTooLarge with all numbers for a model that is larger than the budget."""

    async def grow(self, model: str, num_ctx: int) -> None:
        """Room for `model`, from inside a turn of it, before it gets so much context. Raises ModelTooLarge and Overloaded."""

    def outlook(self, model: str) -> Outlook: ...

    def standing(self) -> Standing: ...

    async def evict(self, model: str, seconds: float = LEAVING) -> bool:
        """Takes `model` out of memory once nobody's question is in it; False where nobody manages the memory.

        Raises Conflict for one that is always on, and Overloaded when it is still there after `seconds`.
        """

    def withheld(self, model: str) -> AbstractAsyncContextManager[None]:
        """Evicted, and loaded for nobody meanwhile; raises as `evict` does. Who waits at the end is told that it is gone."""

    def send_away(self, why: Exception) -> None:
        """Whoever waits for a turn is refused with `why`; turns that have begun go on."""

    def renew(self) -> None:
        """What the machine's record says of models that stay in memory, and of how its server was started, holds from now on."""

    @property
    def alive(self) -> bool:
        """Whether turns are still given."""


class Door:
    """Turns on a machine whose memory nobody manages: everybody is let in at once, and counted."""

    def __init__(self, identify: Callable[[str], str] = full_name) -> None:
        self._inside: dict[str, int] = {}
        self._identify = identify

    @asynccontextmanager
    async def turn(
        self, model: str, *, client: str = "", klass: Class = "normal", on_eta: OnEta | None = None
    ) -> AsyncIterator[None]:
        name = self._identify(model)
        self._inside[name] = self._inside.get(name, 0) + 1
        try:
            yield
        finally:
            self._inside[name] -= 1
            if not self._inside[name]:
                del self._inside[name]

    def preload(self, model: str) -> float:
        """Nobody waits for memory here: the first question loads the model."""
        return 0.0

    async def meet(self, models: Collection[str] | None = None) -> None:
        """It takes what it takes."""

    def holds(self, model: str) -> bool:
        return False

    def needs(self, model: str) -> int | None:
        return None

    def check(self, model: str) -> None:
        """Nobody knows what it takes."""

    async def grow(self, model: str, num_ctx: int) -> None:
        """It takes what it takes."""

    def outlook(self, model: str) -> Outlook:
        return Outlook(None, TURN * sum(self._inside.values()))

    def standing(self) -> Standing:
        return Standing("serving", tuple(Queue(model, 0, count) for model, count in self._inside.items()))

    async def evict(self, model: str, seconds: float = LEAVING) -> bool:
        return False

    def withheld(self, model: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def send_away(self, why: Exception) -> None:
        """Nobody waits."""

    def renew(self) -> None:
        """The adapter asks Ollama itself to keep models, and nobody waits."""

    @property
    def alive(self) -> bool:
        return True


class Moved(Exception):
    """The machine takes no more work: who waited there shall look for another one."""


Host = Ollama | EngineHost


class Engine:
    """One machine. Everything runs on one event loop, so its counters need no lock.

    `host` serves its models. `record` may change while it works: who makes decisions of it reads it each time. `listed` is
    what its last list named. `budget` and `mode` tell how much memory models may take and where they compute; `habits` are those
    of an Ollama whose record says nothing; `offers` tells whether a model may be served on a machine.
    """

    def __init__(
        self,
        record: Record,
        origin: Origin,
        host: Host,
        budget: Callable[[Record, Health], Budget],
        mode: Callable[[Record], Mode] = lambda record: record.device,
        habits: Habits = Habits(),
        offers: Callable[[str, str], bool] = lambda model, machine: True,
    ):
        self.record, self.origin, self.host = record, origin, host
        self._offers = offers
        self.health = Health()
        self.turns: Turns = Door(self.identify)
        self.listed: Mapping[str, ModelInfo] | None = None
        #: Of this machine, as its turns measured them; None where nobody can.
        self.cards: Cards | None = None
        self.draining = False
        self.inside = 0
        self._budget, self._mode, self._habits = budget, mode, habits
        self._waiting = 0

    @property
    def machine(self) -> Machine | EngineHost:
        return self.host if isinstance(self.host, EngineHost) else Machine(self.host)

    @property
    def fixed(self) -> str:
        """Why its models cannot be moved; empty when they can."""
        return self.host.fixed if isinstance(self.host, EngineHost) else ""

    def identify(self, model: str) -> str:
        """The name of a model as this machine lists it."""
        return full_name(model) if self.record.kind == OLLAMA else model

    def lists(self, model: str) -> bool | None:
        """Whether it has a model; None while nobody knows."""
        return None if self.listed is None else self.identify(model) in self.listed

    @property
    def budget(self) -> Budget:
        return self._budget(self.record, self.health)

    @property
    def taken(self) -> int:
        """Bytes of the budget that other programs on the cards leave no room for."""
        budget = self.budget
        if self.cards is None or budget.bytes is None or budget.device == "cpu":
            return 0
        return max(0, budget.bytes - self.cards.room)

    def fits(self, needed: int | None) -> bool | None:
        """Whether a model that needs so many bytes has room when it is alone with what other programs have; None when one of
        the two is unknown."""
        return self.budget.fits(None if needed is None else needed + self.taken)

    @property
    def habits(self) -> Habits:
        """How its server was started: as its record says, else as the settings do, or as its kind usually is."""
        kind = self.host.spec if isinstance(self.host, EngineHost) else None
        usual = self._habits if kind is None else Habits(kind.parallel, 1 if kind.holds_one else None)
        said = {one.name: getattr(self.record, one.name) for one in fields(Habits)}
        return replace(usual, **{name: value for name, value in said.items() if value is not None})

    @property
    def mode(self) -> Mode:
        return self._mode(self.record)

    @property
    def open(self) -> bool:
        """Whether new work may come here."""
        return self.record.enabled and not self.draining and self.health.state != "down"

    def keeps(self, model: str) -> bool:
        """Whether a model stays in memory here for good."""
        return self.identify(model) in map(self.identify, self.always_on)

    @property
    def always_on(self) -> tuple[str, ...]:
        """The models that stay in memory here: those of the record that are served."""
        return tuple(name for name in self.record.always_on if self._offers(self.identify(name), self.record.name))

    def standing(self) -> Standing:
        """What goes on in its memory, by its turns, or by its last probe where nobody gives turns in memory."""
        told = self.turns.standing()
        if self.health.state == "down":
            return replace(told, occupants=())
        if told.occupants is None and self.health.state == "up":
            return replace(told, occupants=occupants(self.health.residents, self.keeps))
        return told

    @property
    def is_idle(self) -> bool:
        return not self.inside and not self._waiting

    @property
    def state(self) -> Literal["disabled", "draining", "up", "unknown", "down"]:
        if self.draining:
            return "draining"
        return self.health.state if self.record.enabled else "disabled"

    def shut(self) -> None:
        """Whoever waits here is sent away, if the machine takes no work now."""
        if not self.open:
            self.turns.send_away(Moved())

    async def enter(self, turn: AbstractAsyncContextManager[Any]) -> None:
        """Waits for a turn of this machine. Raises Moved when the machine takes no work any more, and what the turn raises."""
        if not self.open:
            raise Moved
        self._waiting += 1
        try:
            await turn.__aenter__()
        finally:
            self._waiting -= 1

    def candidate(self, model: str, predicted: int | None, now: float) -> Candidate:
        """How the machine stands for a request. `predicted` bytes, or None when nobody knows."""
        name, health = self.identify(model), self.health
        info = (self.listed or {}).get(name)
        elsewhere = self.listed is not None and info is None
        outlook = Outlook(None, 0.0) if elsewhere else self.turns.outlook(model)
        size = info.size if info else None
        resident = outlook.resident
        if resident is None:
            resident = any(self.identify(one.name) == name for one in health.residents)
        seen = health.seen_at.get(name)
        return Candidate(
            name=self.record.name,
            kind=self.record.kind,
            state=health.state,
            enabled=self.record.enabled,
            draining=self.draining,
            suspected=health.suspected,
            installed=None if self.listed is None else not elsewhere,
            predicted=predicted,
            budget=self.budget.bytes,
            taken=self.taken,
            resident=resident,
            wait=outlook.wait,
            load=(size or 0) / LOAD_SPEED if outlook.load is None else outlook.load,
            displaced=outlook.displaced,
            idle=None if seen is None else now - seen,
        )
