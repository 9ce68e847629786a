"""A client that hangs up, at each front over each provider: the provider sees it, and the audit tells it with what was told."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.journeys.clients.hosts import LONG
from tests.journeys.server import MASTER

SECONDS = 5.0
HELLO = [{"role": "user", "content": "Say hello."}]
FRONTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "openai": ("/v1/chat/completions", {"messages": HELLO}, "delta"),
    "responses": ("/v1/responses", {"input": "Say hello."}, ".delta"),
    "anthropic": ("/v1/messages", {"messages": HELLO, "max_tokens": 50}, "_delta"),
    "ollama": ("/api/chat", {"messages": HELLO}, '"content"'),
    "generate": ("/api/generate", {"prompt": "Say hello."}, '"response"'),
}

PRICED = {"model": "openai/gpt-4o-mini", "messages": HELLO, "max_tokens": 5}


@pytest.fixture(scope="module")
def narrow(street) -> Iterator[httpx2.Client]:
    """A key that may ask once at a time and has a budget: what is not given back is missed by the next."""
    with street.server.client(MASTER) as master:
        made = master.post("/admin/create_key?name=Ana&email=ana@example.com", json={"max_parallel": 1, "budget_usd": 1}).json()
    with street.server.client(made["api_key"]) as client:
        until(lambda: client.post(FRONTS["openai"][0], json=PRICED).status_code == 200, client)  # prices are known soon
        yield client


def until(true: Callable[[], Any], client: httpx2.Client) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        client.get("/livez")


def hang_up(client: httpx2.Client, path: str, asked: dict[str, Any], word: str | None) -> None:
    """In the middle of a stream, once `word` was told, or before the first byte of a whole answer."""
    if word is None:
        with pytest.raises(httpx2.ReadTimeout):
            client.post(path, timeout=0.1, **asked)
        return
    with client.stream("POST", path, **asked) as answer:
        assert any(word in line for line in answer.iter_lines())


def test_whoever_hangs_up_leaves_nothing_but_a_row(narrow, street, host, fake):
    wanted = {}
    for front, (path, body, word) in FRONTS.items():
        for stream in (True, False):
            fake.heal()
            fake.fail("hang_stream" if stream else "hang_headers")
            fake.answers, aborted, request_id = [LONG], fake.aborted, f"{host.name}-{front}-{stream}"
            question = {**body, "model": f"{host.name}/{host.chats}", "stream": stream}
            hang_up(narrow, path, {"json": question, "headers": {"X-Request-Id": request_id}}, word if stream else None)
            until(lambda before=aborted: fake.aborted > before, narrow)
            until(lambda: narrow.get("/key/info").json()["running"] == 0, narrow)
            wanted[request_id] = ("client_closed", 499, stream)
    assert narrow.get("/key/info").json()["budget"]["reserved_usd"] == 0
    until(lambda: rows(street, host.name) == wanted, narrow)


def rows(street, name: str) -> dict[str, tuple[str, int, bool]]:
    asked = "SELECT request_id, outcome, status, output_text FROM calls WHERE request_id LIKE ?"
    with sqlite3.connect(f"file:{street.server.data_dir / 'myelin.db'}?mode=ro", uri=True) as kept:
        return {found[0]: (found[1], found[2], found[3] > 0) for found in kept.execute(asked, (f"{name}-%",))}
