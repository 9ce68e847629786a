from pathlib import Path

from fastapi import FastAPI

from api import docs
from tests.unit.api.asgi import call


async def test_static_files_are_read_once(monkeypatch):
    app = FastAPI(openapi_url=None)
    app.include_router(docs.router)

    def never(_path):
        raise AssertionError("a call read the disk")

    monkeypatch.setattr(Path, "read_bytes", never)
    got = await call(app, "GET", "/static/swagger-ui.css")
    assert got.status == 200 and len(got.body) > 10_000 and got.headers["content-type"].startswith("text/css")
