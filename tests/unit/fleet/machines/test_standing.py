import asyncio

from fleet.compute import Resident
from fleet.machines.standing import Occupant, Queue, occupants, standing
from tests.unit.fleet.swapper.world import GB, in_world


@in_world(always_on=("light",), budget=40 * GB)
async def test_what_a_swapper_knows_is_what_is_shown(world):
    assert standing(world.swapper.snapshot()).occupants is None, "before its first look nobody knows"
    await world.ask("light")
    told = standing(world.swapper.snapshot())
    (light,) = told.occupants
    assert (told.phase, light.model, light.state, light.always_on, light.eta_seconds) == (
        "serving",
        "light",
        "resident",
        True,
        None,
    )
    asked = world.start("a")
    await asyncio.sleep(4)
    told = standing(world.swapper.snapshot())
    coming = next(one for one in told.occupants if one.model == "a")
    assert (told.phase, coming.state, coming.size) == ("loading", "loading", None)
    assert 0 < coming.seconds < 5 and 5 < coming.eta_seconds < 10
    (queue,) = told.queues
    assert (queue.model, queue.waiting, queue.inside) == ("a", 1, 0) and 3 < queue.oldest_seconds < 5
    await asked
    there = {one.model: one for one in standing(world.swapper.snapshot()).occupants}
    assert there["a"].state == "resident" and there["a"].size == 20 * GB


@in_world()
async def test_one_that_has_to_go_is_leaving(world):
    await world.ask("a")
    working, waiting = world.start("a", 700), world.start("b")
    await asyncio.sleep(600)
    told = standing(world.swapper.snapshot())
    assert told.phase == "draining" and [(one.model, one.state) for one in told.occupants] == [("a", "leaving")]
    await asyncio.gather(working, waiting)


def test_a_probe_knows_sizes_and_no_times():
    told = occupants([Resident("a", 10, 9), Resident("b", 0, 0)], "b".__eq__)
    assert told == (Occupant("a", "resident", 10, 9), Occupant("b", "resident", None, 0, True))
    assert Queue("a", 0, 1).oldest_seconds is None
