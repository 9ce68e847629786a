"""`/api/available_models`: the models on machines of ours, kept in memory or not, and whether they have room there."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from api.deps import answer, house, principal
from api.local_models import category
from api.policy import CLIENTS, allow
from api.presence import NOWHERE, Presence, Presences, is_resident
from core.machines import LOCAL
from fleet.machines.engine import Engine
from providers.types import ModelInfo

router = APIRouter(prefix="/api", tags=["models"])


class AvailableModel(Presence):
    """A model on a machine of ours. `fits`: it is in memory, or has room there when it is alone with what other programs have
    now; `needs_bytes` is what it took, or an estimate; null when nobody knows."""

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
    """`budget_bytes` is what models may take together on the machine `local`, `budget_why` where that comes from; other programs
    have `taken_bytes` of it now."""

    models: list[AvailableModel]
    budget_bytes: int | None
    budget_why: str
    taken_bytes: int


@router.get(
    "/available_models", summary="The models on machines of ours: kept in memory or not, and room", response_model=AvailableModels
)
@allow(*CLIENTS)
async def available(request: Request) -> Response:
    rooms = house(request)
    engines = {engine.record.name: engine for engine in rooms.machines}
    usable = (model for model in rooms.catalogue.names.allowed(principal(request).allows) if model.local)
    presences = Presences(engines.values(), rooms.clock.now())
    models = [
        _available(info, engines[info.machine or LOCAL], presences)
        for model in usable
        for info in model.copies
        if (info.machine or LOCAL) in engines
    ]
    here = engines[LOCAL]
    budget = here.budget
    told = {"budget_bytes": budget.bytes, "budget_why": budget.why, "taken_bytes": here.taken}
    return answer({"models": models, **told})


def _available(info: ModelInfo, engine: Engine, presences: Presences) -> AvailableModel:
    presence = NOWHERE if info.machine is None else presences.of(info.machine, info.name)
    occupant = info.machine and presences.occupant(info.machine, info.name)
    needs, resident = engine.turns.needs(info.name), is_resident(presence)
    return {
        **presence,
        "name": info.name,
        "provider": info.provider,
        "machine": engine.record.name,
        "category": category(info, engine),
        "resident": resident,
        "size": info.size,
        "size_vram": occupant.size_vram if occupant else None,
        "needs_bytes": needs,
        "fits": resident or engine.fits(needs),
    }
