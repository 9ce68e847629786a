"""`/config/compute`: where models run, what was detected, how many workers there are and why."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from api.deps import House, answer, house, read_json
from api.openapi import PROBLEM
from api.policy import CLIENTS, Role, allow

router = APIRouter(prefix="/config", tags=["configuration"], responses=PROBLEM)


class ComputeChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    mode: Literal["cpu", "gpu", "auto"]


@router.get("/compute", summary="Compute mode, detected hardware, workers and why")
@allow(*CLIENTS)
async def show(request: Request) -> Response:
    return answer(_view(house(request)))


@router.post(
    "/compute",
    summary="Run local models on the CPU, the GPU, or let Ollama choose",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": ComputeChange.model_json_schema()}}}},
)
@allow(Role.OPERATOR)
async def change(request: Request) -> Response:
    rooms = house(request)
    wanted = await read_json(request, ComputeChange)
    switch = await rooms.compute.switch(wanted.mode)
    return answer(_view(rooms) | {"switch": switch.as_json()})


def _view(rooms: House) -> dict[str, Any]:
    last = rooms.compute.last
    stages = ("extraction", "model", "formatting")
    return {
        "mode": rooms.compute.mode,
        "switch": last.as_json() if last else None,
        "detected": rooms.hardware.as_json(),
        "workers": {
            stage: {"count": getattr(rooms.sizing, stage).count, "why": getattr(rooms.sizing, stage).why} for stage in stages
        },
        "sandbox": rooms.sandbox.layers,
    }
