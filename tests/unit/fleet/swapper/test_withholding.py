"""A model that an operator takes away: nobody is let in, nobody loads it, and who waits is told in the end."""

import asyncio

import pytest

from core.errors import Conflict, ModelNotInstalled
from tests.unit.fleet.swapper.world import in_world

GONE = ModelNotInstalled("It was deleted.")


@in_world()
async def test_it_leaves_when_its_last_question_has_ended_and_is_loaded_for_nobody(world):
    await world.ask("a")
    busy = world.start("a", 30.0)
    await asyncio.sleep(1)
    async with world.swapper.withheld("a", GONE):
        evicted = asyncio.create_task(world.swapper.evict("a"))
        waiting = world.start("a")
        await asyncio.sleep(10)
        assert "a" in world.machine.resident and not busy.done()
        assert await evicted and busy.done() and not world.machine.resident
        await world.ask("b")
        await asyncio.sleep(60)
        assert world.machine.loads == ["a", "b"] and not waiting.done()
    with pytest.raises(ModelNotInstalled):
        await waiting


@in_world()
async def test_when_nothing_came_of_it_who_waits_is_served(world):
    with pytest.raises(Conflict):
        async with world.swapper.withheld("a", GONE):
            waiting = world.start("a")
            await asyncio.sleep(20)
            raise Conflict("The disk cannot be written.")
    assert await waiting >= 20


@in_world()
async def test_a_model_that_is_being_loaded_is_waited_for_and_leaves(world):
    waiting = world.start("a")
    await asyncio.sleep(5)
    assert world.machine.loading == "a"
    async with world.swapper.withheld("a", GONE):
        assert await world.swapper.evict("a") and not world.machine.resident and world.machine.loading is None
    with pytest.raises(ModelNotInstalled):
        await waiting


@in_world()
async def test_who_drains_for_it_is_let_in_to_again(world):
    await world.ask("b")
    busy, waiting = world.start("b", 400.0), world.start("a")
    await asyncio.sleep(200)
    assert world.swapper.yard.model("b").is_leaving
    async with world.swapper.withheld("a", GONE):
        await asyncio.sleep(1)
        assert await world.ask("b") < 1 and not busy.done()
    with pytest.raises(ModelNotInstalled):
        await waiting
    await busy


@in_world(speculate=True)
async def test_it_is_not_loaded_ahead_either(world):
    for _ in range(8):
        await world.ask("a")
        await world.ask("b")
    await world.ask("a")
    loads = len(world.machine.loads)
    async with world.swapper.withheld("b", GONE):
        await asyncio.sleep(60)
        assert len(world.machine.loads) == loads


@in_world(always_on=("light",))
async def test_one_that_is_always_on_is_not_taken(world):
    await asyncio.sleep(5)
    with pytest.raises(Conflict, match="always on") as told:
        await world.swapper.evict("light")
    assert "ALWAYS_ON_MODELS" in told.value.hint


@in_world()
async def test_who_waits_is_sent_away_but_not_who_is_inside_nor_what_the_operator_wants_loaded(world):
    await world.ask("a")
    busy = world.start("a", 30.0)
    await asyncio.sleep(1)
    waiting = [world.start("b"), world.start("b")]
    await asyncio.sleep(1)
    world.swapper.preload("b")
    world.swapper.send_away(GONE)
    assert [type(told) for told in await asyncio.gather(*waiting, return_exceptions=True)] == [ModelNotInstalled] * 2
    assert await busy < 1
    await asyncio.sleep(30)
    assert world.machine.loads == ["a", "b"] and world.swapper.yard.waiting == 0
