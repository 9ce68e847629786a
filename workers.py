"""The engine room: three queues, one worker loop, one table of stages.

The row is the truth and the queues carry ids: losing a queue loses nothing. A job is claimed, worked on and advanced by
compare-and-set; whatever happens to it in between ends in one of five exits (see `Pipeline._attend`).
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from core.clock import Clock
from core.errors import (
    DocumentTooComplex,
    MyelinError,
    Overloaded,
    ParserCrashed,
    ProviderTimeout,
    SandboxUnavailable,
    StorageFull,
)
from core.logs import get_logger, logged_with
from models import STAGE_OF, TERMINAL, JobStatus, Stage
from stages import Outcome, Stages
from store.database import StorageFailed
from store.files import Files
from store.jobs import Jobs, Row, Waiting
from store.line import Line

T = TypeVar("T")
Run = Callable[[Row], Coroutine[Any, Any, Outcome]]
log = get_logger()


class Notifier(Protocol):
    """Who tells the world that a job has ended: `row` is stored with the end, `wake` is called after it."""

    def row(self, job: Mapping[str, Any], status: str) -> dict[str, Any] | None: ...

    def wake(self) -> None: ...


_SMOOTHING = 0.2
_STORAGE_PAUSE = 1.0
_LAST_WRITES = 5.0
_MAX_DEATHS = 2


@dataclass(slots=True)
class Room:
    """One row of the table of stages: who works here, for how long at most, and what the stage does."""

    stage: Stage
    workers: int
    deadline: float
    run: Run
    overdue: type[MyelinError]
    line: Line = field(default_factory=Line)
    running: int = 0
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Workers and deadlines (seconds) of a stage each."""

    extraction: int
    model: int
    formatting: int
    extraction_timeout: float
    model_timeout: float
    formatting_timeout: float


class Pipeline:
    """Accepts jobs, runs them through the stages, recovers them after a crash, cancels them, drains at the end."""

    def __init__(
        self,
        *,
        stages: Stages,
        jobs: Jobs,
        files: Files,
        sizes: Sizes,
        clock: Clock,
        notifier: Notifier,
    ):
        self._jobs, self._files, self._clock, self._notifier = jobs, files, clock, notifier
        self._boot_id = uuid.uuid4().hex
        self.rooms: dict[Stage, Room] = {
            Stage.EXTRACTION: Room(
                Stage.EXTRACTION, sizes.extraction, sizes.extraction_timeout, self._told(stages.extract), DocumentTooComplex
            ),
            Stage.MODEL: Room(
                Stage.MODEL, sizes.model, sizes.model_timeout, self._told(stages.analyse), ProviderTimeout, seconds=3.0
            ),
            Stage.FORMATTING: Room(
                Stage.FORMATTING, sizes.formatting, sizes.formatting_timeout, stages.format, DocumentTooComplex, seconds=0.1
            ),
        }
        self._workers: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._cancelled: set[str] = set()
        self._progress: dict[str, tuple[int, int]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.unfinished = 0
        self.accepting = False
        self._stopping = False

    # ---- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recovers what an earlier server left, fills the queues and opens the door."""
        waiting = await self._jobs.recover(self._boot_id, self._notifier.row)
        self.unfinished = len(waiting)
        for item in waiting:
            self._enqueue(item)
        if waiting:
            log.info("pipeline.recovered", jobs=len(waiting))
        for room in self.rooms.values():
            self._workers += [asyncio.create_task(self._work(room), name=f"{room.stage}-{n}") for n in range(room.workers)]
        self.accepting = True

    def stop_accepting(self) -> None:
        """Closes the door and wakes whoever waits for a job, so that the answer says how far it is."""
        self.accepting = False
        for job_id in list(self._watchers):
            self._tell(job_id)

    async def drain(self, grace: float) -> None:
        """Stops: no more uploads, running work gets `grace` seconds to end, the rest waits for the next start."""
        self.stop_accepting()
        self._stopping = True
        for task in self._workers:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace)
        for task in self._running.values():
            task.cancel()
        if self._workers:
            await asyncio.wait(self._workers, timeout=_LAST_WRITES)
        self._workers.clear()
        with suppress(MyelinError):  # the next start finds them by their boot
            await self._jobs.release_all(self._boot_id)

    @property
    def healthy(self) -> bool:
        """False when a worker loop has died or the pipeline is not running."""
        return bool(self._workers) and not any(task.done() for task in self._workers)

    # ---- the door ------------------------------------------------------------------------------------------------

    async def accept(self, values: Mapping[str, Any], replay: tuple[str, str] | None = None) -> tuple[Row, bool]:
        """Stores a job durably and queues it; (row, created), where created is False for a replayed Idempotency-Key."""
        row, created = await self._jobs.create(values, replay)
        if created:
            self.unfinished += 1
            self._enqueue(_waiting(row))
        return row, created

    async def cancel(self, job_id: str, owner: str | None) -> Row | None:
        """Ends an unfinished job and erases it; None when there is no such unfinished job of this owner."""
        current = await self._jobs.get(job_id, owner)
        hook = self._notifier.row(current, JobStatus.CANCELLED) if current is not None else None
        row = await self._jobs.cancel(job_id, owner, hook)
        if row is not None:
            self._cancelled.add(job_id)
            for room in self.rooms.values():
                room.line.discard(row["priority"], row["seq"])
            if task := self._running.get(job_id):
                task.cancel()
            else:
                self._cancelled.discard(job_id)
            await self._files.erase(job_id)
            self._finished(job_id, hook)
        return row

    async def retry(self, job_id: str, owner: str | None, gemini_api_key: bytes | None) -> Row | None:
        row = await self._jobs.retry(job_id, owner, gemini_api_key)
        if row is not None:
            self.unfinished += 1
            self._enqueue(_waiting(row))
            self._tell(job_id)
        return row

    @contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change of the job; clear it before looking at the job."""
        event = asyncio.Event()
        self._watchers.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            watchers = self._watchers[job_id]
            watchers.discard(event)
            if not watchers:
                del self._watchers[job_id]

    def progress(self, job_id: str) -> tuple[int, int] | None:
        """Pages (done, total) of the stage that runs: read, or seen by the model."""
        return self._progress.get(job_id)

    # ---- the loop ------------------------------------------------------------------------------------------------

    async def _work(self, room: Room) -> None:
        while True:
            job_id = await room.line.get()
            room.running += 1
            try:
                row = await self._durably(lambda job_id=job_id: self._jobs.claim(job_id, room.stage, self._boot_id))
                if row is not None:
                    self._tell(job_id)
                    await self._attend(room, row)
            except Exception as error:  # one job fails, never its worker
                log.error("worker.broke", job_id=job_id, exc_info=error)
                await self._give_up(room, job_id)
            finally:
                room.running -= 1
                self._running.pop(job_id, None)
                self._progress.pop(job_id, None)
                self._cancelled.discard(job_id)
            if self._stopping:
                return

    async def _attend(self, room: Room, row: Row) -> None:
        """Runs one stage of one job and leaves by one of five exits: done, timeout, cancelled, shutdown, failed."""
        job_id, started = row["id"], self._clock.monotonic()
        task = self._running[job_id] = asyncio.create_task(room.run(row))
        stopping = False
        try:
            await asyncio.wait({task}, timeout=room.deadline)
        except asyncio.CancelledError:
            # The server stops; `drain` gives the task its grace and then cancels it.
            stopping = True
            await asyncio.wait({task})
        overdue = not task.done()
        if overdue:
            task.cancel()
            await asyncio.wait({task})
        seconds = self._clock.monotonic() - started
        with logged_with(job_id=job_id, stage=room.stage.value):
            if job_id in self._cancelled:
                log.info("job.cancelled")
            elif overdue:
                await self._fail(room, row, room.overdue(f"The {room.stage} took longer than {room.deadline:.0f} seconds."))
            elif task.cancelled():
                await self._durably(lambda: self._jobs.release(job_id, room.stage, self._boot_id))
                log.info("job.released")
            elif error := task.exception():
                await self._fail(room, row, error)
            else:
                await self._advance(room, row, task.result(), seconds)
        if stopping:
            raise asyncio.CancelledError

    async def _advance(self, room: Room, row: Row, outcome: Outcome, seconds: float) -> None:
        room.seconds += _SMOOTHING * (seconds - room.seconds)
        values = outcome.values | {f"{room.stage}_ms": round(seconds * 1000, 2)}
        hook = self._notifier.row(row, JobStatus.DONE) if room.stage is Stage.FORMATTING else None
        moved = await self._durably(lambda: self._jobs.advance(row["id"], room.stage, self._boot_id, values, outcome.pages, hook))
        if moved is None:
            self._lost(row["id"])
            return
        log.info("job.advanced", status=moved["status"], ms=values[f"{room.stage}_ms"])
        if JobStatus(moved["status"]) in TERMINAL:
            self._finished(row["id"], hook)
        else:
            self._enqueue(_waiting(moved))
            self._tell(row["id"])

    async def _fail(self, room: Room, row: Row, error: BaseException) -> None:
        # Our own machinery failed: the document waits again, with a death counted where it may have been the cause.
        ours = isinstance(error, ParserCrashed | SandboxUnavailable) and row["deaths"] < _MAX_DEATHS
        if ours or isinstance(error, StorageFull | Overloaded):
            log.warning("job.again", code=error.code, deaths=row["deaths"])
            if not ours:
                await asyncio.sleep(_STORAGE_PAUSE)
            if released := await self._durably(lambda: self._jobs.release(row["id"], room.stage, self._boot_id, died=ours)):
                self._enqueue(_waiting(released))
            return
        if isinstance(error, MyelinError):
            reason = error.as_job_error()
            log.info("job.failed", code=error.code)
        else:
            log.error("job.broke", exc_info=error)
            reason = _unexpected(room)
        hook = self._notifier.row(row, JobStatus.FAILED)
        if await self._durably(lambda: self._jobs.fail(row["id"], room.stage, self._boot_id, reason, hook)):
            self._finished(row["id"], hook)
        else:
            self._lost(row["id"])

    async def _give_up(self, room: Room, job_id: str) -> None:
        """The last way to an end for a job whose result cannot even be stored."""
        try:
            if await self._jobs.fail(job_id, room.stage, self._boot_id, _unexpected(room)):
                self._finished(job_id, None)
        except Exception as error:  # the next start recovers it
            log.error("worker.gave_up", job_id=job_id, exc_info=error)

    def _lost(self, job_id: str) -> None:
        if job_id not in self._cancelled:
            log.error("job.lost_to_another_server", job_id=job_id)

    async def _durably(self, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """A full or failing disk loses nothing: the write is tried again until it holds."""
        while True:
            try:
                return await write()
            except (StorageFull, StorageFailed) as error:
                log.error("storage.waiting", code=error.code)
                if self._stopping:
                    raise  # the server stops: the row stays as it is, and the next start recovers it
                await asyncio.sleep(_STORAGE_PAUSE)

    def _enqueue(self, waiting: Waiting) -> None:
        self.rooms[STAGE_OF[waiting.status]].line.put(waiting, self._clock.monotonic())

    def _finished(self, job_id: str, hook: Mapping[str, Any] | None) -> None:
        self.unfinished = max(self.unfinished - 1, 0)
        self._tell(job_id)
        if hook is not None:
            self._notifier.wake()

    def _tell(self, job_id: str) -> None:
        for event in self._watchers.get(job_id, ()):
            event.set()

    def _told(self, run: Callable[[Row, Callable[[int, int], None]], Coroutine[Any, Any, Outcome]]) -> Run:
        def progressed(job_id: str, done: int, total: int) -> None:
            self._progress[job_id] = (done, total)
            self._tell(job_id)

        return lambda row: run(row, partial(progressed, row["id"]))


def _unexpected(room: Room) -> dict[str, object]:
    hint = "The operator finds the cause in the log."
    return MyelinError(f"The {room.stage} of this document failed unexpectedly.", hint=hint).as_job_error()


def _waiting(row: Row) -> Waiting:
    return Waiting(row["priority"], row["seq"], row["id"], JobStatus(row["status"]))
