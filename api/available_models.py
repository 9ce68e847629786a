"""`/api/available_models`: the models on machines of ours, kept in memory or not, and whether they have room there."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from api.deps import answer, house, principal
from api.policy import CLIENTS, allow
from fleet.budget import Budget, budget, needed
from gateway.facts import Model

router = APIRouter(prefix="/api", tags=["models"])


class AvailableModel(TypedDict):
    """A model on a machine of ours. `fits`: it has room there when it is alone; `needs_bytes` is an estimate from its size."""

    name: str
    provider: str
    machine: str
    category: Literal["always_on", "on_demand"]
    resident: bool | None
    size: int | None
    size_vram: int | None
    needs_bytes: int | None
    fits: bool | None


class AvailableModels(TypedDict):
    """`budget_bytes` is what models may take together, `budget_why` where that comes from."""

    models: list[AvailableModel]
    budget_bytes: int | None
    budget_why: str


@router.get(
    "/available_models", summary="The models on machines of ours: kept in memory or not, and room", response_model=AvailableModels
)
@allow(*CLIENTS)
async def available(request: Request) -> Response:
    rooms = house(request)
    settings = rooms.settings
    room = budget(rooms.hardware, rooms.compute.mode, settings.vram_limit_gb, settings.ollama_url)
    always_on = set(settings.always_on_models)
    models = [
        _available(model, always_on, room) for model in rooms.catalogue.names.allowed(principal(request).allows) if model.local
    ]
    return answer({"models": models, "budget_bytes": room.bytes, "budget_why": room.why})


def _available(model: Model, always_on: set[str], room: Budget) -> AvailableModel:
    info = model.info
    return {
        "name": model.name,
        "provider": model.provider,
        "machine": "local",
        "category": "always_on" if model.name in always_on else "on_demand",
        "resident": info.resident,
        "size": info.size,
        "size_vram": info.size_vram,
        "needs_bytes": None if info.size is None else needed(info.size),
        "fits": room.fits(info.size),
    }
