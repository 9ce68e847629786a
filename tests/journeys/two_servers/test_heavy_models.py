"""Two servers over one Ollama: neither knows of the other but by what Ollama shows, and no client comes to harm."""

from tests.journeys.two_servers.stage import FRONTS, answered, until


def test_two_heavy_models_take_turns_though_two_servers_ask_for_both(stage):
    began = len(stage.a.history)
    fronts = range(len(FRONTS))
    asked = [
        stage.ask(client, model, front)
        for _ in range(3)
        for client in stage.clients
        for model in (stage.north, stage.south)
        for front in fronts
    ]
    documents = [stage.upload(client, model) for client in stage.clients for model in (stage.north, stage.south)]
    answered(asked)
    assert [job.json()["status"] for job in answered(documents)] == ["done"] * 4
    happened = stage.a.history[began:]
    assert stage.a.most(began, [stage.north, stage.south]) == 1
    assert "oom" not in {event.what for event in happened}
    assert sum(event.what == "loaded" for event in happened) <= len(asked) / 3, "gathered, not one by one"
    for client in stage.clients:
        residents = until(lambda client=client: client.get("/machines/local").json()["residents"])
        assert len({one["name"] for one in residents} & {stage.north.name, stage.south.name}) == 1
    assert any("swapper.adopted" in stage.log(number) for number in (0, 1)), "what the other has loaded is seen"


def test_ollama_that_is_restarted_in_the_middle_of_a_swap_disturbs_nobody(stage):
    began = len(stage.a.history)
    first, second = (stage.south, stage.north) if stage.north.name in stage.a.listed() else (stage.north, stage.south)
    stage.a.fake.load_seconds = 0.4
    asked = [stage.ask(client, first) for client in stage.clients for _ in range(3)]
    until(lambda: any(event.what == "loading" for event in stage.a.history[began:]))
    stage.a.restart()
    asked += [stage.ask(client, second) for client in stage.clients for _ in range(3)]
    stage.a.fake.load_seconds = 0.1
    answered(asked)
    assert stage.a.most(began, [first, second]) == 1


def test_a_model_is_loaded_ahead_while_the_memory_changes_hands(stage):
    resident = stage.north if stage.north.name in stage.a.listed() else stage.south
    other = stage.south if resident is stage.north else stage.north
    began = len(stage.a.history)
    stage.a.fake.load_seconds = 0.4
    asked = stage.ask(stage.one, other)
    until(lambda: any(event.what == "loading" for event in stage.a.history[began:]))
    told = stage.one.post("/preload", json={"model": resident.name})
    assert told.status_code == 202 and told.json()["status"] != "ready" and told.json()["eta_seconds"] > 0
    stage.a.fake.load_seconds = 0.1
    answered([asked])
    until(lambda: stage.one.post("/preload", json={"model": resident.name}).json()["status"] == "ready")
    assert resident.name in stage.a.listed() and stage.a.most(began, [resident, other]) == 1
