"""Models pass from machine to machine while both servers use them."""

import pytest

from tests.journeys.two_servers.stage import answered, until


@pytest.fixture
def travelling(stage):
    """A model of a registry that is on `local` only, and in memory there."""
    model = stage.travelling.pop()
    stage.b.fake.pull_seconds = 0.05
    answered([stage.ask(client, model) for client in stage.clients])
    return model


def begin(client, kind, model, **where):
    return client.post(f"/models/{kind}", json={"model": model.name, **where})


def has_ended(client, begun) -> dict | None:
    assert begun.status_code in (200, 202), begun.text
    seen = client.get(f"/models/operations/{begun.json()['id']}").json()
    return seen if seen["state"] in ("done", "failed", "cancelled") else None


def ended(client, begun) -> dict:
    return until(lambda: has_ended(client, begun))


def holders(client, model) -> set[str]:
    """The machines that have it, as the list shows them."""
    return {one["machine"] for one in client.get("/models/list").json()["models"] if one["name"] == model.name}


@pytest.mark.parametrize("kind", ["move", "duplicate"])
def test_requests_are_answered_while_their_model_passes_to_another_machine(stage, travelling, kind):
    asked = [stage.ask(client, travelling, number % 3) for number in range(4) for client in stage.clients]
    begun = begin(stage.one, kind, travelling, **{"from": "local", "to": "box"})
    while not has_ended(stage.one, begun):
        answered([stage.ask(client, travelling) for client in stage.clients])
    done = ended(stage.one, begun)
    assert (done["state"], done["same"], done["found"]) == ("done", "manifest", done["digest"])
    answered(asked)
    after = answered([stage.ask(client, travelling, number) for client in stage.clients for number in range(3)])
    assert {reply.headers["x-myelin-machine"] for reply in after} <= ({"box"} if kind == "move" else {"box", "local"})
    there = {"box"} if kind == "move" else {"box", "local"}
    assert holders(stage.one, travelling) == there
    until(lambda: holders(stage.two, travelling) == there)  # nobody has told it
    assert travelling.name in stage.b.names() and (travelling.name in stage.a.names()) is (kind == "duplicate")


def test_two_operators_who_move_the_same_model_move_it_once(stage, travelling):
    way = {"from": "local", "to": "box"}
    first, same, other = (begin(client, "move", travelling, **way) for client in (stage.one, stage.one, stage.two))
    assert first.json()["id"] == same.json()["id"]
    against = begin(stage.one, "delete", travelling, machine="local")
    assert against.status_code == 409 and first.json()["id"] in against.json()["detail"]
    assert [ended(client, begun)["state"] for client, begun in ((stage.one, first), (stage.two, other))] == ["done", "done"]
    assert travelling.name in stage.b.names() and travelling.name not in stage.a.names()
    answered([stage.ask(client, travelling) for client in stage.clients])


def test_a_full_disk_of_the_target_is_told_and_the_move_ends_when_there_is_room(stage, travelling):
    words = "write /root/.ollama/models/blobs/sha256-00-partial: no space left on device"
    stage.b.fake.fail("error_in_stream", message=words)
    begun = begin(stage.two, "move", travelling, **{"from": "local", "to": "box"})
    path = f"/models/operations/{begun.json()['id']}"
    until(lambda: "full" in stage.two.get(path).json()["detail"])
    assert travelling.name in stage.a.names() and travelling.name not in stage.b.names()
    answered([stage.ask(client, travelling) for client in stage.clients])
    stage.b.fake.heal()
    assert ended(stage.two, begun)["state"] == "done"
    assert travelling.name in stage.b.names() and travelling.name not in stage.a.names()
    answered([stage.ask(client, travelling) for client in stage.clients])
