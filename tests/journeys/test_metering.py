"""What a document costs stands in its answer, with its owner's key, in the sums, and is known after a restart."""

import json
import time

import pytest

from tests.journeys.server import MASTER, Server
from tests.journeys.test_documents import ask

QUESTION = {
    "prompt": "Extraia o CNPJ",
    "format_response": json.dumps({"cnpj": ""}),
    "ai_provider": "gemini",
    "model": "gemini-2.0-flash",
}
PRICES = json.dumps({"gemini/*": {"input": 1000, "output": 2000}})


@pytest.fixture
def server(tmp_path, gemini):
    started = Server(
        tmp_path / "data", GEMINI_BASE_URL=gemini.url, GEMINI_API_KEY="AIza-of-the-operator-0123456789", PRICES=PRICES
    )
    started.start()
    yield started
    started.stop()


def made(server, **limits):
    with server.client(key=MASTER) as master:
        return master.post("/admin/create_key?name=ana&email=a@b.c", json=limits).json()["api_key"]


def test_a_document_is_paid_by_its_owner(server):
    key = made(server, budget_usd=1000, budget_period="month")
    with server.client(key=key) as client:
        usage = ask(client, "nota.pdf", **QUESTION).json()["usage"]
        cost = (usage["input_tokens"] * 1000 + usage["output_tokens"] * 2000) / 1e6
        assert usage["cost_usd"] == pytest.approx(cost) and cost > 0
        assert client.get("/key/info").json()["budget"]["spent_usd"] == pytest.approx(cost)
        own = ask(client, "nota.pdf", gemini_api_key="AIza-journey-key-0123456789", **QUESTION).json()["usage"]
        assert own["cost_usd"] > 0  # paid by the key that came with it
    assert server.stop() == 0
    server.start()
    with server.client(key=key) as client:
        info = client.get("/key/info").json()
        assert info["budget"]["spent_usd"] == pytest.approx(cost) and info["running"] == 0
        seen = client.get("/stats?group_by=model").json()
        assert [(row["name"], row["ok"]) for row in seen["data"]] == [("gemini-2.0-flash", seen["total"]["calls"])]
        assert seen["total"]["cost_usd"] == pytest.approx(cost)


def test_a_kill_loses_a_second_at_the_most(server):
    key = made(server)
    with server.client(key=key) as client:
        ask(client, "nota.pdf", **QUESTION)
        deadline = time.monotonic() + 10
        while not client.get("/stats").json()["total"]["calls"]:
            assert time.monotonic() < deadline
        spent = client.get("/key/info").json()["spent_usd"]["total"]
    server.kill()
    server.start()
    with server.client(key=key) as client:
        assert client.get("/key/info").json()["spent_usd"]["total"] == spent > 0


@pytest.mark.parametrize(("limits", "code"), [({"budget_usd": 0}, "budget_spent"), ({"models": ["gpt-*"]}, "model_not_allowed")])
def test_a_document_is_refused_what_its_owner_may_not(server, gemini, limits, code):
    asked = len(gemini.requests)
    with server.client(key=made(server, **limits)) as client:
        job = ask(client, "nota.pdf", **QUESTION).json()
        assert (job["status"], job["error"]["code"]) == ("failed", code) and job["error"]["hint"]
        assert ask(client, "nota.pdf").json()["status"] == "done"
    assert not [one for one in gemini.requests[asked:] if "generateContent" in one.path]
