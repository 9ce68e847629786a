"""Turns of real swappers on two machines, each over a fake Ollama."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from core.caller import Caller
from core.errors import ModelTooLarge, Overloaded
from core.http import HttpClient
from fleet.machines.fleet import Fleet
from fleet.machines.record import Record
from fleet.machines.swapping import Swapping, swapping
from fleet.swapper.tuning import Tuning
from tests.fakes.ollama import FakeOllama
from tests.unit.fleet.machines.rooms import factories, opened, until
from tests.unit.fleet.memory.shelves import Kept

GEMMA, LLAMA = "gemma3:1b", "llama3.2:3b"
QUICK = Tuning(truth_every=0.05, confirm_every=0.02, unload=0.05)


class World:
    def __init__(self, machines, fakes):
        self.machines, self.fakes, self.fleet = machines, fakes, Fleet(machines)

    def engine(self, name="local"):
        return self.machines.get(name)

    async def place(self, model=GEMMA, **more):
        async with self.fleet.turn(model, Caller("key", **more)) as place:
            return place.machine


@asynccontextmanager
async def world(*names, budget=4 << 30, kept=None, **more):
    fakes, http = {name: FakeOllama() for name in names}, HttpClient()
    for fake in fakes.values():
        await fake.start()
    make = replace(factories(http), turns=partial(swapping, sizes=kept or Kept(), tuning=QUICK, **more))
    fixed = [Record(name, fake.url, budget_bytes=budget) for name, fake in fakes.items()]
    try:
        async with opened(fixed, None, make) as machines:
            made = World(machines, fakes)
            await machines.watch.round()
            await made.fleet.refresh()
            yield made
    finally:
        await http.close()
        for fake in fakes.values():
            await fake.stop()


def loaded(fake):
    return [name for name, _ in fake.machine.loads]


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


async def test_two_models_take_two_machines_and_each_stays_where_it_is():
    async with world("local", "box", budget=4 << 30) as made:
        first, second = await made.place(GEMMA), await made.place(LLAMA)
        assert {first, second} == {"local", "box"}
        for _ in range(3):
            assert await made.place(LLAMA) == second and await made.place(GEMMA) == first
        assert sorted(name for fake in made.fakes.values() for name in loaded(fake)) == [GEMMA, LLAMA]


async def test_a_model_larger_than_the_budget_is_refused_with_the_numbers():
    async with world("local", budget=3 << 30) as made:
        with pytest.raises(ModelTooLarge, match=r"3\.9 GiB.*local.*3\.0 GiB"):
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
        made.engine().turns.keep((GEMMA,))
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
