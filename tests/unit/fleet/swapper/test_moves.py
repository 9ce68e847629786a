"""Memory changes hands: always-on models, strangers, crashes, silence, and what the operator wants."""

import asyncio
from dataclasses import replace

import pytest

from core.errors import Conflict, ModelOutOfMemory, ModelTooLarge, Overloaded
from tests.fakes.virtual_time import now
from tests.unit.fleet.swapper.world import GB, in_world


@in_world(always_on=("light", "tiny"), budget=38 * GB)
async def test_always_on_models_come_first_and_stay(world):
    await asyncio.gather(world.ask("a"), *(world.ask("light") for _ in range(3)))
    assert world.machine.loads[:2] == ["light", "tiny"]
    await world.ask("b")
    assert {"light", "tiny"} <= world.machine.resident.keys()


@in_world(always_on=("light",), budget=32 * GB)
async def test_an_always_on_model_that_ollama_dropped_comes_back_before_a_heavy_load(world):
    await world.ask("a")
    world.machine.crash("light")
    world.machine.crash("a")
    await asyncio.sleep(0.1)
    await world.ask("b")
    assert world.machine.loads == ["light", "a", "light", "b"]


@in_world(always_on=("light",), budget=32 * GB)
async def test_running_out_of_memory_brings_the_always_on_models_back(world):
    await asyncio.sleep(5)
    world.machine.faults.append(ModelOutOfMemory("There is not enough memory."))
    await world.ask("a")
    assert world.machine.loads == ["light", "a", "light", "a"]


@in_world(always_on=("light",), budget=32 * GB)
async def test_always_on_models_answer_while_heavy_ones_change(world):
    await world.ask("a")
    heavy = world.start("b")
    await asyncio.sleep(3)
    assert await world.ask("light") == 0
    await heavy


@in_world(always_on=("a", "b"))
async def test_always_on_models_without_room_take_turns_like_others(world):
    await asyncio.sleep(30)
    assert world.swapper.snapshot()["without_room"] == ["b"] and world.machine.loads == ["a"]


@in_world()
async def test_small_models_stay_beside_each_other(world):
    for name in ("small", "tiny", "light", "small", "tiny"):
        await world.ask(name)
    assert world.machine.loads == ["small", "tiny", "light"]


@in_world(budget=None)
async def test_with_an_unknown_budget_one_on_demand_model_at_a_time(world):
    for name in ("small", "tiny", "small"):
        await world.ask(name)
    assert world.machine.loads == ["small", "tiny", "small"] and list(world.machine.resident) == ["small"]


@in_world()
async def test_a_model_that_its_server_cannot_unload_is_nobodys_victim(world):
    world.machine.intrude("a")
    ps = world.machine.ps

    async def fixed():
        return [replace(each, fixed=each.name == "a") for each in await ps()]

    world.machine.ps = fixed
    await asyncio.sleep(4)
    with pytest.raises(ModelTooLarge, match="kept for a"):
        await asyncio.wait_for(world.ask("b"), 1)
    assert await world.ask("a") == 0 and await world.ask("small") > 0
    assert list(world.machine.resident) == ["a", "small"] and world.machine.loads == ["small"]


@in_world()
async def test_what_ollama_shows_at_the_start_is_taken_over(world):
    world.machine.intrude("a")
    await asyncio.sleep(4)
    assert await world.ask("a") == 0 and world.machine.loads == []
    assert world.swapper.snapshot()["residents"][0]["foreign"] is True
    assert [resident.name for resident in world.observed] == ["a"]


@in_world()
async def test_a_stranger_that_is_in_the_way_has_to_leave(world):
    await asyncio.sleep(1)
    world.machine.intrude("a")
    await world.ask("b")
    assert list(world.machine.resident) == ["b"]


@in_world()
async def test_a_stranger_that_makes_it_too_much_has_to_leave(world):
    await world.ask("a")
    world.machine.intrude("b")
    await asyncio.sleep(10)
    assert list(world.machine.resident) == ["a"]


@in_world()
async def test_what_the_operator_loads_behind_closed_doors_is_no_stranger(world):
    """A change of the compute mode unloads and loads models while nobody is let in."""
    await world.ask("a")
    assert await world.swapper.drain(10)
    world.machine.crash("a")
    world.machine.intrude("b")
    world.swapper.resume()
    await asyncio.sleep(4)
    assert await world.ask("a") < 12 and world.swapper.yard.shared_until < 0


@in_world(evict_foreign=False)
async def test_strangers_may_be_left_alone(world):
    world.machine.intrude("a")
    await asyncio.sleep(4)
    waiting = world.start("b")
    await asyncio.sleep(100)
    assert list(world.machine.resident) == ["a"] and not waiting.done()
    waiting.cancel()


@in_world()
async def test_while_ollama_is_silent_nothing_moves_and_residents_are_served(world):
    await world.ask("a")
    await asyncio.sleep(1)
    world.machine.is_down = True
    await asyncio.sleep(4)
    waiting = world.start("b")
    async with world.swapper.turn("a"):
        pass
    await asyncio.sleep(60)
    assert world.swapper.snapshot()["reachable"] is False and world.machine.loads == ["a"]
    world.machine.is_down = False
    await waiting
    assert world.machine.loads == ["a", "b"]


@in_world(lag=1e6)
async def test_a_model_that_does_not_leave_is_told_to_whoever_waits(world):
    await world.ask("a")
    with pytest.raises(Overloaded, match="a did not leave it"):
        await world.ask("b")
    assert world.machine.loads == ["a"] and await world.ask("a") == 0


@in_world()
async def test_a_restart_of_ollama_in_the_middle_of_a_swap_ends_in_the_wanted_model(world):
    await world.ask("a")
    waiting = world.start("b")
    await asyncio.sleep(5)
    world.machine.restart()
    await waiting
    assert list(world.machine.resident) == ["b"]


@in_world()
async def test_a_crashed_model_with_requests_inside_still_counts(world):
    """Ollama loads it again for them, which does not show: nothing else may be loaded meanwhile."""
    await world.ask("a")
    turn = world.start("a", 5)
    await asyncio.sleep(4)
    working = [world.start("a", 30) for _ in range(3)]
    world.machine.crash("a")
    await asyncio.sleep(4)
    assert world.swapper.yard.models["a"].is_resident
    await asyncio.gather(turn, *working)
    assert await world.ask("a") == 0


@in_world()
async def test_preload_tells_how_long_and_the_model_stays_until_it_has_paid(world):
    assert 10 <= world.swapper.preload("a") <= 13
    assert world.swapper.preload("a") > 0
    await asyncio.sleep(11)
    assert world.swapper.preload("a") == 0.0
    assert await world.ask("a") == 0
    assert 30 < await world.ask("b") < 60
    with pytest.raises(ModelTooLarge):
        world.swapper.preload("giant")


@in_world()
async def test_preload_during_a_swap_waits_for_its_turn(world):
    await world.ask("a")
    other = world.start("b")
    await asyncio.sleep(2)
    assert world.swapper.preload("a") > 20
    await other
    await asyncio.sleep(60)
    assert world.machine.loads == ["a", "b", "a"]


@in_world(budget=32 * GB)
async def test_a_model_that_shall_stay_is_loaded_and_goes_when_it_need_not(world):
    world.swapper.yard.pinned_names.append("light")
    world.swapper.poke()
    await asyncio.sleep(5)
    assert world.machine.loads == ["light"]
    with pytest.raises(Conflict):
        await world.swapper.evict("light")
    world.swapper.yard.pinned_names.clear()
    assert await world.swapper.evict("light")
    assert not world.machine.resident


@in_world()
async def test_evicting_waits_for_those_inside(world):
    working = world.start("a", 20)
    await asyncio.sleep(11)
    began = now()
    assert await world.swapper.evict("a")
    assert now() - began > 18 and working.done() and not world.machine.resident
    assert await world.swapper.evict("a")


@in_world()
async def test_evicting_gives_up_when_somebody_stays_inside(world):
    working = world.start("a", 1000)
    await asyncio.sleep(11)
    assert not await world.swapper.evict("a", 50)
    working.cancel()


@in_world()
async def test_draining_lets_nobody_in_until_resumed(world):
    working = world.start("a", 30)
    await asyncio.sleep(11)
    assert not await world.swapper.drain(5)
    assert await world.swapper.drain(60) and working.done()
    waiting = world.start("a")
    await asyncio.sleep(30)
    assert not waiting.done()
    world.machine.crash("a")
    world.swapper.resume()
    assert await waiting == pytest.approx(40, abs=0.1) and world.machine.loads == ["a", "a"]


@in_world(speculate=True)
async def test_the_next_model_comes_before_it_is_asked_for_when_the_pattern_is_clear(world):
    waits = []
    for _ in range(12):
        for name in "ab":
            await asyncio.sleep(25)
            waits.append(await world.ask(name))
    assert min(waits[:6]) > 9 and max(waits[-6:]) == 0


async def alternate(world):
    for _ in range(10):
        for name in "ab":
            await asyncio.sleep(25)
            await world.ask(name)


@in_world(speculate=True)
async def test_what_the_operator_has_evicted_is_not_loaded_ahead(world):
    await alternate(world)
    await asyncio.sleep(25)
    assert world.machine.resident.keys() == {"a"} and await world.swapper.evict("a")
    await world.ask("b")
    await asyncio.sleep(100)
    assert world.machine.resident.keys() == {"b"}


@in_world(speculate=True)
async def test_a_wrong_guess_makes_way(world):
    await alternate(world)
    await asyncio.sleep(5)
    assert world.machine.loading == "a" and world.swapper.snapshot()["move"]["speculative"]
    assert await world.ask("b") < 14


@in_world(budget=60 * GB)
async def test_what_somebody_else_loads_while_others_leave_for_it_is_not_loaded_again(world):
    """Three that fill the memory; `giant` comes by itself while `a` and `b` drain for it, and is served where it is."""
    await world.ask("a")
    await world.ask("b")
    busy = [world.start("a", 500.0), world.start("b", 500.0)]
    waiting = world.start("giant", 200.0)
    await asyncio.sleep(300)
    assert world.swapper.yard.move and world.swapper.yard.move.phase == "draining" and not waiting.done()
    world.machine.intrude("giant")
    other = world.start("light")
    await asyncio.sleep(5)
    assert world.swapper.yard.move is None and world.swapper.yard.model("giant").inside == 1
    await asyncio.gather(waiting, other, *busy)
    assert "giant" not in world.machine.loads


@in_world(budget=60 * GB, lag=20.0)
async def test_what_has_left_and_is_loaded_by_somebody_else_while_others_still_leave_is_served(world):
    """`a` and `b` leave for `giant`; `a` is gone first, and a stranger brings it back."""
    await world.ask("a")
    await world.ask("b")
    waiting = world.start("giant")
    await asyncio.sleep(3)
    world.machine.crash("a")
    await asyncio.sleep(2)
    move = world.swapper.yard.move
    assert move.phase == "unloading" and [one.name for one in move.leaving if one.is_resident] == ["b"]
    world.machine.intrude("a")
    back = world.start("a", 3.0)
    await asyncio.gather(back, waiting)
    assert [name for name, _ in world.served][2:] == ["a", "giant"]
