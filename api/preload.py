"""`POST /preload`: a model into memory before it is asked, in its turn."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from api.deps import answer, house, principal, read_json
from api.openapi import body
from api.policy import CLIENTS, allow

router = APIRouter(tags=["models"])


class PreloadWish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str


class Preloaded(TypedDict):
    """`machine` is where; null for a model that runs elsewhere and needs no loading. `eta_seconds` is 0 when it is ready."""

    model: str
    status: Literal["ready", "loading"]
    machine: str | None
    eta_seconds: float


@router.post(
    "/preload",
    summary="Load a local model before it is asked",
    response_model=Preloaded,
    responses={202: {"model": Preloaded, "description": "It waits for its turn, and will be in memory after `eta_seconds`."}},
    openapi_extra=body(PreloadWish),
)
@allow(*CLIENTS)
async def preload(request: Request) -> Response:
    """Others leave the memory for it if they must, none of those that are always on. Refused with the numbers when it can never
    fit (422), and with the wait when that would be too long (503)."""
    wanted = await read_json(request, PreloadWish)
    rooms = house(request)
    target = await rooms.gateway.resolve(wanted.model, principal(request).allows)
    place, seconds = None, 0.0
    if target.provider == rooms.fleet.provider:
        place, seconds = await rooms.fleet.preload(target.model)
    status = "loading" if seconds else "ready"
    told = {"model": target.model, "status": status, "machine": place, "eta_seconds": round(seconds, 1)}
    return answer(told, status=202 if seconds else 200)
