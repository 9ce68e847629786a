"""Turns of real swappers on two machines, each over a fake Ollama."""

import asyncio
from dataclasses import replace

import pytest

from core.caller import Caller
from core.errors import ModelNotInstalled, ModelTooLarge, Overloaded
from fleet.machines.swapping import Swapping
from tests.unit.fleet.machines.rooms import until
from tests.unit.fleet.machines.worlds import GEMMA, LLAMA, loaded, world


async def test_a_turn_loads_its_model_once_and_the_next_one_finds_it():
    async with world("local") as made:
        turns = made.engine().turns
        assert isinstance(turns, Swapping) and turns.alive
        assert turns.outlook(GEMMA).resident is False and turns.outlook(GEMMA).load > 0
        assert await asyncio.gather(*(made.place() for _ in range(5))) == ["local"] * 5
        assert loaded(made.fakes["local"]) == [GEMMA]
        assert turns.outlook(GEMMA).resident and turns.outlook(GEMMA).wait == 0.0
        async with made.fleet.turn(GEMMA):
            (queue,) = turns.standing().queues
            assert (queue.model, queue.inside, queue.waiting, turns.standing().phase) == (GEMMA, 1, 0, "serving")
    assert not turns.alive


async def test_a_load_alone_waits_for_the_model_and_says_nothing_about_how_long_turns_take():
    async with world("local") as made:
        asker = Caller("key")
        await made.fleet.load(GEMMA, asker)
        assert asker.machine == "local" and loaded(made.fakes["local"]) == [GEMMA]
        known = made.engine().turns.swapper.yard.model(GEMMA)
        assert known.is_open and not known.inside and not known.service.is_known and known.held_until > known.loaded_at
        with pytest.raises(ModelNotInstalled):
            await made.fleet.load("nobody:1b", asker)


async def test_two_models_take_two_machines_and_each_stays_where_it_is():
    async with world("local", "box", budget=4 << 30) as made:
        first, second = await made.place(GEMMA), await made.place(LLAMA)
        assert {first, second} == {"local", "box"}
        for _ in range(3):
            assert await made.place(LLAMA) == second and await made.place(GEMMA) == first
        assert sorted(name for fake in made.fakes.values() for name in loaded(fake)) == [GEMMA, LLAMA]


async def test_a_model_larger_than_the_budget_is_refused_with_the_numbers():
    async with world("local", budget=3 << 30) as made:
        with pytest.raises(ModelTooLarge, match=r"3\.9 GiB.*3\.0 GiB on the machine local"):
            await made.place(LLAMA)
        with pytest.raises(ModelTooLarge, match=r"3\.9 GiB.*3\.0 GiB"):
            await made.fleet.preload(LLAMA)
        assert await made.place(GEMMA) == "local"


async def test_who_waits_for_a_load_moves_when_the_machine_is_switched_off():
    async with world("local", "box") as made:
        for fake in made.fakes.values():
            fake.load_seconds = 5.0
        waiting = asyncio.create_task(made.place())
        await until(lambda: any(engine.turns.swapper.yard.waiting for engine in made.machines))
        (first,) = (engine for engine in made.machines if engine.turns.swapper.yard.waiting)
        other = "local" if first.record.name == "box" else "box"
        made.fakes[other].load_seconds = 0.0
        await made.machines.change(first.record.name, {"enabled": False})
        assert await waiting == other and not first.turns.swapper.yard.waiting and first.is_idle


async def test_models_that_shall_stay_are_loaded_when_the_record_says_so():
    async with world("local") as made:
        engine = made.engine()
        engine.record = replace(engine.record, always_on=(GEMMA,))
        engine.turns.renew()
        await until(lambda: GEMMA in loaded(made.fakes["local"]))
        assert made.engine().turns.swapper.snapshot()["always_on"] == [GEMMA]


async def test_when_the_machine_goes_who_waits_is_refused():
    async with world("local") as made:
        made.fakes["local"].load_seconds = 60.0
        waiting = asyncio.create_task(made.place())
        await until(lambda: made.engine().turns.swapper.yard.waiting == 1)
        await made.machines.close()
        with pytest.raises(Overloaded):
            await waiting
