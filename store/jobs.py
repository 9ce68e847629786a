"""Jobs and their pages. Every change of status is one compare-and-set; the caller learns whether it won."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Update, bindparam, case, delete, func, insert, or_, select, update

from core.clock import Clock
from core.errors import Conflict, IdempotencyMismatch, InvalidAnswer
from models import (
    ACTIVE,
    BUSY,
    ENTRY,
    SUCCESS,
    TERMINAL,
    TRANSITIONS,
    JobStatus,
    Stage,
    idempotency,
    jobs,
    outbox,
    pages,
    verdicts,
)
from store.database import Database

Row = Mapping[str, Any]

_MAX_DEATHS = 20
# What is erased of a job that ended: the caller's key always, the content when the job is cancelled.
_NO_SECRETS: dict[str, Any] = {"gemini_api_key": None}
_NO_CONTENT: dict[str, Any] = {name: None for name in ("reply", "answer", "evidence", "warnings", "notices", "example")} | {
    "prompt": "",
    "format_response": "null",
}

_LISTED = [
    jobs.c[name]
    for name in (
        "id", "seq", "status", "priority", "filename", "pages", "pages_read",
        "ai_provider", "model", "served", "error", "extraction_ms", "model_ms", "created_at", "finished_at", "expires_at",
    )
]  # fmt: skip
_JOB = select(jobs).where(jobs.c.id == bindparam("id"))
_READ_BEFORE = (
    select(jobs)
    .where(jobs.c.sha256 == bindparam("sha256"), jobs.c.owner == bindparam("owner"), jobs.c.reader == bindparam("reader"))
    .where(jobs.c.pages_read == jobs.c.pages)
    .order_by(jobs.c.seq.desc())
    .limit(1)
)
_PAGES = select(pages.c.number, pages.c.content).where(pages.c.job_id == bindparam("id")).order_by(pages.c.number)

# Statements are made once: making one costs five times as much as running it. What a change sets comes with its parameters.
_PLACE = (jobs.c.id, jobs.c.seq, jobs.c.priority, jobs.c.status)
_CREATE = insert(jobs).returning(*_PLACE)
_HELD = (jobs.c.id == bindparam("job"), jobs.c.status == bindparam("old"), jobs.c.boot_id.is_(bindparam("holder")))
_MOVE = update(jobs).where(*_HELD).returning(*_PLACE)
_RELEASE = _MOVE.values(deaths=jobs.c.deaths + bindparam("died"))
_CLAIM = (
    update(jobs)
    .where(*_HELD)
    .values(
        attempts=jobs.c.attempts + bindparam("tried"),
        queued_ms=jobs.c.queued_ms + (bindparam("now") - jobs.c.entered_at) * 1000,
        entered_at=bindparam("now"),
    )
    .returning(*jobs.c)
)
_PAGES_OF = delete(pages).where(pages.c.job_id == bindparam("job"))
_ADD_PAGES, _ADD_MARK, _ADD_MESSAGE = insert(pages), insert(idempotency), insert(outbox)
_ADD_VERDICT = insert(verdicts).prefix_with("OR REPLACE")  # of a job that was tried again the last one counts


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits for a stage, as the queues need it."""

    priority: int
    seq: int
    id: str
    status: JobStatus


class Jobs:
    def __init__(self, database: Database, clock: Clock, retention_seconds: float):
        self._database = database
        self._clock = clock
        self._retention = retention_seconds

    # ---- accepting -----------------------------------------------------------------------------------------------

    async def create(self, values: Mapping[str, Any], replay: tuple[str, str] | None = None) -> tuple[Row, bool]:
        """Stores the job (durable on return); gives (its place, created); with `replay` = (key, fingerprint) an earlier one wins.

        The mark of an Idempotency-Key outlives its job: raises IdempotencyMismatch when it marks another upload, and
        Conflict when the job that it marks is erased, so that a late repetition never makes a second job.
        """

        def write(connection: Connection) -> tuple[Row, bool]:
            if replay:
                known = select(idempotency).where(idempotency.c.owner == values["owner"], idempotency.c.key == replay[0])
                if row := connection.execute(known).mappings().first():
                    return _marked(connection, row, replay[1]), False
            now = self._clock.now()
            fresh = {"status": JobStatus.QUEUED, "created_at": now, "entered_at": now}
            row = connection.execute(_CREATE, {**values, **fresh}).mappings().one()
            if replay:
                mark = {"owner": values["owner"], "key": replay[0], "fingerprint": replay[1], "job_id": values["id"]}
                connection.execute(_ADD_MARK, {**mark, "created_at": now})
            return row, True

        return await self._database.write(write)

    async def unfinished(self, owner: str | None = None) -> int:
        statement = select(func.count().label("n")).select_from(jobs).where(jobs.c.status.in_(sorted(ACTIVE)), *_of(owner))
        return (await self._database.read(statement))[0]["n"]

    # ---- moving --------------------------------------------------------------------------------------------------

    async def claim(self, job_id: str, stage: Stage, boot_id: str) -> Row | None:
        """Takes a waiting job for a stage and gives all of its row; None when it is not waiting there any more."""

        def write(connection: Connection) -> Row | None:
            changes = {"status": BUSY[stage], "boot_id": boot_id}
            counted = {"tried": int(stage is Stage.EXTRACTION), "now": self._clock.now()}
            return _move(connection, job_id, ENTRY[stage], changes | counted, statement=_CLAIM)

        return await self._database.write(write)

    async def advance(
        self,
        job_id: str,
        stage: Stage,
        boot_id: str,
        values: Mapping[str, Any],
        contents: Iterable[tuple[int, bytes]] = (),
        hook: Row | None = None,
    ) -> Row | None:
        """A stage succeeded: stores what it made and gives the job's new place; None when it was cancelled meanwhile."""

        def write(connection: Connection) -> Row | None:
            changes = dict(values) | {"status": SUCCESS[stage], "boot_id": None}
            changes |= self._ended() if SUCCESS[stage] in TERMINAL else {"entered_at": self._clock.now()}
            row = _move(connection, job_id, BUSY[stage], changes, boot_id)
            if row is not None:
                _replace_pages(connection, job_id, contents)
                if changes.get("values_sought") is not None:
                    self._judge(connection, job_id, True, changes["values_sought"], changes["values_grounded"])
                _post(connection, hook)
            return row

        return await self._database.write(write)

    async def release(self, job_id: str, stage: Stage, boot_id: str, *, died: bool = False) -> Row | None:
        """Puts a job back to where it waited: the server stops, or (`died`) a process of ours died over it."""
        changes = {"status": ENTRY[stage], "boot_id": None, "entered_at": self._clock.now(), "died": int(died)}
        return await self._database.write(
            lambda connection: _move(connection, job_id, BUSY[stage], changes, boot_id, statement=_RELEASE)
        )

    async def fail(
        self, job_id: str, stage: Stage, boot_id: str, error: Mapping[str, Any], hook: Row | None = None
    ) -> Row | None:
        def write(connection: Connection) -> Row | None:
            changes = {"status": JobStatus.FAILED, "boot_id": None, "error": orjson.dumps(error).decode()} | self._ended()
            row = _move(connection, job_id, BUSY[stage], changes, boot_id)
            if row is not None:
                if error.get("code") == InvalidAnswer.code:
                    self._judge(connection, job_id, False, 0, 0)
                _post(connection, hook)
            return row

        return await self._database.write(write)

    async def cancel(self, job_id: str, owner: str | None, hook: Row | None = None) -> Row | None:
        """Ends an unfinished job and erases its content in the same transaction; None when it is not unfinished."""

        def write(connection: Connection) -> Row | None:
            changes = {"status": JobStatus.CANCELLED, "boot_id": None} | self._ended() | _NO_CONTENT
            mine = jobs.c.status.in_(sorted(ACTIVE))
            cancelled = update(jobs).where(jobs.c.id == job_id, mine, *_of(owner)).values(**changes).returning(*_PLACE)
            row = connection.execute(cancelled).mappings().first()
            if row is not None:
                connection.execute(_PAGES_OF, {"job": job_id})
                _post(connection, hook)
            return row

        return await self._database.write(write)

    async def retry(self, job_id: str, owner: str | None, gemini_api_key: bytes | None) -> Row | None:
        """Sends a failed job back to the stage whose work is missing; raises Conflict when it has not failed."""

        def write(connection: Connection) -> Row | None:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id, *_of(owner))).mappings().first()
            if row is None:
                return None
            if row["status"] != JobStatus.FAILED:
                raise Conflict("Only a failed job can be tried again.", hint=f"This one is {row['status']}.")
            read = connection.execute(select(func.count()).select_from(pages).where(pages.c.job_id == job_id)).scalar_one()
            entry = JobStatus.ANALYZED if row["reply"] else JobStatus.EXTRACTED if read else JobStatus.QUEUED
            changes = {"status": entry, "error": None, "finished_at": None, "expires_at": None, "deaths": 0}
            changes |= {"entered_at": self._clock.now(), "gemini_api_key": gemini_api_key}
            return _move(connection, job_id, JobStatus.FAILED, changes)

        return await self._database.write(write)

    async def release_all(self, boot_id: str) -> None:
        """At the end of a clean stop: whatever this server still holds waits again, with no death counted."""
        back = case({BUSY[stage].value: ENTRY[stage].value for stage in Stage}, value=jobs.c.status)
        held = jobs.c.status.in_(list(BUSY.values())) & (jobs.c.boot_id == boot_id)
        await self._database.change(update(jobs).where(held).values(status=back, boot_id=None))

    async def recover(self, boot_id: str, hook: Callable[[Row, str], Row | None]) -> list[Waiting]:
        """After a start: jobs held by a server that died wait again, poison ones fail; gives all that wait, in order.

        `hook` gives the message of a job that ends so, as `fail` takes it.
        """

        def write(connection: Connection) -> None:
            lost = jobs.c.status.in_([status.value for status in BUSY.values()]) & or_(
                jobs.c.boot_id.is_(None), jobs.c.boot_id != boot_id
            )
            reason = {"code": "worker_died", "message": "The server died several times while it worked on this document.",
                      "hint": "Try once more with POST /response/{id}/retry.", "retryable": True}  # fmt: skip
            poison = {"status": JobStatus.FAILED, "boot_id": None, "error": orjson.dumps(reason).decode()} | self._ended()
            ended = update(jobs).where(lost, jobs.c.deaths >= _MAX_DEATHS).values(**poison).returning(*jobs.c)
            for row in connection.execute(ended).mappings().all():
                _post(connection, hook(row, JobStatus.FAILED))
            back = case({BUSY[stage].value: ENTRY[stage].value for stage in Stage}, value=jobs.c.status)
            changes = {"status": back, "boot_id": None, "deaths": jobs.c.deaths + 1, "entered_at": self._clock.now()}
            connection.execute(update(jobs).where(lost).values(**changes))

        await self._database.write(write)
        return await self._waiting()

    async def _waiting(self) -> list[Waiting]:
        entries = [status.value for status in ENTRY.values()]
        statement = select(jobs.c.priority, jobs.c.seq, jobs.c.id, jobs.c.status).where(jobs.c.status.in_(entries))
        rows = await self._database.read(statement.order_by(jobs.c.priority, jobs.c.seq))
        return [Waiting(row["priority"], row["seq"], row["id"], JobStatus(row["status"])) for row in rows]

    def _ended(self) -> dict[str, Any]:
        now = self._clock.now()
        return _NO_SECRETS | {"finished_at": now, "entered_at": now, "expires_at": now + self._retention}

    def _judge(self, connection: Connection, job_id: str, valid: bool, sought: int, grounded: int) -> None:
        verdict = {"valid": valid, "sought": sought, "grounded": grounded}
        connection.execute(_ADD_VERDICT, {"job_id": job_id, "at": self._clock.now(), **verdict})

    # ---- reading -------------------------------------------------------------------------------------------------

    async def get(self, job_id: str, owner: str | None) -> sqlite3.Row | None:
        """`owner` None sees every job; for a client a foreign job does not exist."""
        rows = await self._database.read(_JOB, id=job_id)
        return rows[0] if rows and owner in (None, rows[0]["owner"]) else None

    async def pages(self, job_id: str) -> list[bytes]:
        """The pages as `Page.to_json` wrote them, in order."""
        return [content for _, content in await self.numbered_pages(job_id)]

    async def numbered_pages(self, job_id: str) -> tuple[tuple[int, bytes], ...]:
        return tuple((row["number"], row["content"]) for row in await self._database.read(_PAGES, id=job_id))

    async def read_before(self, job: Row, reader: str) -> Row | None:
        """The latest job of the same owner whose same bytes `reader` has read whole."""
        rows = await self._database.read(_READ_BEFORE, sha256=job["sha256"], owner=job["owner"], reader=reader)
        return rows[0] if rows else None

    async def listing(self, owner: str | None, statuses: Iterable[str], limit: int, before: int | None) -> list[sqlite3.Row]:
        """The newest first, without texts and answers; `before` is the `seq` of the last one already seen."""
        statement = select(*_LISTED).where(*_of(owner)).order_by(jobs.c.seq.desc()).limit(limit)
        if wanted := sorted(statuses):
            statement = statement.where(jobs.c.status.in_(wanted))
        if before is not None:
            statement = statement.where(jobs.c.seq < before)
        return await self._database.read(statement)

    async def known_ids(self) -> set[str]:
        return {row["id"] for row in await self._database.read(select(jobs.c.id))}

    # ---- erasing -------------------------------------------------------------------------------------------------

    async def expired(self, limit: int = 200) -> list[str]:
        statement = select(jobs.c.id).where(jobs.c.expires_at <= self._clock.now()).order_by(jobs.c.expires_at).limit(limit)
        return [row["id"] for row in await self._database.read(statement)]

    async def erase(self, ids: Iterable[str], owner: str | None = None) -> list[str]:
        """Removes finished jobs with their pages; gives those that were removed. Their Idempotency-Keys stay marked."""

        def write(connection: Connection) -> list[str]:
            ended = jobs.c.status.in_(sorted(TERMINAL))
            gone = delete(jobs).where(jobs.c.id.in_(list(ids)), ended, *_of(owner)).returning(jobs.c.id)
            return list(connection.execute(gone).scalars())

        return await self._database.write(write)

    async def forget_marks(self, before: float) -> int:
        """Removes the marks of Idempotency-Keys made before `before` (seconds since 1970); returns how many."""
        old = idempotency.c.created_at < before
        return await self._database.change(delete(idempotency).where(old))


def _of(owner: str | None) -> list[Any]:
    return [] if owner is None else [jobs.c.owner == owner]


def _marked(connection: Connection, mark: Mapping[str, Any], fingerprint: str) -> Row:
    if mark["fingerprint"] != fingerprint:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for another upload.", field="Idempotency-Key", hint="Use a new key for a new upload."
        )
    row = connection.execute(select(jobs).where(jobs.c.id == mark["job_id"])).mappings().first()
    if row is None:
        raise Conflict(
            f"The job {mark['job_id']} of this Idempotency-Key was erased.",
            field="Idempotency-Key",
            hint="Use a new key to have the document read again.",
        )
    return row


def _move(
    connection: Connection,
    job_id: str,
    old: JobStatus,
    changes: Mapping[str, Any],
    holder: str | None = None,
    statement: Update = _MOVE,
) -> Row | None:
    """Sets `changes` when the job still is `old` and held by `holder` (None: by nobody)."""
    assert JobStatus(changes["status"]) in TRANSITIONS[old], f"{old} may not become {changes['status']}"
    return connection.execute(statement, {**changes, "job": job_id, "old": old, "holder": holder}).mappings().first()


def _replace_pages(connection: Connection, job_id: str, contents: Iterable[tuple[int, bytes]]) -> None:
    rows = [{"job_id": job_id, "number": number, "content": content} for number, content in contents]
    if rows:
        connection.execute(_PAGES_OF, {"job": job_id})
        connection.execute(_ADD_PAGES, rows)


def _post(connection: Connection, hook: Row | None) -> None:
    if hook is not None:
        connection.execute(_ADD_MESSAGE, dict(hook))
