"""A machine dies while both servers have work on it."""

from tests.journeys.two_servers.stage import answered, until


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
    beside = [stage.ask(client, stage.north, number % 3) for client in stage.clients for number in range(3)]
    answered(beside)
    answered(asked)
    assert [client.get("/machines/box").json()["queue"] for client in stage.clients] == [[], []]
    stage.b.fake.token_seconds = 0.002
    stage.b.live()
