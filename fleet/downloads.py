"""Downloads of models: one a model, joined by whoever asks for the same, with progress, cancelled by id, resumed at start.

    queued ─► pulling ─► verifying ─► done
       └─────────┴────────────┴─────► failed | cancelled

Every change of state is saved before anybody hears of it; a restart finds the unfinished ones and pulls again, and Ollama
goes on where its partial files end. Subscribers see the latest record, not every one: a slow reader costs nothing.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import structlog

from core.clock import Clock
from core.errors import MyelinError, NotFound, Overloaded, ProviderError, ProviderTimeout
from fleet.names import read_model_name
from fleet.progress import Progress

State = Literal["queued", "pulling", "verifying", "done", "failed", "cancelled"]
Pull = Callable[[str], AsyncGenerator[Mapping[str, Any], None]]

ENDED = frozenset({"done", "failed", "cancelled"})
_VERIFYING = ("verifying", "writing", "removing", "success")
_CANCEL_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Download:
    """What `GET /models/downloads/{id}` shows. Bytes, bytes a second, seconds; times are seconds since 1970."""

    id: str
    model: str
    state: State
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


@dataclass(frozen=True, slots=True)
class Pace:
    """`parallel` pulls at once, at most `waiting` unfinished ones, `kept` finished ones remembered.

    `stall`: seconds without a line before a pull counts as dead (hashing a large model is silent for minutes).
    `saves`: seconds between saves of mere progress. `again`: waits before the next attempts after a failure that may pass.
    """

    parallel: int = 2
    waiting: int = 32
    kept: int = 100
    stall: float = 900.0
    saves: float = 5.0
    again: tuple[float, ...] = (2.0, 15.0, 60.0)


class Downloads:
    """Owns the pulls and their tasks. `load` gives the saved records, `save` makes one durable."""

    def __init__(
        self,
        pull: Pull,
        *,
        load: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]],
        save: Callable[[dict[str, Any]], Awaitable[None]],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        pace: Pace = Pace(),
    ):
        self._pull = pull
        self._load = load
        self._save = save
        self._clock = clock
        self._sleep = sleep
        self._pace = pace
        self._records: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._slots = asyncio.Semaphore(pace.parallel)
        self._starting = asyncio.Lock()

    async def resume(self) -> None:
        """Reads the saved records and starts the unfinished ones again. Once, at start."""
        known = {field.name for field in fields(Download)}
        saved = [Download(**{name: value for name, value in record.items() if name in known}) for record in await self._load()]
        for record in sorted(saved, key=lambda record: record.created_at):
            self._records[record.id] = record
            if record.state not in ENDED:
                self._start(replace(record, state="queued", speed=None, eta_seconds=None))
        self._forget()

    async def close(self) -> None:
        """Stops the pulls; they stay unfinished in the records, for the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def start(self, model: str) -> Download:
        """The download of `model`, made now or already under way.

        Raises InvalidField for a bad name and Overloaded when too many are unfinished.
        """
        model = read_model_name(model)
        async with self._starting:
            unfinished = [record for record in self._records.values() if record.state not in ENDED]
            for record in unfinished:
                if record.model == model:
                    return record
            if len(unfinished) >= self._pace.waiting:
                raise Overloaded(f"{len(unfinished)} downloads are waiting already.", retry_after=60)
            now = self._clock.now()
            record = Download(secrets.token_hex(8), model, "queued", now, now)
            await self._save(record.as_json())
            self._start(record)
            self._forget()
            return record

    def get(self, download_id: str) -> Download:
        """Raises NotFound."""
        try:
            return self._records[download_id]
        except KeyError:
            raise NotFound("There is no download of this id.") from None

    def list(self) -> list[Download]:
        """Newest first."""
        return sorted(self._records.values(), key=lambda record: record.created_at, reverse=True)

    async def cancel(self, download_id: str) -> Download:
        """Ends a download for everybody who joined it; one that has ended stays as it is. Raises NotFound."""
        record = self.get(download_id)
        task = self._tasks.get(download_id)
        if task is not None:
            task.cancel()
            # A pull that does not let go in time is left behind; it cannot change a record that has ended.
            await asyncio.wait([task], timeout=_CANCEL_SECONDS)
        return await self._end(record.id, "cancelled")

    async def watch(self, download_id: str) -> AsyncIterator[Download]:
        """The record now and after every change until it has ended; changes in between two reads are one. Raises NotFound."""
        while True:
            record = self.get(download_id)
            if record.state in ENDED:
                yield record
                return
            changed = self._changed.setdefault(download_id, asyncio.Event())
            yield record
            # An update while the reader was busy has set this event already; a later one will.
            await changed.wait()

    def _start(self, record: Download) -> None:
        self._records[record.id] = record
        task = asyncio.create_task(self._run(record.id), name=f"download {record.model}")
        self._tasks[record.id] = task
        task.add_done_callback(lambda task: self._gone(record.id, task))

    def _gone(self, download_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[download_id]
        if task.cancelled() or task.exception() is None:
            return
        # The disk was full or an adapter broke: whoever watches is told, and the saved record is tried again at the next start.
        log.error("download.broken", download=download_id, exc_info=task.exception())
        error = MyelinError("The download stopped because of an internal error.").as_job_error()
        self._show(replace(self.get(download_id), state="failed", error=error, speed=None, finished_at=self._clock.now()))

    async def _run(self, download_id: str) -> None:
        async with self._slots:
            for wait in (*self._pace.again, None):
                try:
                    await self._attempt(download_id)
                except MyelinError as error:
                    if wait is None or not error.retryable:
                        await self._end(download_id, "failed", error=error.as_job_error())
                        return
                    detail = f"{error.detail} Next attempt in {wait:g} s."
                    await self._update(download_id, detail=detail, speed=None, eta_seconds=None)
                    await self._sleep(wait)
                else:
                    await self._end(download_id, "done")
                    return

    async def _attempt(self, download_id: str) -> None:
        attempts = self.get(download_id).attempts + 1
        record = await self._update(download_id, state="pulling", detail="", attempts=attempts, durable=True)
        progress, saved_at, status = Progress(), self._clock.monotonic(), ""
        async with aclosing(self._pull(record.model)) as lines:
            while (line := await self._next(lines)) is not None:
                at = self._clock.monotonic()
                status = str(line.get("status", ""))[:200]
                progress.update(line, at)
                state = "verifying" if status.startswith(_VERIFYING) else "pulling"
                durable = state != self.get(download_id).state or at - saved_at >= self._pace.saves
                saved_at = at if durable else saved_at
                await self._update(
                    download_id, state=state, detail=status, completed=progress.completed, total=progress.total,
                    speed=progress.speed, eta_seconds=progress.eta_seconds, durable=durable,
                )  # fmt: skip
        if status != "success":
            raise ProviderError("The download ended without Ollama's word that it is complete.")

    async def _next(self, lines: AsyncIterator[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        try:
            async with asyncio.timeout(self._pace.stall):
                return await anext(lines, None)
        except TimeoutError:
            raise ProviderTimeout(f"Ollama sent nothing about the download for {self._pace.stall:g} s.") from None

    async def _end(self, download_id: str, state: State, error: dict[str, Any] | None = None) -> Download:
        now = self._clock.now()
        return await self._update(
            download_id, state=state, detail="", error=error, speed=None, eta_seconds=None, finished_at=now, durable=True
        )

    async def _update(self, download_id: str, *, durable: bool = False, **changes: Any) -> Download:
        before = self.get(download_id)
        if before.state in ENDED:
            return before
        record = replace(before, **changes, updated_at=self._clock.now())
        if durable:
            await self._save(record.as_json())
            if self.get(download_id).state in ENDED:
                return self.get(download_id)
        self._show(record)
        return record

    def _show(self, record: Download) -> None:
        self._records[record.id] = record
        self._changed.pop(record.id, asyncio.Event()).set()

    def _forget(self) -> None:
        ended = [record for record in self.list() if record.state in ENDED]
        for record in ended[self._pace.kept :]:
            del self._records[record.id]
