"""What is said about waiting, and whether it comes true."""

import asyncio
import random

from tests.fakes.virtual_time import now
from tests.unit.fleet.swapper.world import in_world


@in_world()
async def test_the_wait_for_a_line_grows_with_those_ahead(world):
    turns = [world.start("a", 10) for _ in range(9)]
    await asyncio.sleep(11)
    told = []
    waiting = world.start("a", on_eta=told.append)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told[0].position == 7 and told[0].seconds > 20
    await asyncio.gather(waiting, *turns)


@in_world()
async def test_predictions_are_about_right(world):
    """Half of them within 10 s over two models that take turns at a load of 0.5."""
    rnd, errors = random.Random(1), []

    async def ask(name):
        told, began = [], now()
        await world.ask(name, rnd.expovariate(1 / 8), on_eta=told.append)
        errors.append(abs((told[0].seconds if told else 0.0) - (now() - began)))

    tasks = []
    for _ in range(300):
        await asyncio.sleep(rnd.expovariate(0.5 * 2 / 8))
        tasks.append(asyncio.create_task(ask(rnd.choice("ab"))))
    await asyncio.gather(*tasks)
    assert sorted(errors)[150] < 15
