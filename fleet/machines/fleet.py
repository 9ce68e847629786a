"""Turns on the machines: which one takes a request, and where it goes when that one dies before its turn."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Any, NamedTuple

from core.caller import Caller
from core.clock import Clock
from core.errors import (
    Conflict,
    MemoryTaken,
    ModelNotInstalled,
    ModelTooLarge,
    MyelinError,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnreachable,
)
from core.logs import get_logger
from core.machines import LOCAL, OLLAMA
from fleet.machines.engine import Engine, Host, Moved
from fleet.machines.placement import Candidate, Reason, ranked, reasons
from fleet.machines.registry import Machines
from fleet.swapper.room import memory_taken
from providers.ollama import Ollama
from providers.ollama_errors import not_installed

log = get_logger(__name__)

_NO_ROOM = (ModelTooLarge, MemoryTaken)

_GIB = 1 << 30
#: Seconds that one machine may take to tell what is installed, and for which that is believed when a model is missing.
LISTING = 10.0
_BELIEVED = 1.0
_OF_A_MACHINE = (ProviderError, Overloaded, ModelTooLarge, Conflict)
#: A failure that another machine does not share.
_NOT_SHARED = (ProviderUnreachable, ProviderTimeout)


class Place(NamedTuple):
    """Where a request is answered: the name of the machine, and who serves its models."""

    machine: str
    host: Host


class Fleet:
    """`offers(model, machine)`: whether the model may be served there; one that may not counts as not installed."""

    provider = Ollama.spec.name

    def __init__(
        self,
        machines: Machines,
        *,
        offers: Callable[[str, str], bool] = lambda model, machine: True,
        clock: Clock = Clock(),
    ):
        self.machines = machines
        self._offers, self._clock = offers, clock
        self._listing = asyncio.Lock()
        self._listed_at = float("-inf")

    def turn(self, model: str, asker: Caller | None = None, kind: str = "") -> "FleetTurn":
        """`async with` a turn on the best machine, of `kind` if that is given; on another one when that one goes down, or is
        removed, before the turn, or has no room for the model.

        A machine whose connection breaks is asked last until it answers again, so that the next try goes elsewhere.
        Raises what its turns raise, ModelNotInstalled, ModelTooLarge, Overloaded and ProviderUnreachable; for a model that has
        just left for another machine a ProviderError that is worth another try.
        """
        return FleetTurn(self, model, asker or Caller(), kind)

    async def enter(self, asked: "FleetTurn") -> Place:
        """For FleetTurn alone, as is `left`: gives it a machine, and a turn there that has come."""
        model, asker, kind = asked.model, asked.asker, asked.kind
        told = None if asker.on_wait is None else lambda forecast: asker.on_wait(forecast.seconds)
        refused: dict[str, ModelTooLarge | MemoryTaken] = {}
        while True:
            engine = self._best(model, kind, refused) or await self._choose(model, kind, refused)
            try:
                if not engine.turns.holds(model):
                    await engine.turns.meet((model,))
                turn = engine.turns.turn(model, client=asker.client, klass=asker.urgency, on_eta=told)
                await engine.enter(turn)
                asked.engine, asked.turn, asker.machine = engine, turn, engine.record.name
                engine.inside += 1
                return Place(engine.record.name, engine.host)
            except Moved:
                log.info("machine.request_moved", machine=engine.record.name, model=model)
            except MyelinError as error:
                _name(engine, model, error)
                if isinstance(error, ModelNotInstalled):
                    raise await self.left(engine, model, error) from error
                _keep(refused, engine, error)

    async def load(self, model: str, asker: Caller) -> None:
        """Waits until it is in memory, where it stays until its load has paid off. Raises as `turn` does."""
        with suppress(_NothingAsked):
            async with self.turn(model, asker) as place:
                self.machines.get(place.machine).turns.preload(model)
                raise _NothingAsked

    async def preload(self, model: str) -> tuple[str, float]:
        """The machine that the model is loaded on, and the seconds until it is there; 0 when it is.

        Raises as `turn` does.
        """
        refused: dict[str, ModelTooLarge | MemoryTaken] = {}
        while True:
            engine = self._best(model, "", refused) or await self._choose(model, "", refused)
            try:
                await engine.turns.meet((model,))
                return engine.record.name, engine.turns.preload(model)
            except MyelinError as error:
                _name(engine, model, error)
                _keep(refused, engine, error)

    async def evict(self, model: str, seconds: float) -> None:
        """Out of the memory of every machine. Raises Conflict and Overloaded as the turns of the machines do."""
        await asyncio.gather(*(engine.turns.evict(model, seconds) for engine in self.machines if engine.open))

    def passes(self, model: str) -> bool:
        """Whether a request for it may go to an Ollama as it is: one has it, or nobody knows who does."""
        holders = {engine.record.kind for engine in self.machines if engine.lists(model)}
        return not holders or OLLAMA in holders

    async def refresh(self, engines: Iterable[Engine] | None = None) -> list[ProviderError]:
        """Asks the machines what is installed, and gives the failures. One that is slow keeps its last list."""
        asked = [engine for engine in self.machines if engine.open] if engines is None else [*engines]
        failures = await asyncio.gather(*(self._list(engine) for engine in asked))
        self._listed_at = self._clock.monotonic()
        return [failure for failure in failures if failure is not None]

    async def _list(self, engine: Engine) -> ProviderError | None:
        try:
            async with asyncio.timeout(LISTING):
                models = await engine.host.list_models()
                engine.listed = {info.name: info for info in models if self._offers(info.name, engine.record.name)}
                await engine.turns.meet()
        except TimeoutError:
            return ProviderTimeout(f"The machine {engine.record.name} did not list its models within {LISTING:g} s.")
        except ProviderError as error:
            if not isinstance(error, ProviderTimeout):
                engine.listed = None
            return error
        return None

    async def left(self, engine: Engine, model: str, error: ModelNotInstalled) -> ProviderError:
        """`error`, unless another machine has the model: somebody moved it."""
        await self._look_again(believed=0.0)
        _learn(engine, model, error)
        there = [one.record.name for one in self.machines if one is not engine and model in (one.listed or {})]
        if not there:
            return error
        return ProviderError(f"The model {model} has left the machine {engine.record.name} for {there[0]}.", hint="Ask again.")

    async def _choose(self, model: str, kind: str, refused: Mapping[str, ModelTooLarge | MemoryTaken]) -> Engine:
        """One that has not `refused` it, where none was known a moment ago. What may change by itself is told first."""
        if refused:
            raise min(refused.values(), key=lambda error: not error.retryable)
        # The truth may be younger than what is known: a model that was pulled elsewhere, an Ollama that was just started.
        await self.machines.again(engine for engine in self.machines if engine.health.state == "down")
        await self._look_again()
        if (found := self._best(model, kind, refused)) is not None:
            return found
        candidates = self._candidates(model)
        raise self._refusal(model, candidates, reasons(candidates, kind))

    async def _look_again(self, believed: float = _BELIEVED) -> None:
        asked_at = self._clock.monotonic()
        async with self._listing:
            if self._listed_at <= asked_at - believed:
                await self.refresh()

    def _best(self, model: str, kind: str, refused: Collection[str]) -> Engine | None:
        if not refused and (alone := self._alone(model, kind)) is not None:
            return alone
        best = next((one for one in ranked(self._candidates(model), kind) if one.name not in refused), None)
        return None if best is None else self.machines.get(best.name)

    def _alone(self, model: str, kind: str) -> Engine | None:
        """The only machine that may have the model, when it is in memory there: nothing is to be weighed then."""
        having = [engine for engine in self.machines if engine.lists(model) is not False]
        if len(having) != 1 or not having[0].open or not having[0].turns.holds(model):
            return None
        return having[0] if kind in ("", having[0].record.kind) else None

    def _candidates(self, model: str) -> list[Candidate]:
        now = self._clock.now()
        return [engine.candidate(model, engine.turns.needs(model), now) for engine in self.machines]

    def _refusal(self, model: str, candidates: list[Candidate], why: dict[str, Reason]) -> Exception:
        """The reason that is nearest to a cure, of all those that keep machines from taking the request."""
        by_name = {one.name: one for one in candidates}
        having = {name: reason for name, reason in why.items() if by_name[name].installed is not False}
        if taken := [by_name[name] for name, reason in having.items() if reason == "memory taken"]:
            widest = max(taken, key=lambda one: one.budget - one.taken)
            return memory_taken(model, widest.predicted, widest.budget - widest.taken, widest.taken)
        if large := [by_name[name] for name, reason in having.items() if reason == "too large"]:
            return self._too_large(model, max(large, key=lambda one: one.budget or 0))
        if down := [name for name, reason in having.items() if reason == "down"]:
            return self._unreachable(model, down)
        if "not installed" in why.values():
            return self._missing(model)
        told = "; ".join(f"{name}: {reason}" for name, reason in why.items())
        return Overloaded(f"No machine takes {model} now ({told}).", hint="GET /machines shows them.", retry_after=30)

    def _missing(self, model: str) -> ModelNotInstalled:
        if all(self._offers(engine.identify(model), engine.record.name) for engine in self.machines):
            return not_installed(model)
        return ModelNotInstalled(
            f"The model {model} is deactivated: it is served again when an operator activates it.", hint="POST /models/activate."
        )

    def _too_large(self, model: str, widest: Candidate) -> ModelTooLarge:
        """In the words of the machine with the most memory."""
        try:
            self.machines.get(widest.name).turns.check(model)
        except ModelTooLarge as error:
            return error
        return ModelTooLarge(
            f"The model {model} needs about {_gib(widest.predicted)}; {widest.name} gives models {_gib(widest.budget)}.",
            hint="Use a smaller model, or raise the budget: VRAM_LIMIT_GB, or budget_bytes of the machine.",
        )

    def _unreachable(self, model: str, down: Collection[str]) -> ProviderUnreachable:
        if set(down) == {LOCAL}:
            hint = "Start Ollama (`ollama serve`) and check OLLAMA_URL, or send AI-Provider gemini or builtin."
            error = ProviderUnreachable("Ollama cannot be reached.", hint=hint)
            error.happened_on(LOCAL, model)
            return error
        detail = f"The machines that may have {model} do not answer: {', '.join(down)}."
        return ProviderUnreachable(detail, hint="GET /machines says why.")


class FleetTurn:
    """One turn, on the machine that is chosen as it begins; `asker` learns which one it was."""

    __slots__ = ("_fleet", "asker", "engine", "kind", "model", "turn")
    engine: Engine
    turn: AbstractAsyncContextManager[Any]

    def __init__(self, fleet: Fleet, model: str, asker: Caller, kind: str):
        self._fleet, self.model, self.asker, self.kind = fleet, model, asker, kind

    def __aenter__(self) -> Awaitable[Place]:
        return self._fleet.enter(self)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        engine, model = self.engine, self.model
        engine.inside -= 1
        if error is not None:
            _name(engine, model, error)
            _learn(engine, model, error)
        await self.turn.__aexit__(kind, error, at)
        if isinstance(error, ModelNotInstalled):
            raise await self._fleet.left(engine, model, error) from error


class _NothingAsked(Exception):
    """Ends a turn that says nothing about how long turns take."""


def _name(engine: Engine, model: str, error: BaseException) -> None:
    """What is wrong with a request is so on every machine, and names none."""
    if isinstance(error, _OF_A_MACHINE):
        name = engine.record.name
        if isinstance(error, ProviderUnreachable) and name != LOCAL:
            error.hint = f"Start it there; GET /machines/{name} says how it is."  # OLLAMA_URL has nothing to do with it
        error.happened_on(name, model)


def _keep(refused: dict[str, ModelTooLarge | MemoryTaken], engine: Engine, error: MyelinError) -> None:
    """A machine that has no room is not the end of it: any other failure is raised."""
    if not isinstance(error, _NO_ROOM):
        raise error
    refused[engine.record.name] = error


def _learn(engine: Engine, model: str, error: BaseException) -> None:
    if isinstance(error, _NOT_SHARED):
        engine.health.suspected = True
    elif isinstance(error, ModelNotInstalled) and engine.listed:
        engine.listed = {name: info for name, info in engine.listed.items() if name != engine.identify(model)}


def _gib(count: int | None) -> str:
    return f"{(count or 0) / _GIB:.1f} GiB"
