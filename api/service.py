"""`/`, `/health` and their relatives: open to all, they say nothing that a stranger should not know."""

import platform
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from typing_extensions import TypedDict

from api.deps import House, answer, house
from api.policy import EVERYONE

router = APIRouter(tags=["service"])

VERSION = "1.3.0"


class Root(TypedDict):
    name: str
    version: str
    description: str
    links: dict[str, str]
    routes: list[str]


class Parts(TypedDict):
    database: bool
    workers: bool
    background: bool
    accepting: bool
    sandbox: bool


class Backlog(TypedDict):
    extraction: int
    model: int
    formatting: int


class Health(TypedDict):
    """`queues` are the waiting jobs; `sandbox` are the layers that confine the readers."""

    status: Literal["ok", "degraded"]
    version: str
    checks: Parts
    queues: Backlog
    sandbox: dict[str, bool | str]


class Alive(TypedDict):
    status: Literal["ok"]


class Ready(TypedDict):
    status: Literal["ready", "not ready"]
    checks: Parts


class Version(TypedDict):
    name: str
    version: str
    python: str


@router.get("/", summary="What this is and where things are; a browser is led to /docs", response_model=Root)
@router.head("/", include_in_schema=False)
@EVERYONE
async def root(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/docs", headers={"Vary": "Accept"})
    if request.headers.get("user-agent", "").startswith("ollama"):
        return PlainTextResponse("Ollama is running")
    return answer(
        {
            "name": "Myelin",
            "version": VERSION,
            "description": "Documents in, verified JSON out, through any model.",
            "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health", "ready": "/readyz"},
            "routes": request.app.state.routes,
        },
        headers={"Vary": "Accept"},
    )


@router.get("/health", summary="Short health, without asking any provider", response_model=Health)
@EVERYONE
async def health(request: Request) -> Response:
    rooms = house(request)
    parts = _parts(rooms)
    return answer(
        {
            "status": "ok" if all(parts.values()) else "degraded",
            "version": VERSION,
            "checks": parts,
            "queues": {stage.value: len(room.line) for stage, room in rooms.pipeline.rooms.items()},
            "sandbox": rooms.sandbox.layers,
        }
    )


@router.get("/livez", summary="The process answers", response_model=Alive)
@EVERYONE
async def livez() -> Response:
    return answer({"status": "ok"})


@router.get("/readyz", summary="Uploads are accepted and worked on", response_model=Ready, responses={503: {"model": Ready}})
@EVERYONE
async def readyz(request: Request) -> Response:
    parts = _parts(house(request))
    ready = all(parts.values())
    return answer(
        {"status": "ready" if ready else "not ready", "checks": parts},
        200 if ready else 503,
        None if ready else {"Retry-After": "2"},
    )


@router.get("/version", summary="Version of Myelin and of Python", response_model=Version)
@EVERYONE
async def version() -> Response:
    return answer({"name": "Myelin", "version": VERSION, "python": platform.python_version()})


def _parts(rooms: House) -> Parts:
    return {
        "database": rooms.database.healthy,
        "workers": rooms.pipeline.healthy,
        "background": rooms.loops.healthy,
        "accepting": rooms.pipeline.accepting,
        "sandbox": bool(rooms.sandbox.layers),
    }
