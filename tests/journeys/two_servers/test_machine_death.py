"""A machine dies while both servers have work on it."""

import json

from tests.journeys.two_servers.stage import HELLO, answered, until


def test_the_work_of_a_machine_that_dies_is_done_by_the_other_one(stage):
    for client in stage.clients:
        client.patch("/machines/local", json={"enabled": False})
    answered([stage.ask(client, stage.shared) for client in stage.clients])
    assert stage.shared.name in stage.b.listed()
    for client in stage.clients:
        client.patch("/machines/local", json={"enabled": True})
    stage.b.fake.token_seconds = 0.2
    asked = [stage.ask(client, stage.shared, number % 3) for client in stage.clients for number in range(6)]
    for client in stage.clients:
        until(lambda client=client: any(one["waiting"] for one in client.get("/machines/box").json()["queue"]))
    stage.b.die()
    for client in stage.clients:
        until(lambda client=client: client.get("/machines/box").json()["state"] == "down")
    beside = [stage.ask(client, stage.north, number % 3) for client in stage.clients for number in range(3)]
    replies = answered(beside) + answered(asked)
    assert {reply.headers["x-myelin-machine"] for reply in replies} == {"local"}
    assert [client.get("/machines/box").json()["queue"] for client in stage.clients] == [[], []]
    stage.b.fake.token_seconds = 0.002
    stage.b.live()
    for client in stage.clients:
        until(lambda client=client: client.get("/machines/box").json()["state"] == "up")
        client.patch("/machines/local", json={"enabled": False})
    back = answered([stage.ask(client, stage.shared) for client in stage.clients])
    assert {reply.headers["x-myelin-machine"] for reply in back} == {"box"}
    for client in stage.clients:
        client.patch("/machines/local", json={"enabled": True})


def test_an_answer_that_has_begun_ends_with_an_error_and_is_not_begun_again(stage):
    for client in stage.clients:
        client.patch("/machines/local", json={"enabled": False})
    stage.b.fake.token_seconds = 0.2
    body = {"model": stage.shared.name, "messages": HELLO, "stream": True}
    with stage.one.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert (answer.status_code, answer.headers["x-myelin-machine"]) == (200, "box")
        lines = answer.iter_lines()
        until(lambda: '"content":"' in next(lines))
        for client in stage.clients:
            client.patch("/machines/local", json={"enabled": True})
        asked = len(stage.a.fake.bodies("/api/chat"))
        stage.b.die()
        rest = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert "box" in json.loads(rest[-1])["error"]["message"] and "[DONE]" not in rest
    assert len(stage.a.fake.bodies("/api/chat")) == asked
    stage.b.fake.token_seconds = 0.002
    stage.b.live()
    for client in stage.clients:
        until(lambda client=client: client.get("/machines/box").json()["state"] == "up")
