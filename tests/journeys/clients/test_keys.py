"""What a client with a key of its own meets at the fronts."""

from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.journeys.server import MASTER

ASKED = [{"role": "user", "content": "Tudo bem?"}]


@pytest.fixture
def with_key(server) -> Iterator[Callable[..., httpx2.Client]]:
    """Makes a key with these limits, and the client that sends it."""
    opened = []

    def made(**limits) -> httpx2.Client:
        with server.client(key=MASTER) as master:
            key = master.post("/admin/create_key?name=Ana&email=ana@example.com", json=limits).json()["api_key"]
        opened.append(server.client(key=key))
        return opened[-1]

    yield made
    for client in opened:
        client.close()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_a_key_with_a_budget_is_answered_by_a_model_whose_price_nobody_asked_before(street, with_key, path):
    name = f"gpt-4o-mini-2024-07-18-{path.count('/')}{len(path)}"
    street.fakes["openai"].models[name] = None
    answer = with_key(budget_usd=1).post(
        path, json={"model": f"openai/{name}", "messages": ASKED, "max_tokens": 9, "stream": False}
    )
    assert answer.status_code == 200, answer.text


def test_to_count_tokens_costs_nothing(with_key):
    spent = with_key(budget_usd=0)
    asked = {"model": "openai/gpt-nobody-asked-before", "messages": ASKED}
    assert spent.post("/v1/messages/count_tokens", json=asked).json() == {"input_tokens": 5}
    assert spent.post("/v1/chat/completions", json=asked).status_code == 402
