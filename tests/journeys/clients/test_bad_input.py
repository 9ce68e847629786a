"""Whatever a client or a provider sends, the answer is a typed error in the client's dialect, and no secret is in it or anywhere."""

import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.fakes.hostile import WAYS, HostileHost
from tests.fakes.openai import FakeOpenAI
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import KEY, MASTER, Server, running

WORDS = "canary of what a client asked"
SECRET = "sk-canary-of-the-provider-0123456789"
ASKED = [{"role": "user", "content": WORDS}]
FRONTS = {
    "openai": ("/v1/chat/completions", {"messages": ASKED}),
    "responses": ("/v1/responses", {"input": WORDS}),
    "anthropic": ("/v1/messages", {"messages": ASKED, "max_tokens": 50}),
    "ollama": ("/api/chat", {"messages": ASKED}),
}


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileHost]:
    with in_a_thread(HostileHost()) as host:
        yield host


@pytest.fixture(scope="module")
def own() -> Iterator[FakeOpenAI]:
    with in_a_thread(FakeOpenAI()) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory, hostile, own) -> Iterator[Server]:
    settings = {
        "PROVIDERS": f"hostile={hostile.url}/v1|{SECRET}", "OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": f"{own.url}/v1",
        "FIRST_CONTENT_TIMEOUT": "20", "LOG_LEVEL": "debug",
    }  # fmt: skip
    with running(tmp_path_factory.mktemp("hostile") / "data", **settings) as started:
        yield started


@pytest.fixture(scope="module")
def told() -> dict[str, int]:
    """The status of each answer of a model's address, by its request."""
    return {}


@pytest.fixture
def client(server, told) -> Iterator[httpx2.Client]:
    def note(answer: httpx2.Response) -> None:
        if answer.request.method == "POST" and answer.status_code != 413:  # refused by its length, before anybody reads it
            told[answer.headers["x-request-id"]] = answer.status_code

    with server.client(event_hooks={"response": [note]}) as opened:
        yield opened


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    return request.param


def error_of(front: str, told: Any) -> str:
    """The message, in the shape of the dialect and no other."""
    if front == "ollama":
        return told["error"]
    if front == "anthropic":
        assert told["type"] == "error"
        return told["error"]["message"]
    assert told["error"].keys() >= {"message", "type", "param", "code"}
    return told["error"]["message"]


def raw(client: httpx2.Client, front: str, body: bytes) -> httpx2.Response:
    return client.post(FRONTS[front][0], content=body, headers={"Content-Type": "application/json"})


BODIES = {
    "nothing": b"",
    "words": b"hello",
    "a list": b"[]",
    "nan": b'{"model":"gpt-4o-mini","temperature":NaN,"messages":[]}',
    "half a surrogate": b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"\\ud800"}]}',
    "no utf-8": b'{"model":"gpt-4o-mini","messages":"\xff"}',
    "deep": b'{"model":"gpt-4o-mini","messages":' + b"[" * 100 + b"]" * 100 + b"}",
    "twins": b'{"model":"gpt-4o-mini","model":"other","messages":[]}',
    "no model": b"{}",
    "a model that is a number": b'{"model":7}',
    "stream that is a word": b'{"model":"gpt-4o-mini","stream":"yes"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_cannot_be_used(client, front, body):
    answer = raw(client, front, body)
    assert answer.status_code == 400 and error_of(front, answer.json())
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("front", ["responses", "anthropic", "ollama"])  # OpenAI reads OpenAI's bodies itself
def test_messages_that_are_words(client, front):
    answer = raw(client, front, b'{"model":"gpt-4o-mini","messages":"hello","input":7,"max_tokens":5}')
    assert answer.status_code == 400 and error_of(front, answer.json())


def test_a_body_of_fifty_megabytes(client, front):
    answer = raw(client, front, b'{"model":"gpt-4o-mini","messages":"' + b"x" * (50 << 20) + b'"}')
    assert answer.status_code == 413 and error_of(front, answer.json())


def test_a_model_that_does_not_exist(client, front):
    path, body = FRONTS[front]
    for model in ("gpt-4o-minj", "openai/gpt-4o-minj"):
        answer = client.post(path, json=body | {"model": model})
        assert answer.status_code == 404 and "gpt-4o-mini" in error_of(front, answer.json())


def test_a_provider_that_has_no_key_here(client, front):
    path, body = FRONTS[front]
    answer = client.post(path, json=body | {"model": "anthropic/claude-sonnet-4-5"})
    assert answer.status_code in (400, 404) and "ANTHROPIC_API_KEY" in error_of(front, answer.json())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_provider_that_does_everything_wrong(client, hostile, front, way, stream):
    path, body = FRONTS[front]
    answer = client.post(path, json=body | {"model": f"hostile/{way}", "stream": stream})
    if answer.status_code == 200:
        assert stream and ("error" in answer.text), "an error after the first words is told in the stream"
        assert not answer.text.rstrip().endswith("[DONE]") and "message_stop" not in answer.text
    else:
        assert answer.status_code in (502, 503, 504) and error_of(front, answer.json())
    assert not hostile.reached, "redirects are not followed"
    assert client.get("/readyz").status_code == 200


def test_keys_and_what_they_may(client, server):
    with server.client(MASTER) as master:
        made = master.post("/admin/create_key?name=Ana&email=ana@example.com", json={"models": ["gpt-5*"], "rpm": 2}).json()
    for front, (path, body) in FRONTS.items():
        with server.client(made["api_key"]) as own:
            answer = own.post(path, json=body | {"model": "gpt-4o-mini"})
            if answer.status_code == 429:
                assert answer.headers["retry-after"] and answer.headers["x-ratelimit-remaining-requests"] == "0"
            else:
                assert answer.status_code in (403, 404)
            assert error_of(front, answer.json())
    with server.client("no-such-key-0123456789") as stranger:
        for front, (path, body) in FRONTS.items():
            answer = stranger.post(path, json=body | {"model": "gpt-4o-mini"})
            assert answer.status_code == 401 and error_of(front, answer.json())
    with server.client(MASTER) as master:
        path, body = FRONTS["openai"]
        assert master.post(path, json=body | {"model": "gpt-4o-mini"}).status_code == 403


def test_every_answer_has_its_row_with_the_status_that_the_client_saw(client, server, told):
    for body in BODIES.values():
        client.post("/v1/messages/count_tokens", content=body)
    client.post("/v1/messages/count_tokens", json={"model": "gpt-4o-minj", "messages": ASKED})
    asked, kept, deadline = "SELECT request_id, status FROM calls", {}, time.monotonic() + 10
    while kept.keys() < told.keys():
        assert time.monotonic() < deadline, told.keys() - kept.keys()
        client.get("/livez")
        with sqlite3.connect(f"file:{server.data_dir / 'myelin.db'}?mode=ro", uri=True) as rows:
            kept = {request_id: status for request_id, status in rows.execute(asked) if request_id in told}
    assert len(told) > 100 and kept == told


def test_no_secret_and_no_word_of_a_client_is_kept(client, server, own):
    path, body = FRONTS["openai"]
    own.fail("refuse", times=2, status=400, message=f"Incorrect API key provided: {SECRET}")
    told = [client.post(path, json=body | {"model": "gpt-4o-mini", "stream": stream}).text for stream in (True, False)]
    assert client.post(path, json=body | {"model": "gpt-4o-mini"}).status_code == 200
    served = client.get("/stats").text + client.get("/models/list").text + client.get("/").text
    log = server.log.read_text()
    with sqlite3.connect(f"file:{server.data_dir / 'myelin.db'}?mode=ro", uri=True) as rows:
        kept = "\n".join(rows.iterdump())
    for place in (*told, served, log, kept):
        for secret in (SECRET, WORDS, KEY, MASTER):
            assert secret not in place, json.dumps(place)[:2000]
