"""Waiting for a job: long polling and server-sent events, both woken by the pipeline, never by a timer.

Both end when the server stops: the job stays as it is, and whoever asks again meets the next server. And the pings that keep
any silent stream open.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import orjson
from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from api import views
from api.deps import House, house, principal
from core.errors import MyelinError, NotFound
from models import TERMINAL, JobStatus

_PING_SECONDS = 15.0


async def settled(request: Request, job_id: str, seconds: float) -> Any:
    """The caller's job once it has ended, or as it is after `seconds`, when the client hangs up or when the server stops.

    Raises NotFound when it is erased meanwhile.
    """
    rooms, owner = house(request), principal(request).owner
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with rooms.pipeline.watch(job_id) as changed, _hanging_up(request, changed) as hung_up:
        while True:
            changed.clear()
            row = await _row(rooms, job_id, owner)
            over = hung_up.done() or not rooms.pipeline.accepting or loop.time() >= deadline
            if over or JobStatus(row["status"]) in TERMINAL:
                return row
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                continue


@contextmanager
def _hanging_up(request: Request, changed: asyncio.Event) -> Iterator[asyncio.Task[None]]:
    """A task that ends, and sets `changed`, when the client hangs up."""
    task = asyncio.create_task(_silence(request))
    task.add_done_callback(lambda _: changed.set())
    try:
        yield task
    finally:
        task.cancel()


async def _silence(request: Request) -> None:
    with suppress(MyelinError):  # a body that the gate cuts off: nobody to wait for, either
        while (await request.receive())["type"] != "http.disconnect":
            pass


def job_events(rooms: House, job_id: str, owner: str | None) -> StreamingResponse:
    """`event: progress` at every change, `event: end` with the whole job, a comment each 15 silent seconds."""
    return EventSourceResponse(_events(rooms, job_id, owner), headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"})


async def _events(rooms: House, job_id: str, owner: str | None) -> AsyncIterator[bytes]:
    last = None
    with rooms.pipeline.watch(job_id) as changed:
        while True:
            changed.clear()
            try:
                row = await _row(rooms, job_id, owner)
            except NotFound:
                yield _event("end", {"id": job_id, "status": "erased"})
                return
            if JobStatus(row["status"]) in TERMINAL:
                yield _event("end", views.job(row, rooms.pipeline))
                return
            if (current := views.summary(row, rooms.pipeline)) != last:
                last = current
                yield _event("progress", current)
            if not rooms.pipeline.accepting:
                return
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield KEEPALIVE_COMMENT


async def _row(rooms: House, job_id: str, owner: str | None) -> Any:
    row = await rooms.jobs.get(job_id, owner)
    if row is None:
        raise NotFound("There is no such job.")
    return row


def _event(name: str, data: dict[str, Any]) -> bytes:
    return format_sse_event(event=name, data_str=orjson.dumps(data).decode())


class Pings:
    """`with Pings(send) as pings:` sends one whenever `seconds` pass without `pings.touch()`.

    Load balancers cut streams that say nothing for 30 to 120 seconds, and a model may read for longer than that. One timer
    serves the whole stream; a task is made only for a ping that is due.
    """

    def __init__(self, send: Callable[[], Awaitable[None]], seconds: float = _PING_SECONDS):
        self._send, self._seconds = send, seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._ping: asyncio.Task[None] | None = None

    def touch(self) -> None:
        self._last = self._loop.time()

    def __enter__(self) -> Self:
        self._timer = self._loop.call_at(self._last + self._seconds, self._due)
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()

    def _due(self) -> None:
        now = self._loop.time()
        if now >= self._last + self._seconds and (self._ping is None or self._ping.done()):
            self._ping = self._loop.create_task(self._send())
            self._last = now
        self._timer = self._loop.call_at(max(self._last + self._seconds, now + self._seconds / 100), self._due)
