"""`/models/install|move|duplicate|delete|activate|deactivate`: models across machines, as operations with progress."""

from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from api.deps import answer, house, read_json
from api.local_models import STREAM, Stream
from api.openapi import body
from api.policy import Role, allow
from api.shapes import JobError, Time
from api.views import stamp
from fleet.operations.durable import ENDED
from fleet.operations.record import Kind, Operation, Same, State, Step, Way

router = APIRouter(prefix="/models", tags=["models"])

OperationId = Annotated[str, Path(description="The id of an operation, as it was given when it began.")]
Unfinished = Annotated[bool, Query(description="True or false (1 or 0): whether only those are given that have not ended.")]


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    model: str


class PlacedWish(_Wish):
    """`machine` as `GET /machines` names it."""

    machine: str


class SwitchWish(_Wish):
    """Without `machine` on all of them."""

    machine: str | None = None


class PassWish(_Wish):
    """From one machine to another."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")


class _OperationView(TypedDict):
    """Bytes, bytes a second, seconds. `digest` is the model's at the source, `found` what the target has; `same` compares them:
    the same manifest, the same files below a manifest of its own, or another version."""

    id: str
    kind: Kind
    model: str
    machine: str | None
    to: str | None
    state: State
    step: Step | None
    way: Way | None
    digest: str | None
    found: str | None
    same: Same | None
    detail: str
    completed: int
    total: int | None
    speed: float | None
    eta_seconds: float | None
    attempts: int
    error: JobError | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None


OperationView = TypedDict("OperationView", {**_OperationView.__annotations__, "from": str | None})


class OperationList(TypedDict):
    data: list[OperationView]


@router.post(
    "/install",
    status_code=202,
    summary="Install a model on a machine",
    response_model=OperationView,
    openapi_extra=body(PlacedWish),
)
@allow(Role.OPERATOR)
async def install(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, PlacedWish)
    return await _begin(request, "install", wish.model, stream, machine=wish.machine)


@router.post(
    "/duplicate",
    status_code=202,
    summary="Give a machine the model that another one has",
    response_model=OperationView,
    openapi_extra=body(PassWish),
)
@allow(Role.OPERATOR)
async def duplicate(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, PassWish)
    return await _begin(request, "duplicate", wish.model, stream, source=wish.source, target=wish.target)


@router.post(
    "/move",
    status_code=202,
    summary="Move a model to another machine; it is deleted here when it is verified there",
    response_model=OperationView,
    openapi_extra=body(PassWish),
)
@allow(Role.OPERATOR)
async def move(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, PassWish)
    return await _begin(request, "move", wish.model, stream, source=wish.source, target=wish.target)


@router.post(
    "/delete",
    status_code=202,
    summary="Delete a model from a machine",
    response_model=OperationView,
    openapi_extra=body(PlacedWish),
)
@allow(Role.OPERATOR)
async def delete(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, PlacedWish)
    return await _begin(request, "delete", wish.model, stream, machine=wish.machine)


@router.post(
    "/activate",
    status_code=202,
    summary="Serve a model again that was deactivated",
    response_model=OperationView,
    openapi_extra=body(SwitchWish),
)
@allow(Role.OPERATOR)
async def activate(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, SwitchWish)
    return await _begin(request, "activate", wish.model, stream, machine=wish.machine)


@router.post(
    "/deactivate",
    status_code=202,
    summary="Keep a model on the disk, and neither list nor serve it",
    response_model=OperationView,
    openapi_extra=body(SwitchWish),
)
@allow(Role.OPERATOR)
async def deactivate(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, SwitchWish)
    return await _begin(request, "deactivate", wish.model, stream, machine=wish.machine)


@router.get("/operations", summary="Operations on models, the newest first", response_model=OperationList)
@allow(Role.OPERATOR)
async def all_operations(request: Request, unfinished: Unfinished = False) -> Response:
    records = house(request).operations.list()
    return answer({"data": [_view(record) for record in records if not (unfinished and record.state in ENDED)]})


@router.get("/operations/{operation_id}", summary="One operation; `?stream=1` follows it", response_model=OperationView)
@allow(Role.OPERATOR)
async def one_operation(request: Request, operation_id: OperationId, stream: Stream = False) -> Response:
    record = house(request).operations.get(operation_id)
    return _streamed(request, record) if stream else answer(_view(record))


@router.delete("/operations/{operation_id}", summary="Cancel an operation", response_model=OperationView)
@allow(Role.OPERATOR)
async def cancel_operation(request: Request, operation_id: OperationId) -> Response:
    return answer(_view(await house(request).operations.cancel(operation_id)))


async def _begin(request: Request, kind: Kind, model: str, stream: bool, **where: str | None) -> Response:
    for name in where.values():
        house(request).machines.check_files(name)
    record = await house(request).operations.start(kind, model, **where)
    if stream:
        return _streamed(request, record)
    return answer(_view(record), 200 if record.state in ENDED else 202, {"Location": f"/models/operations/{record.id}"})


def _streamed(request: Request, record: Operation) -> Response:
    lines = _lines(house(request).operations.watch(record.id))
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=STREAM)


async def _lines(records: AsyncIterator[Operation]) -> AsyncIterator[bytes]:
    async for record in records:
        yield orjson.dumps(_view(record)) + b"\n"


def _view(record: Operation) -> dict[str, object]:
    shown = record.as_json()
    names = {"from": "source", "to": "target"}
    times = {name: stamp(shown[name]) for name in ("created_at", "updated_at", "finished_at")}
    return {name: shown[names.get(name, name)] for name in OperationView.__annotations__} | times
