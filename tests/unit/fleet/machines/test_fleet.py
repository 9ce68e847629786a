"""Turns over two or three fake Ollamas, one of which dies or is slow."""

import asyncio

import pytest

from core.caller import Caller
from core.errors import (
    MemoryTaken,
    ModelNotInstalled,
    ModelTooLarge,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnreachable,
)
from core.http import HttpClient
from fleet.machines.fleet import Fleet
from fleet.machines.record import Record
from fleet.telemetry import Cards
from tests.fakes.ollama import FakeOllama
from tests.unit.fleet.machines.rooms import factories, opened, until

GEMMA = "gemma3:1b"


class World:
    """`local`, `b` and `c`, each a fake Ollama; `turns` by the names of the machines."""

    def __init__(self, machines, fakes, turns, clock):
        self.machines, self.fakes, self.turns = machines, fakes, turns
        self.fleet = Fleet(machines, clock=clock)

    async def place(self, model=GEMMA, **more) -> str:
        async with self.fleet.turn(model, **more) as place:
            return place.machine

    async def dies(self, name):
        await self.fakes[name].stop()
        for _ in range(3):
            await self.machines.watch.round()


@pytest.fixture
async def world(clock):
    fakes, turns, http = {name: FakeOllama() for name in ("local", "b", "c")}, {}, HttpClient()
    for fake in fakes.values():
        await fake.start()
    fixed = [Record(name, fake.url) for name, fake in fakes.items()]
    async with opened(fixed, None, factories(http, turns), clock=clock) as machines:
        made = World(machines, fakes, turns, clock)
        await machines.watch.round()
        await made.fleet.refresh()
        yield made
    await http.close()
    for fake in fakes.values():
        await fake.stop()


async def test_a_request_goes_where_it_is_answered_first(world):
    world.turns["b"].wait = world.turns["local"].wait = 5.0
    assert await world.place() == "c"
    world.turns["c"].wait = 60.0
    assert await world.place() == "b"


async def test_the_only_machine_that_holds_a_model_is_taken_without_a_look_at_the_others_if_it_is_of_the_kind(world):
    for name in ("local", "c"):
        world.fakes[name].machine.installed.clear()
    await world.fleet.refresh()
    world.turns["b"].resident = True
    looked, reckoned = [], world.turns["b"].outlook
    world.turns["b"].outlook = lambda model: looked.append(model) or reckoned(model)
    assert await world.place() == "b" and not looked
    with pytest.raises(Overloaded, match="b: kind"):
        await world.place(kind="vllm")
    world.machines.get("b").draining = True
    with pytest.raises(ModelNotInstalled):
        await world.place()
    assert looked


async def test_the_adapter_is_the_one_of_the_machine_and_the_asker_is_told_to_its_turns(world):
    async with world.fleet.turn(GEMMA, Caller("key-1", "batch")) as place:
        assert await place.host.version() and world.machines.get(place.machine).inside == 1
    assert world.turns[place.machine].askers == [("key-1", "batch")]
    assert [request.path for request in world.fakes[place.machine].requests].count("/api/version") == 2
    assert all(engine.is_idle for engine in world.machines) and not any(turns.inside for turns in world.turns.values())


async def test_a_model_stays_where_it_is_in_memory(world):
    assert await world.place() == "b"  # equals go by name
    await world.machines.get("c").host.load(GEMMA, num_gpu=None)
    await world.machines.watch.round()
    assert await world.place() == "c" and await world.place("gemma3:1b") == "c"


async def test_a_model_that_one_machine_has_goes_there(world):
    for name in ("b", "local"):
        del world.fakes[name].machine.installed[GEMMA]
    await world.fleet.refresh()
    world.turns["c"].wait = 99.0
    assert await world.place() == "c"


async def test_a_model_that_was_pulled_elsewhere_is_found(world, ticking):
    for fake in world.fakes.values():
        del fake.machine.installed[GEMMA]
    await world.fleet.refresh()
    ticking.time += 60
    with pytest.raises(ModelNotInstalled) as caught:
        await world.place()
    assert "gemma3:1b" in caught.value.detail and "/models/download" in caught.value.hint
    world.fakes["c"].machine.installed[GEMMA] = world.fakes["c"].machine.library[GEMMA]
    ticking.time += 60
    assert await world.place() == "c"


async def test_the_lists_are_not_asked_for_each_unknown_name(world, ticking):
    ticking.time += 60

    async def unknown():
        with pytest.raises(ModelNotInstalled):
            await world.place("nothing:7b")

    await asyncio.gather(*(unknown() for _ in range(20)))
    assert [request.path for request in world.fakes["b"].requests].count("/api/tags") == 2


async def test_what_was_queued_on_a_machine_that_dies_moves(world):
    world.turns["b"].gate.clear()
    waiting = [asyncio.create_task(world.place()) for _ in range(5)]
    await until(lambda: world.turns["b"].waiting == 5)
    await world.dies("b")
    assert await asyncio.gather(*waiting) == ["c"] * 5
    assert world.turns["b"].waiting == 0 and world.machines.get("b").is_idle
    assert await world.place() == "c"


async def test_what_was_queued_on_a_machine_that_is_switched_off_moves(world):
    world.turns["b"].gate.clear()
    waiting = asyncio.create_task(world.place())
    await until(lambda: world.turns["b"].waiting == 1)
    await world.machines.change("b", {"enabled": False})
    assert await waiting == "c"


async def test_a_slow_machine_keeps_its_queue(world):
    world.turns["b"].gate.clear()
    waiting = asyncio.create_task(world.place())
    await until(lambda: world.turns["b"].waiting == 1)
    for _ in range(5):
        world.machines.get("b").health.slow("slow", 0.0)
    world.machines.get("b").shut()
    world.turns["b"].gate.set()
    assert await waiting == "b"


@pytest.mark.parametrize(
    "failure", [ProviderUnreachable("Ollama closed the connection."), ProviderTimeout("Ollama did not begin.")]
)
async def test_after_a_failure_the_next_try_goes_elsewhere_until_the_machine_answers(world, failure):
    with pytest.raises(type(failure)):
        async with world.fleet.turn(GEMMA) as place:
            raise failure
    assert place.machine == "b" and await world.place() == "c"
    await world.machines.watch.round()
    assert await world.place() == "b"


async def test_a_failure_of_the_request_is_not_one_of_the_machine(world):
    with pytest.raises(ModelTooLarge):
        async with world.fleet.turn(GEMMA):
            raise ModelTooLarge("too large")
    assert await world.place() == "b"


async def test_a_model_that_its_machine_has_lost_is_looked_for_elsewhere(world):
    """Also when the machine still lists it."""
    with pytest.raises(ProviderError, match="has left the machine b for local") as told:
        async with world.fleet.turn(GEMMA):
            raise ModelNotInstalled("The model gemma3:1b is not installed in Ollama.")
    assert told.value.retryable and not isinstance(told.value, ModelNotInstalled)
    assert await world.place() == "c"


async def test_a_model_that_was_moved_to_a_machine_that_did_not_list_it_is_worth_another_try(world, ticking):
    for name in ("local", "c"):
        del world.fakes[name].machine.installed[GEMMA]
    await world.fleet.refresh()
    ticking.time += 0.5
    world.fakes["c"].machine.installed[GEMMA] = world.fakes["b"].machine.installed.pop(GEMMA)
    with pytest.raises(ProviderError, match="has left the machine b for c"):
        async with world.fleet.turn(GEMMA) as place:
            await place.host.load(GEMMA, num_gpu=None)
    assert await world.place() == "c"


async def test_a_model_that_nobody_has_any_more_is_not_installed(world):
    await world.fleet.refresh()
    for fake in world.fakes.values():
        fake.machine.installed.pop(GEMMA, None)
    with pytest.raises(ModelNotInstalled):
        async with world.fleet.turn(GEMMA) as place:
            await place.host.load(GEMMA, num_gpu=None)


async def test_a_model_that_is_deactivated_is_not_said_to_be_missing(world):
    fleet = Fleet(world.machines, offers=lambda model, machine: (model, machine) != (GEMMA, "b"))
    for fake in (world.fakes["local"], world.fakes["c"]):
        fake.machine.installed.pop(GEMMA, None)
    await fleet.refresh()
    with pytest.raises(ModelNotInstalled, match="is deactivated"):
        async with fleet.turn("gemma3:1b"):
            raise AssertionError("nobody may get in")
    with pytest.raises(ModelNotInstalled, match="not installed"):
        async with fleet.turn("nobody:1b"):
            raise AssertionError("nobody may get in")


async def test_a_turn_that_finds_the_model_moved_is_worth_another_try(world):
    world.turns["b"].fails = ModelNotInstalled("The model gemma3:1b is not installed in Ollama.")
    with pytest.raises(ProviderError, match="has left the machine b") as told:
        await world.place()
    assert told.value.retryable and await world.place() == "c"


async def test_a_machine_that_was_started_again_is_found_before_the_next_round(world, ticking):
    for name in ("b", "c"):
        await world.machines.change(name, {"enabled": False})
    port = int(world.fakes["local"].url.rpartition(":")[2])
    await world.dies("local")
    with pytest.raises(ProviderUnreachable, match=r"Ollama cannot be reached\.") as caught:
        await world.place()
    assert "ollama serve" in caught.value.hint
    ticking.time += 60
    await world.fakes["local"].start(port)
    assert await world.place() == "local"


async def test_when_all_are_down_it_is_said_which(world):
    for name in ("b", "c", "local"):
        await world.dies(name)
    with pytest.raises(ProviderUnreachable, match="local, b, c") as caught:
        await world.place()
    assert "/machines" in caught.value.hint


async def test_when_all_are_switched_off_that_is_said(world):
    for name in ("b", "c", "local"):
        await world.machines.change(name, {"enabled": False})
    with pytest.raises(Overloaded, match="b: disabled") as caught:
        await world.place()
    assert caught.value.retry_after


async def test_a_model_larger_than_every_budget_is_refused_with_the_numbers(world):
    for engine in world.machines:
        engine.turns.needed = 40 << 30
        engine.record = Record(engine.record.name, engine.record.url, budget_bytes=8 << 30)
    with pytest.raises(ModelTooLarge, match=r"40\.0 GiB.*8\.0 GiB"):
        await world.place()
    world.turns["local"].refuses = ModelTooLarge("All numbers.")
    with pytest.raises(ModelTooLarge, match="All numbers"):
        await world.place()
    world.turns["local"].refuses = None
    world.machines.get("c").record = Record("c", "http://c", budget_bytes=64 << 30)
    assert await world.place() == "c"


async def test_where_other_programs_have_the_memory_nobody_goes_and_that_is_told_before_a_budget_that_is_too_small(world):
    for engine in world.machines:
        engine.turns.needed = 6 << 30
        engine.record = Record(engine.record.name, engine.record.url, budget_bytes=(4 if engine.record.name == "c" else 8) << 30)
    world.machines.get("b").cards = Cards(8 << 30, 3 << 30, 3 << 30)
    assert await world.place() == "local"
    world.machines.get("local").cards = Cards(8 << 30, 3 << 30, 3 << 30)
    with pytest.raises(MemoryTaken, match=r"6\.0 GiB; .* have 3\.0 GiB .* 5\.0 GiB are left"):
        await world.place()
    world.turns["b"].refuses = MemoryTaken("A game has it.", retry_after=60)
    world.machines.get("b").cards = world.machines.get("local").cards = None
    world.turns["local"].refuses = ModelTooLarge("Too large here.")
    with pytest.raises(MemoryTaken, match="A game"):
        await world.place()


async def test_a_machine_that_refuses_it_as_too_large_is_passed_over_and_the_first_refusal_is_told(world):
    for name in ("b", "c"):
        world.turns[name].refuses = ModelTooLarge(f"It has no room on {name}.")
    world.turns["local"].wait = 60.0
    assert await world.place() == "local"
    assert world.turns["b"].met[-1] == (GEMMA,)
    world.turns["local"].refuses = ModelTooLarge("It has no room on local.")
    with pytest.raises(ModelTooLarge, match="on b"):
        await world.place()
    with pytest.raises(ModelTooLarge, match="on b"):
        await world.fleet.preload(GEMMA)
    world.turns["local"].refuses = None
    assert await world.fleet.preload(GEMMA) == ("local", 0.0)


async def test_a_caller_that_hangs_up_leaves_no_trace(world):
    world.turns["b"].gate.clear()
    waiting = asyncio.create_task(world.place())
    await until(lambda: world.turns["b"].waiting == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert all(engine.is_idle for engine in world.machines) and world.turns["b"].waiting == 0
