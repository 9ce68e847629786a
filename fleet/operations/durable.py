"""Long work with progress that survives a restart: one record each, a task each, cancelled by id, watched by whoever likes.

    queued ─► (the states of the work) ─► done | failed | cancelled

Every change of state is saved before anybody hears of it; a restart finds the unfinished ones and goes on with them.
Watchers see the latest record, not every one: a slow reader costs nothing.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Generic, TypeVar

from core.clock import Clock
from core.errors import MyelinError, NotFound, Overloaded
from core.logs import get_logger

ENDED = frozenset({"done", "failed", "cancelled"})
_CANCEL_SECONDS = 5.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has. Bytes, bytes a second, seconds; times are seconds since 1970."""

    id: str
    model: str
    state: str
    created_at: float
    updated_at: float
    detail: str = ""
    completed: int = 0
    total: int | None = None
    speed: float | None = None
    eta_seconds: float | None = None
    attempts: int = 0
    error: dict[str, Any] | None = None
    finished_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Pace:
    """`parallel` at work at once, at most `waiting` unfinished ones, `kept` finished ones remembered.

    `stall`: seconds without a line before a pull counts as dead (hashing a large model is silent for minutes).
    `saves`: seconds between saves of mere progress. `again`: waits before the next attempts after a failure that may pass.
    """

    parallel: int = 2
    waiting: int = 32
    kept: int = 100
    stall: float = 900.0
    saves: float = 5.0
    again: tuple[float, ...] = (2.0, 15.0, 60.0)


class Durable(ABC, Generic[R]):
    """Owns the records of a kind and their tasks. `load` gives the saved records, `save` makes one durable."""

    #: How people call one of them.
    noun: ClassVar[str]

    def __init__(
        self,
        shape: type[R],
        *,
        load: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]],
        save: Callable[[dict[str, Any]], Awaitable[None]],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        pace: Pace = Pace(),
    ):
        self._shape = shape
        self._load = load
        self._save = save
        self._clock = clock
        self._sleep = sleep
        self._pace = pace
        self._records: dict[str, R] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._slots = asyncio.Semaphore(pace.parallel)
        self._starting = asyncio.Lock()
        self._stopping = False

    @abstractmethod
    async def _attempt(self, record_id: str) -> None:
        """The work, from where the record says that it was; the record may still say why it is done. Raises MyelinError."""

    async def resume(self) -> None:
        """Reads the saved records and starts the unfinished ones again. Once, at start."""
        known = {field.name for field in fields(self._shape)}
        saved = [self._shape(**{name: value for name, value in record.items() if name in known}) for record in await self._load()]
        for record in sorted(saved, key=lambda record: record.created_at):
            self._records[record.id] = record
            if record.state not in ENDED:
                self._start(replace(record, state="queued", speed=None, eta_seconds=None))
        self._forget()

    def let_go(self) -> None:
        """The server stops: whoever watches is told how far it is, and no more."""
        self._stopping = True
        for changed in self._changed.values():
            changed.set()

    async def close(self) -> None:
        """Stops the work; it stays unfinished in the records, for the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def unfinished(self) -> list[R]:
        return [record for record in self._records.values() if record.state not in ENDED]

    def get(self, record_id: str) -> R:
        """Raises NotFound."""
        try:
            return self._records[record_id]
        except KeyError:
            raise NotFound(f"There is no {self.noun} of this id.") from None

    def list(self) -> list[R]:
        """Newest first."""
        return sorted(self._records.values(), key=lambda record: record.created_at, reverse=True)

    async def cancel(self, record_id: str) -> R:
        """Ends it for everybody who joined it; one that has ended stays as it is. Raises NotFound."""
        record = self.get(record_id)
        task = self._tasks.get(record_id)
        if task is not None:
            task.cancel()
            # Work that does not let go in time is left behind; it cannot change a record that has ended.
            await asyncio.wait([task], timeout=_CANCEL_SECONDS)
        return await self._end(record.id, "cancelled")

    async def watch(self, record_id: str) -> AsyncIterator[R]:
        """The record now and after every change until it has ended, or the server stops; changes in between two reads are one.

        Raises NotFound.
        """
        while True:
            record = self.get(record_id)
            if record.state in ENDED or self._stopping:
                yield record
                return
            changed = self._changed.setdefault(record_id, asyncio.Event())
            yield record
            # An update while the reader was busy has set this event already; a later one will.
            await changed.wait()

    async def _enter(self, record: R) -> R:
        """Saves and starts a record; the caller holds `_starting`. Raises Overloaded when too many are unfinished."""
        if (count := len(self.unfinished)) >= self._pace.waiting:
            raise Overloaded(f"{count} {self.noun}s are waiting already.", retry_after=60)
        await self._save(record.as_json())
        self._start(record)
        self._forget()
        return record

    def _start(self, record: R) -> None:
        self._records[record.id] = record
        task = asyncio.create_task(self._run(record.id), name=f"{self.noun} {record.model}")
        self._tasks[record.id] = task
        task.add_done_callback(lambda task: self._gone(record.id, task))

    def _gone(self, record_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[record_id]
        if task.cancelled() or task.exception() is None:
            return
        # The disk was full or an adapter broke: whoever watches is told, and the saved record is tried again at the next start.
        log.error(f"{self.noun}.broken", id=record_id, exc_info=task.exception())
        error = MyelinError(f"The {self.noun} stopped because of an internal error.").as_job_error()
        self._show(replace(self.get(record_id), state="failed", error=error, speed=None, finished_at=self._clock.now()))

    async def _run(self, record_id: str) -> None:
        async with self._slots:
            for wait in (*self._pace.again, None):
                try:
                    await self._attempt(record_id)
                except MyelinError as error:
                    if wait is None or not error.retryable:
                        await self._end(record_id, "failed", error=error.as_job_error())
                        return
                    detail = f"{error.detail} Next attempt in {wait:g} s."
                    self._note(record_id, detail=detail, speed=None, eta_seconds=None)
                    await self._sleep(wait)
                else:
                    await self._end(record_id, "done", detail=self._last_words(self.get(record_id)))
                    return

    def _last_words(self, record: R) -> str:
        """The detail of a record that is done."""
        return ""

    async def _end(self, record_id: str, state: str, error: dict[str, Any] | None = None, detail: str = "") -> R:
        now = self._clock.now()
        return await self._update(
            record_id, state=state, detail=detail, error=error, speed=None, eta_seconds=None, finished_at=now, durable=True
        )

    async def _update(self, record_id: str, *, durable: bool = False, **changes: Any) -> R:
        before = self.get(record_id)
        if before.state in ENDED:
            return before
        record = replace(before, **changes, updated_at=self._clock.now())
        if durable:
            await self._save(record.as_json())
            if self.get(record_id).state in ENDED:
                return self.get(record_id)
        self._show(record)
        return record

    def _note(self, record_id: str, **changes: Any) -> None:
        """A change of mere progress: told, not saved."""
        if (before := self._records[record_id]).state not in ENDED:
            self._show(replace(before, **changes, updated_at=self._clock.now()))

    def _show(self, record: R) -> None:
        self._records[record.id] = record
        self._changed.pop(record.id, asyncio.Event()).set()

    def _forget(self) -> None:
        ended = [record for record in self.list() if record.state in ENDED]
        for record in ended[self._pace.kept :]:
            del self._records[record.id]
