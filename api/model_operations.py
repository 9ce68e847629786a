"""`/models/install|move|duplicate|delete|activate|deactivate`: models across machines, as operations with progress."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from api.deps import answer, house, read_json
from api.local_models import STREAM, Stream
from api.openapi import body
from api.policy import Role, allow
from api.shapes import ModelWork
from api.views import stamp
from fleet.operations.durable import ENDED
from fleet.operations.record import Kind, Operation, Same, State, Step, Way

router = APIRouter(prefix="/models", tags=["models"])

OperationId = Annotated[str, Path(description="The id of an operation, as it was given when it began.")]
Unfinished = Annotated[bool, Query(description="True or false (1 or 0): whether only those are given that have not ended.")]


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    model: Annotated[str, Field(min_length=1, max_length=500)]


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


class _OperationView(ModelWork):
    """`digest` is the model's at the source, `found` what the target has; `same` compares them: the same manifest, the same
    files below a manifest of its own, or another version."""

    kind: Kind
    machine: str | None
    to: str | None
    state: State
    step: Step | None
    way: Way | None
    digest: str | None
    found: str | None
    same: Same | None


OperationView = TypedDict("OperationView", {**_OperationView.__annotations__, "from": str | None})


class OperationList(TypedDict):
    data: list[OperationView]


_BEGUN: dict[str, Any] = {"status_code": 202, "response_model": OperationView}


@router.post("/install", summary="Install a model on a machine", openapi_extra=body(PlacedWish), **_BEGUN)
@allow(Role.OPERATOR)
async def install(request: Request, stream: Stream = False) -> Response:
    return await _begin(request, "install", PlacedWish, stream)


@router.post("/duplicate", summary="Give a machine the model that another one has", openapi_extra=body(PassWish), **_BEGUN)
@allow(Role.OPERATOR)
async def duplicate(request: Request, stream: Stream = False) -> Response:
    return await _begin(request, "duplicate", PassWish, stream)


@router.post(
    "/move",
    summary="Move a model to another machine; it is deleted here when it is verified there",
    openapi_extra=body(PassWish),
    **_BEGUN,
)
@allow(Role.OPERATOR)
async def move(request: Request, stream: Stream = False) -> Response:
    return await _begin(request, "move", PassWish, stream)


@router.post("/delete", summary="Delete a model from a machine", openapi_extra=body(PlacedWish), **_BEGUN)
@allow(Role.OPERATOR)
async def delete(request: Request, stream: Stream = False) -> Response:
    return await _begin(request, "delete", PlacedWish, stream)


@router.post("/activate", summary="Serve a model again that was deactivated", openapi_extra=body(SwitchWish), **_BEGUN)
@allow(Role.OPERATOR)
async def activate(request: Request, stream: Stream = False) -> Response:
    return await _begin(request, "activate", SwitchWish, stream)


@router.post(
    "/deactivate", summary="Keep a model on the disk, and neither list nor serve it", openapi_extra=body(SwitchWish), **_BEGUN
)
@allow(Role.OPERATOR)
async def deactivate(request: Request, stream: Stream = False) -> Response:
    return await _begin(request, "deactivate", SwitchWish, stream)


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


async def _begin(request: Request, kind: Kind, shape: type[_Wish], stream: bool) -> Response:
    wish = (await read_json(request, shape)).model_dump()
    for place in wish.keys() - {"model"} if shape is not SwitchWish else ():
        house(request).machines.check_files(wish[place])
    record = await house(request).operations.start(kind, **wish)
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
