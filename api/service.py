"""`/`, `/health` and their relatives: open to all, they say nothing that a stranger should not know."""

import platform
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.deps import House, answer, house
from api.policy import EVERYONE

router = APIRouter(tags=["service"])

VERSION = "1.3.0"


@router.get("/", summary="What this is and where things are")
@router.head("/", include_in_schema=False)
@EVERYONE
async def root(request: Request) -> Response:
    if request.headers.get("user-agent", "").startswith("ollama"):
        return PlainTextResponse("Ollama is running")
    return answer(
        {
            "name": "Myelin",
            "version": VERSION,
            "description": "Documents in, verified JSON out, through any model.",
            "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health", "ready": "/readyz"},
            "routes": request.app.state.routes,
        }
    )


@router.get("/health", summary="Short health, without asking any provider")
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


@router.get("/livez", summary="The process answers")
@EVERYONE
async def livez() -> Response:
    return answer({"status": "ok"})


@router.get("/readyz", summary="Uploads are accepted and worked on")
@EVERYONE
async def readyz(request: Request) -> Response:
    parts = _parts(house(request))
    ready = all(parts.values())
    return answer(
        {"status": "ready" if ready else "not ready", "checks": parts},
        200 if ready else 503,
        None if ready else {"Retry-After": "2"},
    )


@router.get("/version", summary="Version of Myelin and of Python")
@EVERYONE
async def version() -> Response:
    return answer({"name": "Myelin", "version": VERSION, "python": platform.python_version()})


def _parts(rooms: House) -> dict[str, Any]:
    return {
        "database": rooms.database.healthy,
        "workers": rooms.pipeline.healthy,
        "background": rooms.loops.healthy,
        "accepting": rooms.pipeline.accepting,
        "sandbox": bool(rooms.sandbox.layers),
    }
