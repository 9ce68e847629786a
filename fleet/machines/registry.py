"""The machines: the one of OLLAMA_URL first, those of MACHINES, and those that the operator added while running.

Every change is durable before it is told. A machine with work in flight is drained before it goes: it gets no more, its
queue moves elsewhere, and it goes when the last request has ended; after a restart there is none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from core.clock import Clock
from core.errors import Conflict, NotFound
from core.logs import get_logger
from core.machines import LOCAL, place_of
from fleet.budget import Budget
from fleet.compute import Mode
from fleet.engines.host import EngineHost
from fleet.machine import Machine
from fleet.machines.engine import Engine, Host, Turns
from fleet.machines.health import Health, Pace, Watch, Watched
from fleet.machines.record import Origin, Record, checked, record_of
from fleet.memory.prediction import Habits
from providers.ollama import Ollama

log = get_logger(__name__)

_MOST = 64
_SETTINGS: dict[Origin, str] = {"local": "OLLAMA_URL, VRAM_LIMIT_GB and ALWAYS_ON_MODELS", "settings": "MACHINES"}


class Rows(Protocol):
    """Where records are kept; see `store.machines.MachineRows`."""

    async def load(self) -> Sequence[Mapping[str, Any]]: ...

    async def save(self, values: Mapping[str, Any]) -> None: ...

    async def delete(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Factories:
    """`host` makes what asks the models of a record; closing it is nobody's affair, for all share one HTTP client.

    `habits` are those of an Ollama whose record says nothing; `offers` tells whether a model may be served on a machine. `turns`
    opens what gives turns on an engine, and closes it when the machine goes (`swapping.swapping`); None: everybody is let in at
    once.
    """

    host: Callable[[Record], Host]
    budget: Callable[[Record, Health], Budget]
    mode: Callable[[Record], Mode] = lambda record: record.device
    habits: Habits = Habits()
    offers: Callable[[str, str], bool] = lambda model, machine: True
    turns: Callable[[Engine], AbstractAsyncContextManager[Turns]] | None = None


@dataclass(slots=True, eq=False)
class _Post:
    """An engine in its place. `leaving`: it goes when its work has ended."""

    engine: Engine
    watched: Watched
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)


class Machines:
    """`fixed` are the machines that the settings name, the one of OLLAMA_URL first."""

    def __init__(
        self,
        fixed: Sequence[Record],
        rows: Rows,
        make: Factories,
        *,
        pace: Pace = Pace(),
        clock: Clock = Clock(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._fixed = {record.name: record for record in fixed}
        self._rows, self._make, self._clock = rows, make, clock
        self._posts: dict[str, _Post] = {}
        #: Engines whose place another one has taken, until their last request has ended.
        self._replaced: list[_Post] = []
        self._changing = asyncio.Lock()
        self.watch = Watch(self._watched, pace=pace, clock=clock, sleep=sleep)

    async def open(self) -> None:
        """Brings back what was added; what was about to go is gone, for its work has ended."""
        kept = {row["name"]: row for row in await self._rows.load()}
        for name, record in self._fixed.items():
            row = kept.pop(name, None)
            enabled = record.enabled if row is None else bool(row["enabled"])
            await self._place(replace(record, enabled=enabled), LOCAL if name == LOCAL else "settings")
        for name, row in kept.items():
            if row["fixed"] or row["draining"]:
                await self._rows.delete(name)
            else:
                await self._place(self._brought_back(row), "api")

    def _brought_back(self, row: Mapping[str, Any]) -> Record:
        record = checked(record_of(row))
        if any(place_of(fixed.url) == place_of(record.url) for fixed in self._fixed.values()):
            log.warning("machine.address_taken", machine=record.name)
            return replace(record, enabled=False)
        return record

    async def close(self) -> None:
        for post in [*self._posts.values(), *self._replaced]:
            await post.stack.aclose()

    async def run(self) -> None:
        """Watches them without end, and lets those go whose last request has ended."""
        await self.watch.run(self.sweep)

    def __iter__(self) -> Iterator[Engine]:
        return iter([post.engine for post in self._posts.values()])

    @property
    def local(self) -> Engine:
        return self._posts[LOCAL].engine

    def ports(self) -> dict[str, Machine]:
        """The machines that are there now and let files of models come and go, by their names."""
        return {engine.record.name: Machine(engine.host) for engine in self if isinstance(engine.host, Ollama)}

    def check_files(self, name: str | None) -> None:
        """Raises Conflict for a machine where files of models come and go by other means than ours."""
        post = self._posts.get(name)
        if post is not None and isinstance(post.engine.host, EngineHost):
            detail = f"The models of {name} are installed and deleted there, by the means of {post.engine.host.title}."
            raise Conflict(detail, hint="Name a machine with an Ollama.", field="machine")

    def get(self, name: str) -> Engine:
        """Raises NotFound with the names that there are."""
        if name not in self._posts:
            known = ", ".join(self._posts)
            raise NotFound(f"There is no machine named {name[:64]!r}.", hint=f"There are: {known}.")
        return self._posts[name].engine

    async def add(self, record: Record) -> Engine:
        """Raises InvalidField, and Conflict for a name or an address that is taken."""
        record = checked(record)
        async with self._changing:
            if record.name in self._posts:
                raise Conflict(
                    f"There is a machine named {record.name} already.", hint="Change it, or choose another name.", field="name"
                )
            if len(self._posts) >= _MOST:
                raise Conflict(f"There are {_MOST} machines already.", hint="Remove one first.")
            self._refuse_twice(record)
            await self._rows.save(_row(record))
            return await self._place(record, "api")

    async def change(self, name: str, values: Mapping[str, Any]) -> Engine:
        """`values` by the members of a Record. A machine of the settings can be switched on and off only.

        Raises NotFound, InvalidField and Conflict.
        """
        async with self._changing:
            engine = self.get(name)
            if engine.origin != "api" and values.keys() - {"enabled"}:
                raise self._elsewhere(engine, "changed")
            record = checked(replace(engine.record, **values))
            self._refuse_twice(record)
            if record != engine.record or engine.draining:
                await self._rows.save(_row(record, fixed=engine.origin != "api"))
                engine = await self._exchange(engine, record)
            return engine

    async def remove(self, name: str) -> Engine | None:
        """None when it is gone; an engine that has work in flight is drained and goes later.

        Raises NotFound, and Conflict for a machine of the settings.
        """
        async with self._changing:
            engine = self.get(name)
            if engine.origin != "api":
                raise self._elsewhere(engine, "removed")
            await self._rows.save(_row(engine.record, draining=True))
            engine.draining = True
            engine.shut()
            return None if await self._leave(name) else engine

    async def sweep(self) -> None:
        """Lets go what was drained. Raises RuntimeError when a machine gives no turns any more."""
        if dead := [engine.record.name for engine in self if not engine.turns.alive]:
            raise RuntimeError(f"no turns are given any more: {', '.join(dead)}")
        async with self._changing:
            for name in [name for name, post in self._posts.items() if post.engine.draining]:
                await self._leave(name)
            for post in [post for post in self._replaced if post.engine.is_idle]:
                self._replaced.remove(post)
                await post.stack.aclose()

    async def again(self, engines: Iterable[Engine]) -> None:
        """Probes these out of turn: they were down, and nothing else is left."""
        posts = [post for post in self._posts.values() if post.engine in [*engines]]
        await asyncio.gather(*(self.watch.again(post.watched) for post in posts))

    async def _leave(self, name: str) -> bool:
        post = self._posts[name]
        if not post.engine.is_idle:
            return False
        await self._rows.delete(name)
        del self._posts[name]
        await post.stack.aclose()
        log.info("machine.removed", machine=name)
        return True

    async def _exchange(self, engine: Engine, record: Record) -> Engine:
        """At another address it is another engine: what runs at the old one ends there."""
        if place_of(record.url) == place_of(engine.record.url):
            if _adapted(record) != _adapted(engine.record):
                engine.host = self._make.host(record)
            engine.record, engine.draining = record, False
            engine.turns.renew()
            engine.shut()
            return engine
        engine.draining = True
        engine.shut()
        self._replaced.append(self._posts[record.name])
        return await self._place(record, engine.origin)

    async def _place(self, record: Record, origin: Origin) -> Engine:
        make = self._make
        engine = Engine(record, origin, make.host(record), make.budget, make.mode, make.habits, make.offers)
        post = _Post(engine, Watched(record.name, lambda: engine.machine, engine.health, engine.shut))
        if self._make.turns is not None:
            engine.turns = await post.stack.enter_async_context(self._make.turns(engine))
        self._posts[record.name] = post
        return engine

    def _watched(self) -> list[Watched]:
        return [post.watched for post in self._posts.values() if post.engine.record.enabled]

    def _refuse_twice(self, record: Record) -> None:
        """Two machines at one address would load two heavy models into one memory."""
        place = place_of(record.url)
        for other in self:
            if other.record.name != record.name and place_of(other.record.url) == place:
                hint = "One machine has one address; change that one."
                raise Conflict(f"This is the address of the machine {other.record.name}.", hint=hint, field="url")
        if any(place_of(post.engine.record.url) == place for post in self._replaced):
            raise Conflict("Work at this address has not ended yet.", hint="Try again in a moment.", field="url")

    @staticmethod
    def _elsewhere(engine: Engine, what: str) -> Conflict:
        where = _SETTINGS[engine.origin]
        hint = f'Change {where} in .env and start again; it can be switched off with PATCH {{"enabled": false}}.'
        return Conflict(f"The machine {engine.record.name} comes from {where}: it cannot be {what} here.", hint=hint)


def _adapted(record: Record) -> tuple[object, ...]:
    """What its adapter was made of."""
    return record.kind, record.url, record.key, record.device, record.always_on


def _row(record: Record, *, draining: bool = False, fixed: bool = False) -> dict[str, Any]:
    """The key of a machine of the settings stays in the settings."""
    return asdict(record) | {"draining": draining, "fixed": fixed} | ({"key": ""} if fixed else {})
