"""A real server with two machines: one dies under load, a third comes and goes, and a restart remembers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.fakes.ollama import FakeOllama
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import Server

HELLO = {"model": "gemma3:1b", "messages": [{"role": "user", "content": "oi"}]}


@pytest.fixture
def stage(tmp_path):
    """(server, client, fakes): `local` and `box` in the settings."""
    with ExitStack() as stack:
        threads = {name: ExitStack() for name in ("local", "box", "third")}
        fakes = {name: stack.enter_context(thread).enter_context(in_a_thread(FakeOllama())) for name, thread in threads.items()}
        server = Server(tmp_path / "data", OLLAMA_URL=fakes["local"].url, MACHINES=f"box={fakes['box'].url}")
        server.start()
        stack.callback(server.kill)
        client = stack.enter_context(server.client())
        yield server, client, fakes, threads


def until(condition, seconds=40.0):
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.05)
    return found


def asked(fake):
    return len(fake.bodies("/api/chat"))


def test_two_machines_answer_as_one_and_the_death_of_one_is_no_failure(stage):
    _, client, fakes, threads = stage
    assert [one["name"] for one in client.get("/machines").json()["data"]] == ["local", "box"]
    rows = client.get("/models/list").json()["models"]
    assert {row["machine"] for row in rows if row["name"] == "gemma3:1b"} == {"local", "box"}
    assert [one["id"] for one in client.get("/v1/models").json()["data"]].count("gemma3:1b") == 1
    for fake in fakes.values():
        fake.latency = 0.05

    def ask(_):
        return client.post("/v1/chat/completions", json=HELLO).status_code

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(ask, range(40))} == {200}
        assert asked(fakes["local"]) and asked(fakes["box"])
        threads["box"].close()
        assert {*pool.map(ask, range(40))} == {200}
    until(lambda: client.get("/machines/box").json()["state"] == "down")
    assert {row["machine"] for row in client.get("/models/list").json()["models"]} == {"local"}
    refused = client.delete("/machines/box")
    assert refused.status_code == 409 and "MACHINES" in refused.json()["detail"]


def test_a_machine_that_was_added_outlives_a_crash_and_goes_when_its_work_has_ended(stage):
    server, client, fakes, _ = stage
    added = client.post("/machines", json={"name": "third", "url": fakes["third"].url, "labels": ["spare"]})
    assert added.status_code == 201
    server.kill()
    server.start()
    assert client.get("/machines/third").json()["labels"] == ["spare"]
    for name in ("local", "box"):
        assert client.patch(f"/machines/{name}", json={"enabled": False}).json()["state"] == "disabled"
    fakes["third"].token_seconds = 0.05
    with client.stream("POST", "/v1/chat/completions", json=HELLO | {"stream": True}) as answer:
        lines = answer.iter_lines()
        next(lines)
        drained = client.delete("/machines/third")
        assert (drained.status_code, drained.json()["state"]) == (202, "draining")
        assert client.post("/v1/chat/completions", json=HELLO).status_code == 503
        data = [line for line in lines if line.startswith("data: ")]
    assert data[-1] == "data: [DONE]" and json.loads(data[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "stop"
    until(lambda: client.get("/machines/third").status_code == 404)
    assert client.patch("/machines/local", json={"enabled": True}).json()["enabled"]
    assert client.post("/v1/chat/completions", json=HELLO).status_code == 200
