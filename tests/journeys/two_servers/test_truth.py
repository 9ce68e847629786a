"""Both servers, every view of theirs and `top` show what the Ollama has in memory, and who waits where."""

import json

from tests.journeys.test_kinds import agreed, told_by
from tests.journeys.two_servers.stage import HELLO, answered, until


def in_memory(client) -> dict[str, str]:
    """States of the models in the memory of `local`, by one look."""
    return {one["name"]: one["state"] for one in client.get("/machines/local").json()["residents"]}


def test_no_look_shows_two_heavy_models_while_they_change_places(stage):
    heavy, looks = {stage.north.name, stage.south.name}, []
    stage.a.fake.token_seconds = 0.02
    asked = [stage.ask(client, model) for client in stage.clients for model in (stage.north, stage.south) for _ in range(3)]
    while not all(one.done() for one in asked):
        looks += [{name: state for name, state in in_memory(client).items() if name in heavy} for client in stage.clients]
    answered(asked)
    assert {name for look in looks for name in look} == heavy
    assert not [look for look in looks if sum(state != "leaving" for state in look.values()) > 1]


def of(queue) -> set[tuple[str, int, int]]:
    return {(one["model"], one["inside"], one["waiting"]) for one in queue}


def check(server, client, listed, installed, queue) -> None:
    """What `server` shows is what is `listed` in the memory of `local`, and the `queue` before it. Lists have what is `installed`
    only: of a model that was deleted while the other server had it loaded, Ollama keeps the runner."""
    until(lambda: of(client.get("/machines/local").json()["queue"]) == queue)
    seen, shown = agreed(server, client)
    local = next(one for one in shown["machines"] if one["name"] == "local")
    assert {one["name"]: one["size_vram"] for one in local["residents"]} == {
        name: one["size_vram"] for name, one in listed.items()
    }
    assert of(one for one in seen["queue"]["turns"] if one["machine"] == "local") == queue
    for path in ("/models/list", "/api/available_models"):
        shown = {one["name"] for one in client.get(path).json()["models"] if one["resident"] and one["machine"] == "local"}
        assert shown == listed.keys() & installed
    assert listed.keys() & installed <= {one["name"] for one in client.get("/api/ps").json()["models"]}
    text = told_by(server, "top", "--once")
    assert all(name in text for name in listed) and ("1 waiting" in text) is bool(queue)


def test_every_view_of_both_servers_shows_what_ollama_shows(stage):
    """One question is inside for as long as the looks take, another waits for the other model."""
    resident = stage.north if stage.north.name in stage.a.listed() else stage.south
    other = stage.south if resident is stage.north else stage.north
    stage.a.fake.token_seconds = 0.2
    stage.a.fake.answers.append("palavra " * 400)
    body = {"model": resident.name, "messages": HELLO}
    with stage.one.stream("POST", "/api/chat", json=body) as answer:
        lines = answer.iter_lines()
        next(lines)
        waiting = stage.ask(stage.one, other)
        listed = stage.a.listed()
        installed = stage.a.names()
        check(stage.servers[0], stage.one, listed, installed, {(resident.name, 1, 0), (other.name, 0, 1)})
        check(stage.servers[1], stage.two, listed, installed, set())
        stage.a.fake.token_seconds = 0.002
        assert json.loads([*lines][-1])["done"]
    answered([waiting])
