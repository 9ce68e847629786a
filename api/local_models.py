"""`/models/*`: what is installed, downloads with progress, and Gemini's live list."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from api.deps import answer, house, read_json
from api.fields import header_text
from api.openapi import PROBLEM
from api.policy import CLIENTS, Role, allow
from api.views import stamp
from core.errors import InvalidField
from fleet.downloads import Download

router = APIRouter(prefix="/models", tags=["models"], responses=PROBLEM)

DownloadId = Annotated[str, Path(description="As `POST /models/download` gave it.")]
_STREAM = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache"}


class DownloadWish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str
    machine: str | None = None


@router.get("/list", summary="Models installed in Ollama")
@allow(*CLIENTS)
async def installed(request: Request) -> Response:
    listing = await house(request).catalogue.listing("ollama")
    always_on = set(house(request).settings.always_on_models)
    models = [
        _model(model) | {"category": "always_on" if model["name"] in always_on else "on_demand"}
        for model in map(asdict, listing.models)
    ]
    return answer({"models": models, "source": listing.source})


@router.get("/gemini", summary="Gemini's models, live, with a marked fallback")
@allow(*CLIENTS)
async def gemini(request: Request) -> Response:
    sent = request.scope["headers"]
    key = next((header_text(value).strip() for name, value in sent if name == b"gemini-api-key"), "")
    key = key or house(request).settings.gemini_api_key.get_secret_value()
    listing = await house(request).catalogue.listing("gemini", key or None)
    content: dict[str, Any] = {"models": [asdict(model) for model in listing.models], "source": listing.source}
    return answer(content | ({"warning": listing.error.detail} if listing.error else {}))


@router.post(
    "/download",
    status_code=202,
    summary="Download a model into Ollama; `?stream=1` tells the progress line by line",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": DownloadWish.model_json_schema()}}}},
)
@allow(Role.OPERATOR)
async def download(request: Request, stream: bool = False) -> Response:
    wish = await read_json(request, DownloadWish)
    if wish.machine not in (None, "local"):
        raise InvalidField(f"There is no machine {wish.machine[:64]!r}.", field="machine", hint="Leave it out, or send local.")
    downloads = house(request).downloads
    record = await downloads.start(wish.model)
    if stream:
        lines = _lines(downloads.watch(record.id))
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=_STREAM)
    return answer(_download(record), 202, {"Location": f"/models/downloads/{record.id}"})


@router.get("/downloads", summary="Downloads, the newest first")
@allow(Role.OPERATOR)
async def all_downloads(request: Request) -> Response:
    return answer({"data": [_download(record) for record in house(request).downloads.list()]})


@router.get("/downloads/{download_id}", summary="One download")
@allow(Role.OPERATOR)
async def one_download(request: Request, download_id: DownloadId) -> Response:
    return answer(_download(house(request).downloads.get(download_id)))


@router.delete("/downloads/{download_id}", summary="Cancel a download")
@allow(Role.OPERATOR)
async def cancel_download(request: Request, download_id: DownloadId) -> Response:
    return answer(_download(await house(request).downloads.cancel(download_id)))


async def _lines(records: AsyncIterator[Download]) -> AsyncIterator[bytes]:
    async for record in records:
        yield orjson.dumps(_download(record)) + b"\n"


def _download(record: Download) -> dict[str, Any]:
    shown = record.as_json()
    return shown | {name: stamp(shown[name]) for name in ("created_at", "updated_at", "finished_at")}


def _model(model: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name != "provider"} | {"machine": "local"}
