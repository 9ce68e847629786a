from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from api import available_models
from api.policy import Principal, Role
from fleet.compute import Resident
from fleet.graphics import Gpu
from fleet.hardware import Figure, Hardware
from fleet.machines.engine import Engine
from fleet.machines.opening import factories
from fleet.machines.record import Record
from fleet.telemetry import Cards
from gateway.grants import Grant
from providers.ollama import Ollama
from providers.registry import Configured
from tests.unit.api.asgi import call
from tests.unit.gateway.lists import listed, named

GIB = 1 << 30
NAMES = named(
    listed("ollama/gemma3:1b", local=True, size=1 * GIB, machines=("local",)),
    listed("ollama/llama3:70b", local=True, size=40 * GIB, machines=("local", "box")),
    listed("lmstudio/some", local=True),
    listed("openai/gpt-4o"),
)
RECORDS = (
    Record("local", "http://localhost:11434", always_on=("gemma3:1b",)),
    Record("box", "http://10.0.0.5:11434", budget_bytes=64 * GIB),
)
GEMMA = Resident("gemma3:1b", 1000, 900)
CARD = Gpu("card", "nvidia", None, 24 * GIB, None, "nvml")
HARDWARE = Hardware(Figure(4, "x"), Figure(64 * GIB, "x"), Figure(60 * GIB, "x"), (CARD,))
OLLAMA = Configured(Ollama, {"base_url": "http://localhost:11434"}, has_key=False)
MAKE = factories(OLLAMA, None, lambda: HARDWARE, mode=lambda: "auto", vram_limit=26.0)


def _engine(record):
    made = Engine(record, "api", None, MAKE.budget)
    made.turns.needs = {"gemma3:1b": 2 * GIB, "llama3:70b": 48 * GIB}.get
    return made


async def ask(grant=None, others=0, residents=(GEMMA,)):
    engines = [_engine(record) for record in RECORDS]
    engines[0].cards = Cards(24 * GIB, others, others)
    engines[0].health.answered("0.33.3", residents, 0.0)

    async def marked(scope, receive, send):
        scope["state"]["principal"] = Principal(Role.CLIENT, "k", grant)
        await app(scope, receive, send)

    app = FastAPI(openapi_url=None)
    app.include_router(available_models.router)
    app.state.house = SimpleNamespace(
        catalogue=SimpleNamespace(names=NAMES),
        machines=engines,
        clock=SimpleNamespace(now=lambda: 0.0),
    )
    return (await call(marked, "GET", "/api/available_models")).json


async def test_the_models_of_this_machine_are_always_on_or_on_demand_and_fit_or_not():
    got = await ask()
    assert (got["budget_bytes"], got["budget_why"]) == (24 * GIB, "the memory of the graphics cards")
    gemma, llama, elsewhere, unmeasured = got["models"]
    assert (gemma["state"], gemma["size_vram"], gemma["waiting"], gemma["eta_seconds"]) == ("resident", 900, 0, 0.0)
    assert (llama["state"], llama["since"], elsewhere["state"]) == ("absent", None, None)
    assert (gemma["name"], gemma["category"], gemma["resident"], gemma["fits"]) == ("gemma3:1b", "always_on", True, True)
    assert (llama["category"], llama["resident"], llama["fits"], llama["needs_bytes"]) == ("on_demand", False, False, 48 * GIB)
    assert (elsewhere["name"], elsewhere["machine"], elsewhere["fits"]) == ("llama3:70b", "box", True)
    assert (unmeasured["provider"], unmeasured["fits"], unmeasured["needs_bytes"]) == ("lmstudio", None, None)


async def test_a_key_sees_the_models_it_may_use():
    assert [model["name"] for model in (await ask(Grant("k", providers=("lmstudio",))))["models"]] == ["some"]


@pytest.mark.parametrize(
    ("others", "residents", "fits"), [(22 * GIB, (), True), (23 * GIB, (), False), (23 * GIB, (GEMMA,), True)]
)
async def test_a_model_fits_beside_what_other_programs_have_of_the_cards_or_is_there(others, residents, fits):
    got = await ask(others=others, residents=residents)
    gemma, llama, elsewhere, _ = got["models"]
    assert (got["taken_bytes"], gemma["fits"], llama["fits"], elsewhere["fits"]) == (others, fits, False, True)
