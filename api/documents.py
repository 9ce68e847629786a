"""`POST /upload`, `GET /response/{id}` and what belongs to them."""

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from api import shapes, views
from api.deps import House, answer, house, own_job, principal
from api.estimates import backlog_seconds
from api.fields import HEADERS, UploadFields, header_text, read_fields, read_gemini_key
from api.limits import too_large
from api.magic import refuse_what_is_no_document
from api.multipart import FILE_HINT, read_form
from api.openapi import EVENTS, PNG, UPLOAD
from api.policy import CLIENTS, allow
from api.presence import turns
from api.streaming import job_events, settled
from core.errors import Conflict, InvalidField, InvalidRequest, NotFound, Overloaded
from core.secrets import associated_data
from documents.parsed import Page
from documents.reasoning import tables_in
from documents.tables import Table, markdown
from models import PUBLIC_STATUS, TERMINAL, JobStatus
from store.files import Incoming

router = APIRouter(tags=["documents"])

JobId = Annotated[str, Path(description="The id of a job, as `POST /upload` gave it.")]
Wait = Annotated[
    float, Query(ge=0, le=120, description="A number of seconds from 0 to 120: how long to wait for the end of the job.")
]

Words = Annotated[bool, Query(description="True or false (1 or 0): whether each word comes with its box and confidence.")]
Tables = Annotated[bool, Query(description="True or false (1 or 0): whether tables come as cells and as Markdown.")]
PageNumber = Annotated[int, Path(ge=1, le=100_000, description="A whole number from 1 to 100000: the number of a page.")]


@router.post("/upload", status_code=202, summary="Upload a document and ask for JSON", response_model=shapes.Accepted, **UPLOAD)
@allow(*CLIENTS, body=None)
async def upload(request: Request, wait: Wait = 0) -> Response:
    rooms = house(request)
    _open_door(rooms)
    owner = principal(request).key_id
    key = _header(request, b"idempotency-key")
    with rooms.uploads.entered(owner, key):
        row, created = await _receive(request, rooms, owner)
    told = {} if created else {"Idempotent-Replayed": "true"}
    if wait:
        row = await settled(request, row["id"], wait)
        if JobStatus(row["status"]) in TERMINAL:
            return answer(views.job(row, rooms.pipeline), 200, told)
    return _accepted(row, rooms, 202 if created else 200, told)


def _accepted(row: Any, rooms: House, status: int, headers: dict[str, str] | None = None) -> Response:
    content = views.accepted(row, rooms.pipeline)
    again = {"Location": content["links"]["response"], "Retry-After": str(min(max(content["eta_seconds"], 1), 30))}
    return answer(content, status, again | (headers or {}))


async def _receive(request: Request, rooms: House, owner: str) -> tuple[Any, bool]:
    job_id = uuid.uuid4().hex
    incoming = rooms.files.receive(job_id)
    try:
        filename, fields = await _read(request, rooms, incoming)
    except ClientDisconnect:
        await incoming.discard()
        raise InvalidRequest("The client hung up before the upload was whole.") from None
    except BaseException:
        await incoming.discard()
        raise
    try:
        sha256 = await incoming.keep()
        values = _row(rooms, job_id, owner, filename, incoming, sha256, fields)
        replay = (fields.idempotency_key, _fingerprint(values)) if fields.idempotency_key else None
        row, created = await asyncio.shield(rooms.pipeline.accept(values, replay))
    except Exception:
        # Not for a cancellation: the row may be on its way to the disk, and a job needs its file.
        await incoming.discard()
        raise
    if not created:
        await incoming.discard()
    return row, created


async def _read(request: Request, rooms: House, incoming: Incoming) -> tuple[str, UploadFields]:
    form = await read_form(request.headers.get("content-type", ""), request.stream(), incoming, HEADERS)
    if form.filename is None:
        raise InvalidRequest("The form has no file: the field `file` is missing.", field="file", hint=FILE_HINT)
    if not incoming.size:
        raise InvalidField("The file is empty.", field="file", hint="Look at the file on your side: it has 0 bytes.")
    if incoming.size > (limit := rooms.settings.max_upload_mb << 20):
        raise too_large("file", incoming.size, limit)
    refuse_what_is_no_document(incoming.head)
    known = bool(rooms.settings.gemini_api_key.get_secret_value())
    return form.filename, read_fields(request.scope["headers"], form.fields, rooms.gateway.names, known, rooms.hooks)


def _row(
    rooms: House, job_id: str, owner: str, filename: str, incoming: Incoming, sha256: str, fields: UploadFields
) -> dict[str, Any]:
    return {
        "id": job_id,
        "owner": owner,
        "priority": fields.priority,
        "filename": filename[-255:] or "document",
        "bytes": incoming.size,
        "sha256": sha256,
        "prompt": fields.prompt,
        "format_response": fields.format_response,
        "example": fields.example,
        "ai_provider": fields.ai_provider,
        "model": fields.model,
        "vision": fields.vision,
        "gemini_api_key": _sealed(rooms, job_id, fields.gemini_api_key),
        "webhook_url": fields.webhook_url,
    }


def _sealed(rooms: House, job_id: str, key: str | None) -> bytes | None:
    return rooms.keyring.encrypt(key.encode(), associated_data("jobs", job_id, "gemini_api_key")) if key else None


def _fingerprint(values: dict[str, Any]) -> str:
    named = (
        "sha256",
        "filename",
        "prompt",
        "format_response",
        "example",
        "ai_provider",
        "model",
        "vision",
        "priority",
        "webhook_url",
    )
    return hashlib.sha256(repr([values[name] for name in named]).encode()).hexdigest()


def _open_door(rooms: House) -> None:
    if not rooms.pipeline.accepting:
        raise Overloaded("The server is stopping and accepts no work.", retry_after=10)
    if rooms.pipeline.unfinished >= rooms.settings.max_unfinished_jobs:
        raise Overloaded(
            f"{rooms.pipeline.unfinished:,} documents wait already.",
            hint="Try again later.",
            retry_after=backlog_seconds(rooms.pipeline.rooms),
        )


def _header(request: Request, name: bytes) -> str | None:
    return next((header_text(value) for sent, value in request.scope["headers"] if sent == name), None)


@router.get("/response/{job_id}", summary="State and answer of a document", response_model=shapes.Job)
@allow(*CLIENTS)
async def response(request: Request, job_id: JobId, wait: Wait = 0) -> Response:
    row = await own_job(request, job_id)
    if wait and JobStatus(row["status"]) not in TERMINAL:
        row = await settled(request, job_id, wait)
    return answer(views.job(row, house(request).pipeline))


@router.get("/response/{job_id}/events", summary="Every change as server-sent events", **EVENTS)
@allow(*CLIENTS)
async def events(request: Request, job_id: JobId) -> Response:
    await own_job(request, job_id)
    return job_events(house(request), job_id, principal(request).owner)


@router.get("/response/{job_id}/text", summary="The text that was read, page by page", response_model=shapes.ReadText)
@allow(*CLIENTS)
async def text(request: Request, job_id: JobId, words: Words = False, tables: Tables = False) -> Response:
    await own_job(request, job_id)
    rooms = house(request)
    contents = await rooms.jobs.pages(job_id)
    found = await tables_in(contents, rooms.sandbox.compute) if tables else None
    return await asyncio.to_thread(_text, job_id, contents, words, found)


def _text(job_id: str, contents: list[bytes], words: bool, tables: Mapping[int, list[Table]] | None) -> Response:
    pages = [_page(Page.from_json(content), words) for content in contents]
    if tables is not None:
        for page in pages:
            page["tables"] = [{"cells": table, "markdown": markdown(table)} for table in tables.get(page["number"], ())]
    return answer({"id": job_id, "pages": pages})


def _page(page: Page, words: bool) -> shapes.ReadPage:
    shown = {name: getattr(page, name) for name in ("number", "label", "source", "width", "height", "text")}
    if words:
        shown["words"] = [
            {"text": page.text[word.start : word.end], "box": word[2:6], "confidence": word.confidence} for word in page.words
        ]
    return shown


@router.get("/response/{job_id}/pages/{number}.png", summary="A page as a picture", **PNG)
@allow(*CLIENTS)
async def picture(request: Request, job_id: JobId, number: PageNumber) -> Response:
    row = await own_job(request, job_id)
    path = house(request).files.path(job_id)
    if not path.exists():
        raise NotFound("The file of this job was erased.")
    async with house(request).pictures.place():
        png = await house(request).sandbox.render(path, row["filename"], number)
    return Response(png, media_type="image/png")


@router.delete("/response/{job_id}", summary="Cancel if it runs; erase file, texts and answer", response_model=shapes.Erased)
@allow(*CLIENTS)
async def erase(request: Request, job_id: JobId) -> Response:
    """A job that has not ended is `cancelled`: its work stops, its file, question, texts and answer are erased at once, and
    what is left of it (id, file name, times, status) stays listed until its retention ends. A job that has ended is `erased`:
    nothing of it is left, and its id is answered with 404. So the second DELETE of a running job erases the rest."""
    rooms, owner = house(request), principal(request).owner
    # The job may end, or be tried again, between the look and the act: then it is looked at again.
    while True:
        row = await own_job(request, job_id)
        if JobStatus(row["status"]) not in TERMINAL:
            if await rooms.pipeline.cancel(job_id, owner):
                rooms.database.scrub_soon()
                return answer({"id": job_id, "status": "cancelled"})
        elif await rooms.jobs.erase([job_id], owner):
            await rooms.files.erase(job_id)
            rooms.database.scrub_soon()
            return answer({"id": job_id, "status": "erased"})


@router.post("/response/{job_id}/retry", status_code=202, summary="Try a failed job again", response_model=shapes.Accepted)
@allow(*CLIENTS)
async def retry(request: Request, job_id: JobId) -> Response:
    await own_job(request, job_id)
    rooms = house(request)
    _open_door(rooms)
    if not rooms.files.path(job_id).exists():
        raise Conflict("The file of this job was erased: it cannot be tried again.", hint="Upload it again.")
    sealed = _sealed(rooms, job_id, read_gemini_key(request.scope["headers"]))
    row = await rooms.pipeline.retry(job_id, principal(request).owner, sealed)
    if row is None:
        raise NotFound("There is no such job.")
    return _accepted(row, rooms, 202)


@router.get("/responses", summary="Your jobs, the newest first", response_model=shapes.Listing)
@allow(*CLIENTS)
async def listing(
    request: Request,
    status: Annotated[str | None, Query(description="One status or several, comma separated, such as done,failed.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="A whole number from 1 to 200: how many jobs to give.")] = 50,
    after: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}$", description="The `next` of an earlier answer: the jobs before those.")
    ] = None,
) -> Response:
    rooms, owner = house(request), principal(request).owner
    rows = await rooms.jobs.listing(owner, _statuses(status), limit + 1, int(after) if after else None)
    shown, more = rows[:limit], len(rows) > limit
    data = [views.listed(row, rooms.pipeline) for row in shown]
    return answer({"data": data, "has_more": more, "next": str(shown[-1]["seq"]) if more else None})


def _statuses(wanted: str | None) -> list[JobStatus]:
    """The statuses of rows that are shown as one of those in `wanted`. Raises InvalidField for one that is never shown."""
    names = [part.strip() for part in wanted.split(",")] if wanted else []
    for name in names:
        if name not in PUBLIC_STATUS.values():
            known = ", ".join(dict.fromkeys(PUBLIC_STATUS.values()))
            raise InvalidField(f"There is no status {name[:32]!r}.", field="status", hint=f"Known are: {known}.")
    return [status for status, shown in PUBLIC_STATUS.items() if shown in names]


@router.get("/queue", summary="The three queues and your unfinished jobs", response_model=shapes.Queue)
@allow(*CLIENTS)
async def queue(request: Request) -> Response:
    rooms = house(request)
    active = [status.value for status in JobStatus if status not in TERMINAL]
    mine = await rooms.jobs.listing(principal(request).owner, active, 200, None)
    return answer(
        {
            "queues": {stage.value: views.room(room, rooms.clock) for stage, room in rooms.pipeline.rooms.items()},
            "accepting": rooms.pipeline.accepting and rooms.pipeline.unfinished < rooms.settings.max_unfinished_jobs,
            "limit": rooms.settings.max_unfinished_jobs,
            "turns": turns(rooms.machines, principal(request).allows),
            "jobs": [views.waiting(row, rooms.pipeline) for row in mine],
        }
    )
