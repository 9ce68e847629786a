"""A name with two models behind it, on two servers."""

from tests.journeys.two_servers.stage import HELLO, answered, until

ALIAS = "/models/deployments/two:prod"
TARGETS = [{"model": "light-0:1b", "weight": 75}, {"model": "light-1:1b", "weight": 25}]


def test_both_servers_lead_a_seed_to_the_same_model_and_count_what_they_led(stage):
    for client in stage.clients:
        answered([stage.ask(client, model) for model in stage.light])
        made = client.put(ALIAS, json={"targets": TARGETS})
        assert made.status_code == 200, made.text

    def led(client) -> list[str]:
        bodies = [{"model": "two:prod", "messages": HELLO, "seed": seed, "max_tokens": 5} for seed in range(40)]
        replies = answered([stage.pool.submit(client.post, "/v1/chat/completions", json=body) for body in bodies])
        return [reply.headers["x-myelin-model"] for reply in replies]

    first, second = map(led, stage.clients)
    assert first == second and 4 <= first.count("light-1:1b") <= 18

    def figures(client) -> dict[str, int]:
        return {arm["model"].partition("/")[2]: arm["calls"] for arm in client.get(ALIAS).json()["figures"]}

    for client in stage.clients:
        counted = until(lambda client=client: sum((found := figures(client)).values()) == 40 and found)
        assert counted == {name: first.count(name) for name in ("light-0:1b", "light-1:1b")}
        client.delete(ALIAS)
