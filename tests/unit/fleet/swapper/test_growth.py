"""A model in memory that is about to take more: room is made for it, or it is told that there is none."""

import asyncio

import pytest

from core.errors import ModelTooLarge, Overloaded
from tests.fakes.virtual_time import now
from tests.unit.fleet.swapper.world import GB, in_world


async def grown(world, model="small", size=12 * GB):
    async with world.swapper.turn(model):
        await world.swapper.grow(model, size, size)
        world.machine.grow(model, size)
        await asyncio.sleep(5)


@in_world()
async def test_an_idle_model_leaves_for_what_another_one_grows_by(world):
    await world.ask("tiny")
    await world.ask("small")
    assert len(world.machine.resident) == 2
    await grown(world, size=24 * GB)
    assert world.machine.resident == {"small": 24 * GB}


@in_world()
async def test_what_fits_drives_nobody_out(world):
    await world.ask("small")
    await world.ask("tiny")
    await grown(world)
    assert world.machine.resident == {"small": 12 * GB, "tiny": 4 * GB}


@in_world()
async def test_the_room_is_taken_before_the_machine_shows_it(world):
    """`tiny` has room beside what `small` was, and none beside what it is about to be."""
    await world.ask("small")
    async with world.swapper.turn("small"):
        await world.swapper.grow("small", 24 * GB, 24 * GB)
        waiting = world.start("tiny")
        await asyncio.sleep(20)
        assert world.machine.loads == ["small"] and not waiting.done()
        world.machine.grow("small", 24 * GB)
    await waiting
    assert list(world.machine.resident) == ["tiny"]


@in_world()
async def test_a_busy_model_ends_its_work_before_it_leaves(world):
    await world.ask("tiny")
    busy = world.start("tiny", 30.0)
    await asyncio.sleep(1)
    growing = asyncio.create_task(grown(world, size=24 * GB))
    await asyncio.sleep(20)
    assert not busy.done() and "tiny" in world.machine.resident
    await asyncio.gather(busy, growing)
    assert list(world.machine.resident) == ["small"]


@in_world()
async def test_who_would_wait_longer_than_a_model_may_take_to_leave_is_told(world):
    await world.ask("small")
    await world.ask("tiny")
    busy = world.start("tiny", 300.0)
    await asyncio.sleep(1)
    with pytest.raises(Overloaded, match="as long a text with small") as told:
        await grown(world, size=24 * GB)
    assert told.value.retry_after == 60.0
    await busy


@in_world()
async def test_two_that_grow_at_once_do_not_wait_for_each_other(world):
    await world.ask("small")
    await world.ask("tiny")
    began = now()
    ends = await asyncio.gather(grown(world, "small", 20 * GB), grown(world, "tiny", 20 * GB), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [Overloaded] and now() - began < 20
    assert list(world.machine.resident.values()) == [20 * GB]


@in_world()
async def test_what_is_being_loaded_comes_first_and_leaves_then(world):
    await world.ask("small")
    loading = world.start("tiny")
    await asyncio.sleep(1)
    assert world.machine.loading == "tiny"
    await grown(world, size=24 * GB)
    assert loading.done() and world.machine.resident == {"small": 24 * GB}


@in_world(always_on=("light",))
async def test_what_has_no_room_beside_the_models_that_stay_is_refused_with_the_numbers(world):
    with pytest.raises(ModelTooLarge, match="kept for light"):
        await grown(world, size=25 * GB)
    await grown(world, size=12 * GB)
    assert "light" in world.machine.resident


@in_world()
async def test_a_model_that_is_gone_asks_for_nothing(world):
    async with world.swapper.turn("small"):
        world.machine.crash("small")
        world.swapper.yard.model("small").gone()
        await world.swapper.grow("small", 24 * GB, 24 * GB)
        assert world.swapper.yard.model("small").claimed == 0
        await world.ask("tiny")


@in_world()
async def test_what_one_waits_for_another_one_does_not_have_either(world):
    """Right after a load, when the machine has not shown yet what the model takes."""
    await world.ask("tiny")
    busy = world.start("tiny", 30.0)
    async with world.swapper.turn("small"):
        small = world.swapper.yard.model("small")
        growing = asyncio.create_task(world.swapper.grow("small", 24 * GB, 24 * GB))
        await asyncio.sleep(0)
        assert (small.size, small.claimed) == (4 * GB, 0) and not growing.done()
        await growing
        assert busy.done() and small.size == 24 * GB
