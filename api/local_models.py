"""`/models/*`: what is installed, downloads with progress, and Gemini's live list."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from api.deps import answer, house, principal, read_json
from api.fields import read_gemini_key
from api.openapi import body
from api.policy import CLIENTS, Role, allow
from api.presence import Presence, Presences, is_resident
from api.shapes import ModelWork
from api.views import stamp
from core.errors import InvalidField, ProviderError, ProviderUnreachable
from core.machines import LOCAL
from fleet.downloads import Download, State
from fleet.machines.engine import Engine
from fleet.names import read_model_name
from gateway.catalogue import Catalogue, Source
from providers.types import ModelInfo

router = APIRouter(prefix="/models", tags=["models"])

DownloadId = Annotated[str, Path(description="The id of a download, as `POST /models/download` gave it.")]
Stream = Annotated[bool, Query(description="True or false (1 or 0): whether the progress is told line by line, as NDJSON.")]
STREAM = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache"}


class DownloadWish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str
    machine: str | None = None


class _ModelView(TypedDict):
    """Sizes in bytes, context and output limit in tokens; null is unknown."""

    name: str
    size: int | None
    digest: str | None
    family: str | None
    parameters: str | None
    quantization: str | None
    context: int | None
    output_limit: int | None
    capabilities: list[str]
    description: str | None
    modified_at: str | None
    resident: bool | None
    size_vram: int | None


class InstalledModel(_ModelView, Presence):
    """`category`: whether it is kept in memory on its machine; `machines` are all that have it."""

    machine: str
    machines: list[str]
    category: Literal["always_on", "on_demand"]


class Deactivated(TypedDict):
    """`machine` null: on all of them."""

    model: str
    machine: str | None


class InstalledModels(TypedDict):
    """`deactivated` is what is on the disk and not served, for the operator's eyes; null for others."""

    models: list[InstalledModel]
    deactivated: list[Deactivated] | None
    source: Source


class GeminiModel(_ModelView):
    provider: Literal["gemini"]


class _GeminiModels(TypedDict):
    models: list[GeminiModel]
    source: Source


class GeminiModels(_GeminiModels, total=False):
    """`source` stale: what Gemini said before; fallback: names known by heart. `warning` says why it is not live."""

    warning: str


class DownloadView(ModelWork):
    state: State


class DownloadList(TypedDict):
    data: list[DownloadView]


@router.get("/list", summary="Models installed on the machines, and how they are in memory", response_model=InstalledModels)
@allow(*CLIENTS)
async def installed(request: Request) -> Response:
    rooms = house(request)
    listing = await rooms.catalogue.listing("ollama")
    engines = {engine.record.name: engine for engine in rooms.machines}
    presences = Presences(engines.values(), rooms.clock.now())
    listed = [model for model in listing.models if model.machine in engines]
    holders: dict[str, list[str]] = {}
    for model in listed:
        holders.setdefault(model.name, []).append(model.machine)
    models = [_installed(model, engines[model.machine], presences, holders[model.name]) for model in listed]
    marks = sorted(rooms.activity.marks, key=lambda mark: (mark[0], mark[1] or ""))
    deactivated = [{"model": model, "machine": machine} for model, machine in marks]
    is_operator = principal(request).role is Role.OPERATOR
    return answer({"models": models, "deactivated": deactivated if is_operator else None, "source": listing.source})


def _installed(model: ModelInfo, engine: Engine, presences: Presences, holders: list[str]) -> InstalledModel:
    presence = presences.of(engine.record.name, model.name)
    occupant = presences.occupant(engine.record.name, model.name)
    return {
        **_model(model),
        **presence,
        "resident": is_resident(presence),
        "size_vram": occupant.size_vram if occupant else None,
        "machine": engine.record.name,
        "machines": holders,
        "category": category(model, engine),
    }


def category(model: ModelInfo, engine: Engine) -> Literal["always_on", "on_demand"]:
    """Whether it is kept in memory on this machine."""
    return "always_on" if engine.keeps(model.name) else "on_demand"


@router.get("/gemini", summary="Gemini's models, live, with a marked fallback", response_model=GeminiModels)
@allow(*CLIENTS)
async def gemini(request: Request) -> Response:
    key = read_gemini_key(request.scope["headers"]) or house(request).settings.gemini_api_key.get_secret_value()
    listing = await house(request).gateway.models("gemini", key or None)
    content: dict[str, Any] = {
        "models": [_model(model) | {"provider": "gemini"} for model in listing.models],
        "source": listing.source,
    }
    return answer(content | ({"warning": listing.error.detail} if listing.error else {}))


@router.post(
    "/download",
    status_code=202,
    summary="Download a model into Ollama; `?stream=1` tells the progress line by line",
    response_model=DownloadView,
    openapi_extra=body(DownloadWish),
)
@allow(Role.OPERATOR)
async def download(request: Request, stream: Stream = False) -> Response:
    wish = await read_json(request, DownloadWish)
    if wish.machine not in (None, LOCAL):
        house(request).machines.get(wish.machine)
        hint = "POST /models/install installs it there."
        raise InvalidField(f"Downloads go to the machine {LOCAL}.", field="machine", hint=hint)
    model, downloads = read_model_name(wish.model), house(request).downloads
    await _reach_ollama(house(request).catalogue)
    record = await downloads.start(model)
    if stream:
        lines = _lines(downloads.watch(record.id))
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=STREAM)
    return answer(_download(record), 202, {"Location": f"/models/downloads/{record.id}"})


@router.get("/downloads", summary="Downloads, the newest first", response_model=DownloadList)
@allow(Role.OPERATOR)
async def all_downloads(request: Request) -> Response:
    return answer({"data": [_download(record) for record in house(request).downloads.list()]})


@router.get("/downloads/{download_id}", summary="One download", response_model=DownloadView)
@allow(Role.OPERATOR)
async def one_download(request: Request, download_id: DownloadId) -> Response:
    return answer(_download(house(request).downloads.get(download_id)))


@router.delete("/downloads/{download_id}", summary="Cancel a download", response_model=DownloadView)
@allow(Role.OPERATOR)
async def cancel_download(request: Request, download_id: DownloadId) -> Response:
    return answer(_download(await house(request).downloads.cancel(download_id)))


async def _reach_ollama(catalogue: Catalogue) -> None:
    """A download that begins without Ollama would fail minutes later, out of sight. Raises ProviderUnreachable."""
    try:
        error = (await catalogue.listing("ollama", fresh=True)).error
    except ProviderError as failure:
        error = failure
    if isinstance(error, ProviderUnreachable):
        hint = "Start it (`ollama serve`) or set OLLAMA_URL in .env to where it listens, then ask again."
        raise ProviderUnreachable("Ollama cannot be reached: nothing is downloaded.", hint=hint)


async def _lines(records: AsyncIterator[Download]) -> AsyncIterator[bytes]:
    async for record in records:
        yield orjson.dumps(_download(record)) + b"\n"


def _download(record: Download) -> DownloadView:
    shown = record.as_json()
    return shown | {name: stamp(shown[name]) for name in ("created_at", "updated_at", "finished_at")}


def _model(model: ModelInfo) -> dict[str, Any]:
    return {name: getattr(model, name) for name in _ModelView.__annotations__}
