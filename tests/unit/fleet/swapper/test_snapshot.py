"""What `/api/ps`, `/queue` and `top` are told."""

import asyncio
import json

from tests.unit.fleet.swapper.world import GB, in_world


@in_world(always_on=("light",), budget=32 * GB)
async def test_the_snapshot_is_the_truth(world):
    await world.ask("a")
    working = world.start("a", 20)
    waiting = world.start("b")
    await asyncio.sleep(5)
    shown = json.loads(json.dumps(world.swapper.snapshot()))
    assert (shown["phase"], shown["reachable"], shown["accepting"], shown["budget"]) == ("serving", True, True, 32 * GB)
    assert [
        (each["model"], each["always_on"], each["inside"])
        for each in sorted(shown["residents"], key=lambda one: one["model"], reverse=True)
    ] == [
        ("light", True, 0),
        ("a", False, 1),
    ]
    queues = {each["model"]: each for each in shown["queues"]}
    assert queues["b"]["waiting"] == 1 and queues["b"]["oldest"] == 5.0 and 10 < queues["b"]["eta"] < 60
    assert shown["move"] is None and shown["loads"] == 2
    await working
    await asyncio.sleep(5)
    shown = world.swapper.snapshot()
    assert shown["phase"] == "loading" and shown["move"]["to"] == "b" and 5 < shown["move"]["eta"] < 13
    await waiting


@in_world()
async def test_a_model_that_spilled_is_shown(world):
    await world.ask("a")
    ps = world.machine.ps

    async def spilled():
        return [type(each)(each.name, each.size, each.size // 2) for each in await ps()]

    world.machine.ps = spilled
    await asyncio.sleep(4)
    assert world.swapper.snapshot()["residents"][0]["spilled"] is True
