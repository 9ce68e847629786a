"""`/machines`: the machines that models run on, how they are, and what is going on there."""

from dataclasses import asdict, fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt
from typing_extensions import TypedDict

from api.agents import revoked
from api.deps import answer, house, read_json
from api.openapi import body
from api.policy import Role, allow
from api.presence import Presences, queue_view
from api.shapes import Time, TurnsOfModel
from api.views import stamp
from core.machines import OLLAMA
from fleet.machines.engine import Engine
from fleet.machines.record import Device, Origin, Record
from fleet.machines.standing import Occupant
from fleet.memory.formula import KvType
from fleet.memory.prediction import Habits
from fleet.telemetry import Cards

router = APIRouter(prefix="/machines", tags=["machines"])

Name = Annotated[str, Path(max_length=64, description="The name of a machine, as `GET /machines` shows it.")]

#: Null is not the same as leaving them out.
_TAKEN_BACK = frozenset({"budget_bytes", *(one.name for one in fields(Habits))})


class MachineChange(BaseModel):
    """What is left out stays as it is. The last four are how the server there was started; null for as the settings say."""

    model_config = ConfigDict(extra="forbid")
    url: str | None = None
    device: Device | None = None
    budget_bytes: StrictInt | None = None
    labels: list[str] | None = None
    enabled: StrictBool | None = None
    always_on: list[str] | None = None
    key: str | None = None
    num_parallel: StrictInt | None = None
    max_loaded_models: StrictInt | None = None
    kv_cache_type: KvType | None = None
    flash_attention: StrictBool | None = None


class MachineWish(MachineChange):
    """`kind` is what serves the models there and `url` where that listens; `key` is what it wants, kept sealed and never shown;
    `budget_bytes` is what models may take there together."""

    name: str
    url: str
    kind: str = OLLAMA


class Budget(TypedDict):
    bytes: int | None
    why: str


class MachineHealth(TypedDict):
    """`unknown`: not asked yet, or slow to answer; `down` after three failed probes. `error` is what the last probe met."""

    state: Literal["up", "unknown", "down"]
    failures: int
    suspected: bool
    version: str | None
    error: str | None
    checked_at: Time | None


class CardsView(TypedDict):
    """Bytes of the graphics cards: `models` is what those of this machine hold, `others` what other programs do."""

    total: int
    models: int
    others: int
    free: int


class StartedWith(TypedDict):
    """How the server of the models was started: its record says what is in `said`, the settings or its kind the rest. Null: it
    has no such limit."""

    num_parallel: int
    max_loaded_models: int | None
    kv_cache_type: KvType
    flash_attention: bool
    said: list[str]


class ResidentModel(TypedDict):
    """Bytes, null where the machine does not tell. `since` it is so; one that is loading will be there in `eta_seconds`."""

    name: str
    state: Literal["resident", "loading", "leaving"]
    size: int | None
    size_vram: int | None
    always_on: bool
    since: Time | None
    eta_seconds: float | None


class MachineView(TypedDict):
    """`origin` local: OLLAMA_URL; settings: MACHINES; api: added here. `state` draining: it goes when its work has ended.

    `kind` is what serves its models; `has_key` tells of a key for that; `fixed` says why its models cannot be loaded or unloaded
    from here, null when they can. `cards` are those beside Myelin, null for a machine elsewhere and where no card tells its use.

    `phase` is what its memory is at, `installed` how many models it lists (null: unknown), `in_flight` what it works on.
    """

    name: str
    url: str
    kind: str
    has_key: bool
    origin: Origin
    device: Device
    labels: list[str]
    always_on: list[str]
    enabled: bool
    state: Literal["up", "unknown", "down", "disabled", "draining"]
    health: MachineHealth
    budget: Budget
    cards: CardsView | None
    started_with: StartedWith
    residents: list[ResidentModel]
    fixed: str | None
    phase: str
    queue: list[TurnsOfModel]
    in_flight: int
    installed: int | None


class MachineList(TypedDict):
    data: list[MachineView]


class RemovedMachine(TypedDict):
    name: str
    removed: bool


@router.get("", summary="The machines that models run on, with health, memory and queues", response_model=MachineList)
@allow(Role.OPERATOR)
async def all_machines(request: Request) -> Response:
    rooms = house(request)
    return answer({"data": [view(engine, rooms.clock.now()) for engine in rooms.machines]})


@router.post("", status_code=201, summary="Add a machine", response_model=MachineView, openapi_extra=body(MachineWish))
@allow(Role.OPERATOR)
async def add(request: Request) -> Response:
    wish = await read_json(request, MachineWish)
    rooms = house(request)
    engine = await rooms.machines.add(Record(**_said(wish)))
    return answer(view(engine, rooms.clock.now()), 201, {"Location": f"/machines/{engine.record.name}"})


@router.get("/{name}", summary="One machine", response_model=MachineView)
@allow(Role.OPERATOR)
async def one_machine(request: Request, name: Name) -> Response:
    rooms = house(request)
    return answer(view(rooms.machines.get(name), rooms.clock.now()))


@router.patch("/{name}", summary="Change a machine, or switch it off and on", response_model=MachineView,
              openapi_extra=body(MachineChange))  # fmt: skip
@allow(Role.OPERATOR)
async def change(request: Request, name: Name) -> Response:
    """At another address it is another machine: what runs at the old one ends there. A machine that drains is kept."""
    change = await read_json(request, MachineChange)
    rooms = house(request)
    return answer(view(await rooms.machines.change(name, _said(change)), rooms.clock.now()))


@router.delete(
    "/{name}",
    summary="Remove a machine; one with work in flight is drained first",
    response_model=RemovedMachine,
    responses={202: {"model": MachineView, "description": "It drains, and goes when its work has ended."}},
)
@allow(Role.OPERATOR)
async def remove(request: Request, name: Name) -> Response:
    rooms = house(request)
    draining = await rooms.machines.remove(name)
    await revoked(house(request), name)  # or the agent of this one would be trusted beside another one of its name
    return answer({"name": name, "removed": True}) if draining is None else answer(view(draining, rooms.clock.now()), 202)


def _said(wish: BaseModel) -> dict[str, Any]:
    """What the body has: null takes a budget, a key or a way to start back, and is nothing elsewhere."""
    said = wish.model_dump(exclude_unset=True)
    if "key" in said:
        said["key"] = said["key"] or ""
    kept = {name: value for name, value in said.items() if value is not None or name in _TAKEN_BACK}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}


def view(engine: Engine, now: float) -> MachineView:
    record, health, budget = engine.record, engine.health, engine.budget
    presences = Presences([engine], now)
    standing = presences.standing(record.name)
    return {
        "name": record.name,
        "url": record.url,
        "kind": record.kind,
        "has_key": bool(record.key),
        "origin": engine.origin,
        "device": record.device,
        "labels": list(record.labels),
        "always_on": list(record.always_on),
        "enabled": record.enabled,
        "state": engine.state,
        "health": {
            "state": health.state,
            "failures": health.failures,
            "suspected": health.suspected,
            "version": health.version,
            "error": health.error,
            "checked_at": stamp(health.checked_at),
        },
        "budget": {"bytes": budget.bytes, "why": budget.why},
        "cards": engine.cards and _cards(engine.cards),
        "started_with": _started(engine),
        "residents": [_resident(one, presences) for one in standing.occupants or ()],
        "fixed": engine.fixed or None,
        "phase": standing.phase,
        "queue": [queue_view(queue) for queue in standing.queues],
        "in_flight": engine.inside,
        "installed": None if engine.listed is None else len(engine.listed),
    }


def _started(engine: Engine) -> StartedWith:
    habits = asdict(engine.habits)
    return {**habits, "said": [name for name in habits if getattr(engine.record, name) is not None]}


def _cards(cards: Cards) -> CardsView:
    models = max(0, cards.used - cards.others)
    return {"total": cards.total, "models": models, "others": cards.others, "free": cards.total - models - cards.others}


def _resident(one: Occupant, presences: Presences) -> ResidentModel:
    kept = ("state", "size", "size_vram", "always_on")
    eta = None if one.eta_seconds is None else round(one.eta_seconds, 1)
    return {"name": one.model, **{name: getattr(one, name) for name in kept}, "since": presences.since(one), "eta_seconds": eta}
