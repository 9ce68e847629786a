"""Operators' care of models on machines at work: never under a question, and one way for all."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from core.errors import Conflict, ModelNotInstalled, Overloaded, ProviderUnreachable
from core.http import HttpClient
from fleet.compute import Compute, Waits
from fleet.machines.record import Record
from fleet.machines.swapping import swapping
from fleet.machines.tending import held, tended
from tests.fakes.llamacpp import FakeLlamaCpp
from tests.fakes.ollama import FakeOllama
from tests.unit.fleet.machines.rooms import factories, opened, until
from tests.unit.fleet.machines.worlds import GEMMA, LLAMA, QUICK, loaded, world
from tests.unit.fleet.memory.shelves import Kept


def port(made, name="local"):
    return tended(made.machines)[name]


def holder(made, name="local"):
    return held(made.machines)[name]


async def test_a_model_is_unloaded_when_its_last_question_has_ended():
    async with world("local") as made:
        fake = made.fakes["local"]
        async with made.fleet.turn(GEMMA):
            unloading = asyncio.create_task(holder(made).unload(GEMMA))
            await until(lambda: made.engine().turns.swapper.yard.model(GEMMA).is_leaving)
            await asyncio.sleep(0.1)
            assert GEMMA in fake.machine.runners and not unloading.done()
        await unloading
        assert not fake.machine.runners and GEMMA in fake.machine.installed


async def test_a_model_is_deleted_when_its_last_question_has_ended_and_who_waits_is_told():
    async with world("local") as made:
        fake = made.fakes["local"]
        async with made.fleet.turn(GEMMA):
            deleting = asyncio.create_task(port(made).delete(GEMMA))
            await until(lambda: made.engine().turns.swapper.yard.model(GEMMA).is_leaving)
            waiting = asyncio.create_task(made.place())
            await until(lambda: made.engine().turns.swapper.yard.waiting == 1)
            assert GEMMA in fake.machine.installed and GEMMA in fake.machine.runners
        await deleting
        with pytest.raises(ModelNotInstalled):
            await waiting
        assert GEMMA not in fake.machine.installed and loaded(fake) == [GEMMA]


async def test_one_that_stays_in_memory_is_neither_unloaded_nor_deleted():
    async with world("local", always_on=(GEMMA,)) as made:
        fake = made.fakes["local"]
        await until(lambda: GEMMA in fake.machine.runners)
        for verb in (holder(made).unload, port(made).delete):
            with pytest.raises(Conflict, match="always on"):
                await verb(GEMMA)
        assert GEMMA in fake.machine.runners and GEMMA in fake.machine.installed and await made.place() == "local"


async def test_who_does_not_wait_for_ever_is_told_that_it_is_still_there():
    async with world("local") as made:
        async with made.fleet.turn(GEMMA):
            with pytest.raises(Overloaded, match="still answering"):
                await made.fleet.evict(GEMMA, 0.05)
        await until(lambda: not made.fakes["local"].machine.runners)


async def test_a_model_leaves_all_machines_that_have_it():
    async with world("local", "box") as made:
        for name in ("local", "box"):
            await made.engine(name).turns.meet((GEMMA,))
            made.engine(name).turns.preload(GEMMA)
        await until(lambda: all(GEMMA in fake.machine.runners for fake in made.fakes.values()))
        await made.fleet.evict("gemma3:1b", 5.0)
        assert not any(fake.machine.runners for fake in made.fakes.values())


async def test_a_machine_that_is_down_is_not_waited_for():
    async with world("local") as made:
        made.engine().health.state = "down"
        for verb in (holder(made).unload, port(made).delete):
            with pytest.raises(ProviderUnreachable, match="local"):
                await verb(GEMMA)


async def test_where_nobody_manages_the_memory_ollama_is_asked_itself():
    async with FakeOllama() as fake:
        http = HttpClient()
        async with opened([Record("local", fake.url)], None, factories(http)) as machines:
            await machines.local.machine.load(GEMMA, num_gpu=None)
            await held(machines)["local"].unload(GEMMA)
            assert not fake.machine.runners
            await machines.local.machine.load(GEMMA, num_gpu=None)
            await tended(machines)["local"].delete(GEMMA)
            assert not fake.machine.runners and GEMMA not in fake.machine.installed
        await http.close()


async def test_a_model_whose_server_cannot_unload_it_is_told_at_once():
    async with FakeLlamaCpp(routes_models=False) as fake:
        http = HttpClient()
        make = replace(factories(http), turns=partial(swapping, sizes=Kept(), tuning=QUICK))
        async with opened([Record("local", fake.url, "llamacpp")], None, make) as machines:
            one = held(machines)["local"]
            (name, *_) = await one.names()
            await until(lambda: machines.local.turns.swapper.yard.model(name).is_resident)
            assert one.identify(name) == name
            with pytest.raises(Conflict, match="started with one model, which stays in memory"):
                await one.unload(name)
        await http.close()


def compute(made, **waits):
    async def save(mode):
        saved.append(mode)

    saved = []
    engine = made.engine()
    waits = Waits(**{"drain": 5.0, "look": 0.02} | waits)
    switch = Compute(
        engine.turns, engine.machine, mode="auto", save=save, presence=lambda: ("present", "a card"), always_on=lambda: (),
        now=lambda: 0.0, waits=waits,
    )  # fmt: skip
    return switch, saved


async def test_a_switch_of_compute_waits_for_the_questions_and_those_that_come_wait_for_it():
    async with world("local") as made:
        switch, saved = compute(made)
        async with made.fleet.turn(GEMMA):
            assert made.engine().turns.inside == 1
            switching = asyncio.create_task(switch.switch("cpu"))
            await until(lambda: made.engine().turns.swapper.yard.is_closed)
            coming = asyncio.create_task(made.place())
            await until(lambda: made.engine().turns.swapper.yard.waiting == 1)
            assert GEMMA in made.fakes["local"].machine.runners and not saved and not coming.done()
        assert (await switching).state == "done" and saved == ["cpu"]
        assert await coming == "local" and loaded(made.fakes["local"]) == [GEMMA, GEMMA]


async def test_a_switch_that_cannot_drain_changes_nothing_and_lets_everybody_in_again():
    async with world("local") as made:
        switch, saved = compute(made, drain=0.05)
        async with made.fleet.turn(GEMMA):
            assert (await switch.switch("cpu")).state == "failed" and not saved
            await until(lambda: not made.engine().turns.swapper.yard.is_closed)
        assert await made.place(LLAMA) == "local"
