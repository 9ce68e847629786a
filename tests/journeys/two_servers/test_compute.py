"""From the card to the processor and back, while both servers answer."""

from tests.journeys.two_servers.stage import answered, until


def switched(client, mode) -> dict:
    changed = client.post("/config/compute", json={"mode": mode})
    assert changed.status_code == 200, changed.text
    return changed.json()["switch"]


def vram(client, model) -> int | None:
    """Of a model on `local`, as GET /machines shows it."""
    residents = client.get("/machines/local").json()["residents"]
    return next((one["size_vram"] for one in residents if one["name"] == model.name), None)


def test_the_switch_of_compute_under_load(stage):
    stage.a.fake.token_seconds = 0.01
    asked = [stage.ask(client, stage.north, number % 3) for client in stage.clients for number in range(3)]
    until(stage.a.is_busy)
    for client in stage.clients:
        assert switched(client, "cpu")["state"] == "done"
    asked += [stage.ask(client, stage.north) for client in stage.clients]
    answered(asked)
    assert stage.a.listed()[stage.north.name]["size_vram"] == 0
    for client in stage.clients:
        assert client.get("/config/compute").json()["mode"] == "cpu"
        until(lambda client=client: vram(client, stage.north) == 0)
    asked = [stage.ask(client, stage.north) for client in stage.clients for _ in range(3)]
    for client in stage.clients:
        assert switched(client, "auto")["state"] == "done"
    answered(asked + [stage.ask(client, stage.north) for client in stage.clients])
    shown = stage.a.listed()[stage.north.name]
    assert shown["size_vram"] == shown["size"]
    for client in stage.clients:
        assert client.get("/config/compute").json()["mode"] == "auto"
        until(lambda client=client: vram(client, stage.north) == shown["size_vram"])


def test_a_model_that_is_loaded_ahead_during_the_switch_comes_after_it(stage):
    stage.a.fake.token_seconds = 0.05
    inside = stage.ask(stage.one, stage.north)
    until(stage.a.is_busy)
    switch = stage.pool.submit(switched, stage.one, "cpu")
    until(lambda: (told := stage.one.get("/config/compute").json()["switch"]) and told["state"] == "running")
    told = stage.one.post("/preload", json={"model": stage.south.name})
    assert told.status_code in (200, 202), told.text
    answered([inside])
    assert switch.result(30)["state"] == "done"
    stage.a.fake.token_seconds = 0.002
    until(lambda: stage.one.post("/preload", json={"model": stage.south.name}).json()["status"] == "ready")
    assert stage.a.listed()[stage.south.name]["size_vram"] == 0
    assert switched(stage.one, "auto")["state"] == "done"
