"""A name that leads to two models: asked by the clients of every front and by documents, measured, promoted, led back."""

import json
import time

import pytest
from anthropic import Anthropic
from ollama import Client as OllamaClient
from openai import OpenAI

from tests.journeys.server import KEY, MASTER
from tests.journeys.test_documents import ask

LARGE, SMALL = "ollama/gemma3:1b", "ollama/llama3.2:3b"
ALIAS = "/models/deployments/gemma:prod"
HELLO = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def deployed(client):
    wish = {"targets": [{"model": "gemma3:1b", "weight": 90}, {"model": SMALL, "weight": 10}]}
    made = client.put(ALIAS, json=wish)
    assert made.status_code == 200, made.text
    yield made.json()
    client.delete(ALIAS)


def chat(client, seed, model="gemma:prod"):
    answer = client.post("/v1/chat/completions", json={"model": model, "messages": HELLO, "seed": seed, "max_tokens": 5})
    assert answer.status_code == 200, answer.text
    return answer.headers["x-myelin-model"]


def figures(client, calls):
    """Of the arms in production, when so many calls are written."""
    deadline = time.monotonic() + 10
    while True:
        arms = [arm for arm in client.get(ALIAS).json()["figures"] if arm["stage"] == "production"]
        if sum(arm["calls"] for arm in arms) >= calls:
            return {arm["model"]: arm for arm in arms}
        assert time.monotonic() < deadline, arms


def test_requests_are_shared_out_and_each_seed_keeps_its_model(client, deployed):
    assert [(one["model"], one["share"]) for one in deployed["production"]["targets"]] == [(LARGE, 0.9), (SMALL, 0.1)]
    before = {model: arm["calls"] for model, arm in figures(client, 0).items()}
    led = [chat(client, seed) for seed in range(60)]
    assert led.count("llama3.2:3b") in range(1, 16) and led.count("gemma3:1b") == 60 - led.count("llama3.2:3b")
    assert [chat(client, seed) for seed in range(20)] == led[:20]
    every = [*led, *led[:20]]
    after = figures(client, sum(before.values()) + 80)
    for model, arm in after.items():
        assert arm["calls"] - before[model] == every.count(model.removeprefix("ollama/"))
        assert arm["ok"] == arm["calls"] and arm["tokens"]["output_text"] > 0
        assert 0 < arm["ms_p50"] <= arm["ms_p95"] and arm["cost_usd"] == 0


def test_every_client_knows_the_name(client, server, deployed):
    assert "gemma:prod" in {model["name"] for model in client.get("/api/tags").json()["models"]}
    with OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as openai:
        assert "gemma:prod" in {model.id for model in openai.models.list()}
        assert openai.models.retrieve("gemma:prod").id == "gemma:prod"
        raw = openai.chat.completions.with_raw_response.create(model="gemma:prod", messages=HELLO, user="ana")
        assert raw.headers["x-myelin-model"] in ("gemma3:1b", "llama3.2:3b") and raw.parse().choices[0].message.content
        assert list(openai.chat.completions.create(model="gemma:prod", messages=HELLO, stream=True))
    with Anthropic(base_url=server.url, api_key=KEY) as anthropic:
        said = anthropic.messages.create(model="gemma:prod", max_tokens=20, messages=HELLO, metadata={"user_id": "ana"})
        assert said.content[0].text
        assert anthropic.messages.count_tokens(model="gemma:prod", messages=HELLO).input_tokens > 0
    with OllamaClient(server.url, headers={"Authorization": f"Bearer {KEY}"}) as ollama:
        assert ollama.chat("gemma:prod", HELLO, options={"seed": 7}).message.content
        assert ollama.show("gemma:prod").capabilities


def test_a_client_key_is_always_led_to_the_same_model(client, server, deployed):
    with server.client(key=MASTER) as master:
        keys = [master.post("/admin/create_key?name=a&email=a@b.c").json()["api_key"] for _ in range(12)]
        only = {"models": ["llama3.2:3b"]}
        narrow = master.post("/admin/create_key?name=b&email=a@b.c", json=only).json()["api_key"]
    for key in keys:
        with server.client(key=key) as own:
            assert len({chat(own, None) for _ in range(4)}) == 1
            assert own.put(ALIAS, json={"targets": [{"model": LARGE}]}).status_code == 403
    with server.client(key=narrow) as own:
        assert {chat(own, seed) for seed in range(8)} == {"llama3.2:3b"}
        seen = own.get(ALIAS).json()
        assert [one["model"] for one in seen["production"]["targets"]] == [SMALL] and seen["history"] is None
        assert {arm["model"] for arm in seen["figures"]} == {SMALL}


@pytest.mark.parametrize("provider", ["auto", "ollama"])
def test_a_document_goes_through_the_name_and_is_judged(client, deployed, provider):
    question = {
        "prompt": "Extraia o CNPJ",
        "format_response": json.dumps({"cnpj": ""}),
        "ai_provider": provider,
        "model": "gemma:prod",
    }
    before = sum(arm["documents"] for arm in figures(client, 0).values())
    job = ask(client, "nota.pdf", **question).json()
    assert job["status"] == "done" and job["routed_because"].startswith("deployment gemma:prod, arm ollama/")
    arm = figures(client, 1)[f"{job['ai_provider']}/{job['model']}"]
    deadline = time.monotonic() + 10
    while sum(one["documents"] for one in figures(client, 1).values()) == before:
        assert time.monotonic() < deadline
    arm = figures(client, 1)[f"{job['ai_provider']}/{job['model']}"]
    assert arm["json_valid_share"] == 1.0 and arm["values"] >= 1 and arm["grounded_share"] == 1.0


def test_what_is_tried_is_promoted_led_back_and_known_after_a_restart(client, server, deployed):
    first = deployed["production"]["version"]
    staged = client.put(ALIAS, json={"targets": [{"model": SMALL}], "stage": "staging", "note": "smaller"}).json()
    assert staged["staging"]["name"] == "gemma:prod@staging" and staged["production"]["version"] == first
    assert {chat(client, seed, "gemma:prod@staging") for seed in range(5)} == {"llama3.2:3b"}
    second = staged["staging"]["version"]
    assert client.post(f"{ALIAS}/promote", json={"version": first}).status_code == 409
    client.post("/models/deactivate?stream=1", json={"model": "llama3.2:3b"})
    gone = client.post(f"{ALIAS}/promote")
    assert gone.status_code == 404 and "llama3.2:3b" in gone.json()["detail"]
    client.post("/models/activate?stream=1", json={"model": "llama3.2:3b"})
    promoted = client.post(f"{ALIAS}/promote").json()
    assert (promoted["production"]["version"], promoted["staging"], promoted["earlier"]) == (second, None, [first])
    assert {chat(client, seed) for seed in range(5)} == {"llama3.2:3b"}
    assert client.post("/v1/chat/completions", json={"model": "gemma:prod@staging", "messages": HELLO}).status_code == 404
    assert server.stop() == 0
    server.start()
    assert {chat(client, seed) for seed in range(5)} == {"llama3.2:3b"}
    back = client.post(f"{ALIAS}/rollback").json()
    assert (back["production"]["version"], back["earlier"], back["later"]) == (first, [], [second])
    forward = client.post(f"{ALIAS}/rollback", json={"version": second}).json()
    assert (forward["production"]["version"], forward["earlier"], forward["later"]) == (second, [first], [])
    assert client.post(f"{ALIAS}/rollback").json()["production"]["version"] == first
    assert client.post(f"{ALIAS}/rollback", json={"version": 99}).json()["code"] == "conflict"
    moves = client.get(ALIAS).json()["history"][2:]
    assert moves[1]["targets"] == [{"model": SMALL, "weight": 1.0}] and moves[1]["note"] == "smaller"
    assert [(one["move"], one["by"]) for one in moves[:3]] == [
        ("rollback", "operator"),
        ("promote", "operator"),
        ("put", "operator"),
    ]


@pytest.mark.parametrize(
    ("alias", "wish", "status", "code", "field"),
    [
        ("gemma3:1b", {"targets": [{"model": SMALL}]}, 409, "conflict", "alias"),
        ("auto", {"targets": [{"model": SMALL}]}, 409, "conflict", "alias"),
        ("@x", {"targets": [{"model": SMALL}]}, 422, "invalid_field", "alias"),
        ("other", {"targets": [SMALL]}, 422, "invalid_field", "targets.0"),
        ("other", {"targets": [{"model": LARGE}, {"model": "gemma3:1bx"}]}, 404, "model_not_found", "targets.1.model"),
        ("other", {"targets": [{"model": "ollama/gemma3:1bx"}]}, 404, "model_not_found", "targets.0.model"),
        ("other", {"targets": [{"model": "openai/gpt-4o"}]}, 404, "provider_not_configured", "targets.0.model"),
        ("other", {"targets": [{"model": "gemma:prod"}]}, 422, "invalid_field", "targets.0.model"),
        ("other", {"targets": [{"model": "auto"}]}, 422, "invalid_field", "targets.0.model"),
        ("other", {"targets": [{"model": LARGE}, {"model": "gemma3:1b"}]}, 422, "invalid_field", "targets.1.model"),
        ("other", {"targets": [{"model": LARGE, "weight": 0}]}, 422, "invalid_field", "targets"),
        ("other", {"targets": [{"model": LARGE, "weight": -1}]}, 422, "invalid_field", "targets.0.weight"),
        ("other", {"targets": []}, 422, "invalid_field", "targets"),
        ("other", {"targets": [{"model": LARGE}], "stage": "canary"}, 422, "invalid_field", "stage"),
        ("other", {"targets": [{"model": LARGE}], "rollout": 1}, 422, "invalid_field", "rollout"),
    ],
)
def test_what_cannot_be_deployed_says_which_field(client, deployed, alias, wish, status, code, field):
    refused = client.put(f"/models/deployments/{alias}", json=wish)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (status, code) and problem["hint"], problem
    assert [one["field"] for one in problem["errors"]] == [field]
    if "1bx" in str(wish):
        assert "gemma3:1b" in problem["hint"]
    assert client.get("/models/deployments/other").status_code == 404


def test_a_name_that_is_gone_is_near_to_others(client, deployed):
    problem = client.get("/models/deployments/gemma:prd").json()
    assert problem["code"] == "not_found" and "gemma:prod" in problem["hint"]
    assert client.delete(ALIAS).json() == {"alias": "gemma:prod", "deleted": True}
    assert client.delete(ALIAS).status_code == 404
    assert client.post("/v1/chat/completions", json={"model": "gemma:prod", "messages": HELLO}).status_code == 404
