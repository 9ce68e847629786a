"""Waiting for a job: long polling and server-sent events, both woken by the pipeline, never by a timer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from api import views
from api.deps import House
from core.errors import NotFound
from models import TERMINAL, JobStatus

_PING_SECONDS = 15.0


async def settled(house: House, job_id: str, owner: str | None, seconds: float) -> Any:
    """The job's row once it has ended, or as it is after `seconds`. Raises NotFound when it is erased meanwhile."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with house.pipeline.watch(job_id) as changed:
        while True:
            changed.clear()
            row = await _row(house, job_id, owner)
            if JobStatus(row["status"]) in TERMINAL or loop.time() >= deadline or not house.pipeline.accepting:
                return row
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                continue


def job_events(house: House, job_id: str, owner: str | None) -> StreamingResponse:
    """`event: progress` at every change, `event: end` with the whole job, a comment each 15 silent seconds."""
    return EventSourceResponse(_events(house, job_id, owner), headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"})


async def _events(house: House, job_id: str, owner: str | None) -> AsyncIterator[bytes]:
    last = None
    with house.pipeline.watch(job_id) as changed:
        while True:
            changed.clear()
            try:
                row = await _row(house, job_id, owner)
            except NotFound:
                yield _event("end", {"id": job_id, "status": "erased"})
                return
            if JobStatus(row["status"]) in TERMINAL:
                yield _event("end", views.job(row, house.pipeline))
                return
            if (current := views.summary(row, house.pipeline)) != last:
                last = current
                yield _event("progress", current)
            if not house.pipeline.accepting:
                return
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield KEEPALIVE_COMMENT


async def _row(house: House, job_id: str, owner: str | None) -> Any:
    row = await house.jobs.get(job_id, owner)
    if row is None:
        raise NotFound("There is no such job.")
    return row


def _event(name: str, data: dict[str, Any]) -> bytes:
    return format_sse_event(event=name, data_str=orjson.dumps(data).decode())
