from types import SimpleNamespace

from fastapi import FastAPI

from api import available_models
from api.policy import Principal, Role
from fleet.graphics import Gpu
from fleet.hardware import Figure, Hardware
from gateway.grants import Grant
from tests.unit.api.asgi import call
from tests.unit.gateway.lists import listed, named

GIB = 1 << 30
NAMES = named(
    listed("ollama/gemma3:1b", local=True, size=1 * GIB, resident=True, size_vram=900),
    listed("ollama/llama3:70b", local=True, size=40 * GIB, resident=False),
    listed("lmstudio/some", local=True),
    listed("openai/gpt-4o"),
)
CARD = Gpu("card", "nvidia", None, 24 * GIB, None, "nvml")


async def ask(grant=None):
    async def marked(scope, receive, send):
        scope["state"]["principal"] = Principal(Role.CLIENT, "k", grant)
        await app(scope, receive, send)

    app = FastAPI(openapi_url=None)
    app.include_router(available_models.router)
    app.state.house = SimpleNamespace(
        catalogue=SimpleNamespace(names=NAMES),
        compute=SimpleNamespace(mode="auto"),
        hardware=Hardware(Figure(4, "x"), Figure(64 * GIB, "x"), Figure(60 * GIB, "x"), (CARD,)),
        settings=SimpleNamespace(vram_limit_gb=26.0, ollama_url="http://localhost:11434", always_on_models=("gemma3:1b",)),
    )
    return (await call(marked, "GET", "/api/available_models")).json


async def test_the_models_of_this_machine_are_always_on_or_on_demand_and_fit_or_not():
    got = await ask()
    assert (got["budget_bytes"], got["budget_why"]) == (24 * GIB, "the memory of the graphics cards")
    gemma, llama, unmeasured = got["models"]
    assert (gemma["name"], gemma["category"], gemma["resident"], gemma["fits"]) == ("gemma3:1b", "always_on", True, True)
    assert (llama["category"], llama["resident"], llama["fits"], llama["needs_bytes"]) == ("on_demand", False, False, 48 * GIB)
    assert (unmeasured["provider"], unmeasured["fits"], unmeasured["needs_bytes"]) == ("lmstudio", None, None)


async def test_a_key_sees_the_models_it_may_use():
    assert [model["name"] for model in (await ask(Grant("k", providers=("lmstudio",))))["models"]] == ["some"]
