"""`/config/compute`: where models run, what was detected, how many workers there are and why."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from api.deps import House, answer, house, read_json
from api.openapi import body
from api.policy import CLIENTS, Role, allow
from api.shapes import Time
from api.views import stamp
from fleet.compute import Mode, State, Switch
from fleet.graphics import Gpu
from fleet.hardware import Figure

router = APIRouter(prefix="/config", tags=["configuration"])


class ComputeChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    mode: Literal["cpu", "gpu", "auto"]


class StepView(TypedDict):
    at: Time
    step: str
    detail: str


class SwitchView(TypedDict):
    """A change of mode. `deferred`: stored, it holds from the next question on, for Ollama did not answer."""

    id: str
    mode: Mode
    state: State
    message: str
    started_at: Time
    finished_at: Time | None
    steps: list[StepView]


class Detected(TypedDict):
    """Memory in bytes."""

    cores: Figure
    ram_total: Figure
    ram_available: Figure
    vram_total: int | None
    gpus: list[Gpu]
    notes: list[str]


class Staffed(TypedDict):
    count: int
    why: str


class Staff(TypedDict):
    extraction: Staffed
    model: Staffed
    formatting: Staffed


class ComputeView(TypedDict):
    """`switch` is the last change of mode since the start; `sandbox` are the layers that confine the readers."""

    mode: Mode
    switch: SwitchView | None
    detected: Detected
    workers: Staff
    sandbox: dict[str, bool | str]


@router.get("/compute", summary="Compute mode, detected hardware, workers and why", response_model=ComputeView)
@allow(*CLIENTS)
async def show(request: Request) -> Response:
    return answer(_view(house(request)))


@router.post(
    "/compute",
    summary="Run local models on the CPU, the GPU, or let Ollama choose",
    response_model=ComputeView,
    openapi_extra=body(ComputeChange),
)
@allow(Role.OPERATOR)
async def change(request: Request) -> Response:
    """Stops admission, drains, unloads, confirms, loads the always-on models again and checks; 409 while one runs."""
    rooms = house(request)
    wanted = await read_json(request, ComputeChange)
    switch = await rooms.compute.switch(wanted.mode)
    return answer(_view(rooms) | {"switch": _switch(switch)})


def _view(rooms: House) -> ComputeView:
    last, sizing = rooms.compute.last, rooms.sizing
    staff = {"extraction": sizing.extraction, "model": sizing.model, "formatting": sizing.formatting}
    return {
        "mode": rooms.compute.mode,
        "switch": last and _switch(last),
        "detected": rooms.telemetry.hardware.as_json(),
        "workers": {stage: {"count": workers.count, "why": workers.why} for stage, workers in staff.items()},
        "sandbox": rooms.sandbox.layers,
    }


def _switch(switch: Switch) -> SwitchView:
    shown = switch.as_json()
    steps = [step | {"at": stamp(step["at"])} for step in shown["steps"]]
    return shown | {"steps": steps} | {name: stamp(shown[name]) for name in ("started_at", "finished_at")}
