"""The routes of the catalogue, over a catalogue that is written down."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from api import errors, models
from api.policy import Principal, Role
from core.errors import ProviderUnreachable
from gateway.catalogue import Followed
from gateway.grants import Grant
from tests.unit.api.asgi import call
from tests.unit.gateway.lists import NOTHING_KNOWN, listed, named

GIB = 1 << 30
NAMES = named(
    listed("ollama/gemma3:1b", local=True, size=1 * GIB, resident=True, size_vram=900),
    listed("ollama/llama3:70b", local=True, size=40 * GIB, resident=False),
    listed("openai/gpt-4o", price=10.0, context=128_000, description="Sees."),
    listed("openai/rumour", supports=NOTHING_KNOWN),
    aliases={"gpt-4": "openai/gpt-4o"},
)
STATES = [
    Followed("ollama", "Ollama", "live", 1.234, None),
    Followed("openai", "OpenAI", "stale", 400.0, ProviderUnreachable("OpenAI cannot be reached.")),
]


async def ask(path: str, grant=None):
    app = FastAPI(openapi_url=None)
    app.include_router(models.router)
    errors.install(app)
    app.state.house = SimpleNamespace(
        catalogue=SimpleNamespace(names=NAMES, followed=lambda: STATES),
        machines=(),
        clock=SimpleNamespace(now=lambda: 0.0),
    )

    async def marked(scope, receive, send):
        scope["state"].update(request_id="r1", principal=Principal(Role.CLIENT, "k", grant))
        await app(scope, receive, send)

    return await call(marked, "GET", path)


async def test_the_whole_catalogue_says_what_is_known_and_how_its_lists_stand():
    got = (await ask("/api/models")).json
    assert got["total"] == 4 == len(got["models"])
    gpt = got["models"][2]
    assert (gpt["id"], gpt["name"], gpt["aliases"], gpt["local"]) == ("openai/gpt-4o", "gpt-4o", ["gpt-4"], False)
    assert (gpt["supports_chat"], gpt["supports_completion"], gpt["supports_vision"]) == (True, True, False)
    assert gpt["price"] == {"input": 10.0, "output": 10.0, "cache_read": None, "cache_write": None}
    assert gpt["cost_per_1k_tokens"] == 0.01
    rumour = got["models"][3]
    assert (rumour["supports_vision"], rumour["price"], rumour["cost_per_1k_tokens"], rumour["context"]) == (None,) * 4
    assert got["models"][0]["cost_per_1k_tokens"] == 0.0
    assert got["providers"] == [
        {"name": "ollama", "title": "Ollama", "models": 2, "source": "live", "age_seconds": 1.2, "warning": None},
        {"name": "openai", "title": "OpenAI", "models": 2, "source": "stale", "age_seconds": 400.0,
         "warning": "OpenAI cannot be reached."},
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/api/models", "/api/models/search"])
@pytest.mark.parametrize(
    "query, found",
    [
        ("provider=openai&supports_completion=true", ["gpt-4o"]),
        ("max_cost=0.01", ["gemma3:1b", "llama3:70b", "gpt-4o"]),
        ("max_cost=0.0099", ["gemma3:1b", "llama3:70b"]),
        ("min_context=100000&supports_chat=1", ["gpt-4o"]),
        ("supports_chat=false", []),
        ("supports_chat=true&supports_completion=false", []),
        ("q=GPT%20sees", ["gpt-4o"]),
        ("supports_vision=true", []),
        ("supports_tools=true&supports_json_schema=true&supports_thinking=false&supports_embeddings=false&provider=ollama",
         ["gemma3:1b", "llama3:70b"]),
    ],
)  # fmt: skip
async def test_filters(path, query, found):
    got = await ask(f"{path}?{query}")
    assert [model["name"] for model in got.json["models"]] == found and got.json["total"] == len(found)


@pytest.mark.parametrize(
    "query, field",
    [
        ("max_cost=cheap", "max_cost"),
        ("max_cost=-1", "max_cost"),
        ("max_cost=nan", "max_cost"),
        ("max_cost=inf", "max_cost"),
        ("min_context=0", "min_context"),
        ("min_context=1.5", "min_context"),
        ("supports_vision=maybe", "supports_vision"),
        ("provider=nobody", "provider"),
        ("support_vision=true", "support_vision"),
        (f"q={'x' * 201}", "q"),
    ],
)
async def test_a_filter_that_cannot_be_is_named(query, field):
    got = await ask(f"/api/models/search?{query}")
    assert (got.status, got.json["code"], got.json["errors"][0]["field"]) == (422, "invalid_field", field)
    assert got.json["hint"]


async def test_a_key_sees_the_models_it_may_use():
    got = (await ask("/api/models", Grant("k", models=("gpt-4o",)))).json
    assert [model["name"] for model in got["models"]] == ["gpt-4o"]
    assert [(state["name"], state["models"]) for state in got["providers"]] == [("ollama", 0), ("openai", 1)]
