from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from api import errors, local_models
from api.policy import Principal, Role
from core.errors import ProviderRefused, ProviderUnreachable
from fleet.budget import Budget
from fleet.compute import Resident
from fleet.downloads import Download
from fleet.machines.engine import Engine
from fleet.machines.record import Record
from gateway.catalogue import Listing
from providers.types import ModelInfo
from tests.unit.api.asgi import call

DOWN = ProviderUnreachable("Ollama cannot be reached.")


class Catalogue:
    def __init__(self, outcome):
        self._outcome = outcome

    async def listing(self, provider, api_key=None, *, fresh=False):
        assert provider == "ollama" and fresh
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Downloads:
    def __init__(self):
        self.started = []

    async def start(self, model):
        self.started.append(model)
        return Download(id="d1", model=model, created_at=0.0, updated_at=0.0)


def app_with(outcome):
    app, downloads = FastAPI(openapi_url=None), Downloads()
    app.include_router(local_models.router)
    errors.install(app)
    app.state.house = SimpleNamespace(catalogue=Catalogue(outcome), downloads=downloads)

    async def ask(body: bytes, query: str = ""):
        async def marked(scope, receive, send):
            scope["state"]["request_id"] = "r1"
            await app(scope, receive, send)

        return await call(marked, "POST", f"/models/download{query}", [], body)

    return ask, downloads


@pytest.mark.parametrize("outcome", [DOWN, Listing("ollama", (), "stale", 5.0, DOWN)])
@pytest.mark.parametrize("query", ["", "?stream=1"])
async def test_no_download_begins_while_ollama_is_down(outcome, query):
    ask, downloads = app_with(outcome)
    got = await ask(b'{"model": "gemma3:1b"}', query)
    assert (got.status, got.json["code"]) == (502, "provider_unreachable")
    assert (
        "nothing is downloaded" in got.json["detail"] and "ollama serve" in got.json["hint"] and "OLLAMA_URL" in got.json["hint"]
    )
    assert downloads.started == []


@pytest.mark.parametrize("outcome", [Listing("ollama", (), "live"), ProviderRefused("Ollama answered 400.")])
async def test_an_ollama_that_answers_is_asked_to_download(outcome):
    ask, downloads = app_with(outcome)
    got = await ask(b'{"model": "gemma3"}')
    assert got.status == 202 and downloads.started == ["gemma3:latest"]
    assert got.json["created_at"] == "1970-01-01T00:00:00.000Z" and got.headers["location"] == "/models/downloads/d1"


async def test_every_copy_of_a_model_tells_its_machine_its_category_and_how_it_is_in_memory():
    engines = [Engine(Record("local", "http://a", always_on=("gemma3",)), "local", None, lambda record, health: Budget(None, "")),
               Engine(Record("lab", "http://b", "vllm"), "settings", None, lambda record, health: Budget(None, ""))]  # fmt: skip
    engines[0].health.answered("1", [Resident("gemma3:latest", 10, 9)], 0.0)
    models = [ModelInfo("gemma3:latest", "ollama", size=7, machine="local"), ModelInfo("gemma3:latest", "ollama", machine="lab"),
              ModelInfo("gone", "ollama", machine="removed")]  # fmt: skip

    async def listing(provider):
        return Listing(provider, tuple(models), "live")

    app = FastAPI(openapi_url=None)
    app.include_router(local_models.router)
    clock = SimpleNamespace(now=lambda: 0.0)
    marks = {("small:1b", None), ("old:7b", "lab"), ("old:7b", "box")}
    app.state.house = SimpleNamespace(
        catalogue=SimpleNamespace(listing=listing), machines=engines, clock=clock, activity=SimpleNamespace(marks=marks)
    )

    async def asked_by(role):
        async def marked(scope, receive, send):
            scope["state"]["principal"] = Principal(role, "k")
            await app(scope, receive, send)

        return (await call(marked, "GET", "/models/list")).json

    assert (await asked_by(Role.CLIENT))["deactivated"] is None
    listed = await asked_by(Role.OPERATOR)
    assert [(one["model"], one["machine"]) for one in listed["deactivated"]] == [
        ("old:7b", "box"), ("old:7b", "lab"), ("small:1b", None)
    ]  # fmt: skip
    here, lab = listed["models"]
    told = [
        (one["machine"], one["machines"], one["category"], one["resident"], one["state"], one["size_vram"]) for one in (here, lab)
    ]
    both = ["local", "lab"]
    assert told == [("local", both, "always_on", True, "resident", 9), ("lab", both, "on_demand", None, None, None)]
    assert here["size"] == 7 and here["waiting"] == 0


async def test_a_bad_name_is_told_before_ollama_is_asked():
    ask, downloads = app_with(DOWN)
    got = await ask(b'{"model": "evil.example/a/b/c"}')
    assert (got.status, got.json["errors"][0]["field"]) == (422, "model") and downloads.started == []
