"""`/docs` and `/openapi.json`, with everything served from here: the page works without the internet."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.deps import answer
from api.openapi import completed
from api.policy import EVERYONE
from core.errors import NotFound

router = APIRouter(include_in_schema=False)

_VENDOR = next((Path(__file__).parent / "web" / "static" / "vendor").glob("swagger-ui-*"))
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_FILES = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in _VENDOR.iterdir() if path.suffix in _TYPES}
_SCRIPT = """window.onload = () =>
  SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: true, validatorUrl: null});
"""
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Myelin – API</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/static/swagger-ui-bundle.js"></script><script src="/static/docs.js"></script></body>
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
@EVERYONE
async def docs() -> Response:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/openapi.json")
@EVERYONE
async def openapi(request: Request) -> Response:
    return answer(completed(request.app.openapi(), request.app.state.opened))


@router.get("/static/{name}")
@EVERYONE
async def static(name: str) -> Response:
    if name == "docs.js":
        return Response(_SCRIPT, media_type="text/javascript")
    if name not in _FILES:
        raise NotFound("There is no such file.", hint="/docs is the page that these files belong to.")
    content, kind = _FILES[name]
    return Response(content, media_type=kind, headers={"Cache-Control": "public, max-age=86400"})
