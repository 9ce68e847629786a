"""What machines teach about the memory that their models take, true or not, over fake Ollamas."""

import asyncio

import pytest

from core.errors import ModelTooLarge
from fleet.machines.record import Record
from fleet.memory.formula import DRIVER_BYTES
from fleet.memory.prediction import Habits
from providers.types import ChatRequest, Message
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_cards import Environment
from tests.fakes.ollama_models import GIB, FakeModel
from tests.unit.fleet.machines.rooms import until
from tests.unit.fleet.machines.worlds import GEMMA, LLAMA, loaded, world
from tests.unit.fleet.memory.shelves import Kept

HEAVY, OTHER = FakeModel("a:8b", 5 * GIB, "8B"), FakeModel("b:8b", 5 * GIB, "8B")


def memory(made, name="local"):
    return made.engine(name).turns.memory


def taken(made):
    """Bytes that all models of the fake really take."""
    return sum(runner.taken for runner in made.fakes["local"].machine.resident())


def chosen_by_ollama(made):
    """What Ollama did that nobody had asked for."""
    return [one for one in made.fakes["local"].machine.scheduler.history if one.what in ("leaving", "oom")]


async def test_a_load_teaches_what_a_model_takes_and_a_restart_forgets_nothing():
    kept = Kept()
    async with world("local", kept=kept) as made:
        assert memory(made).predict(GEMMA).source == "formula"
        await made.place()
        await until(lambda: kept.rows)
        (runner,) = made.fakes["local"].machine.resident()
        assert memory(made).bytes(GEMMA) == runner.size + DRIVER_BYTES == made.engine().turns.needs(GEMMA)
        assert made.engine().turns.swapper.yard.model(GEMMA).size == runner.size + DRIVER_BYTES
    async with world("local", kept=kept) as made:
        assert memory(made).predict(GEMMA).source == "seen" and loaded(made.fakes["local"]) == []


async def test_what_is_listed_is_known_before_anybody_asks_for_it():
    async with world("local") as made:
        assert made.engine().turns.needs(GEMMA) > 815_319_791 and made.engine().turns.needs("nobody:1b") is None
        made.fakes["local"].machine.installed[HEAVY.name] = HEAVY
        await made.fleet.refresh()
        with pytest.raises(ModelTooLarge, match=r"a:8b needs .*4\.0 GiB"):
            await made.place(HEAVY.name)


async def test_models_that_stay_are_known_before_they_are_loaded():
    async with world("local", models=(HEAVY, OTHER), always_on=(HEAVY.name, OTHER.name), budget=12 * GIB) as made:
        await until(lambda: HEAVY.name in loaded(made.fakes["local"]))
        await asyncio.sleep(0.2)
        assert loaded(made.fakes["local"]) == [HEAVY.name], "there is no room for both"
        assert made.engine().turns.swapper.snapshot()["without_room"] == [OTHER.name]


async def test_when_ollama_drives_others_out_a_model_is_alone_from_then_on():
    """Its own retry after a load without memory: all others are evicted, and the load succeeds."""
    async with world("local", budget=16 * GIB) as made:
        fake = made.fakes["local"]
        await made.place(GEMMA)
        before = memory(made).bytes(LLAMA)
        fake.machine.scheduler.oom_loads[LLAMA] = 1
        await made.place(LLAMA)
        await until(lambda: memory(made).predict(LLAMA).source == "outgrown")
        assert memory(made).bytes(LLAMA) > 13 * GIB > before and list(fake.machine.runners) == [LLAMA]
        await made.engine().turns.evict(LLAMA)
        await made.place(GEMMA)
        assert await made.place(LLAMA) == "local"
        assert list(fake.machine.runners) == [LLAMA], "it does not fit beside another one any more"


@pytest.mark.parametrize("known", [False, True], ids=["it shows later", "it was seen before"])
async def test_who_left_for_somebody_elses_load_tells_nothing_of_ours(known):
    """Another server at the same Ollama lets one go while ours is loaded, and loads its own afterwards."""
    async with world("local", budget=16 * GIB) as made:
        fake, yard = made.fakes["local"], made.engine().turns.swapper.yard
        stranger = fake.machine.installed["qwen3:0.6b"]
        if known:
            fake.machine.load(stranger, {})
            await until(lambda: yard.shared_until > 0)
        await made.place(GEMMA)
        fake.load_seconds = 0.3
        waiting = asyncio.create_task(made.place(LLAMA))
        await until(lambda: yard.move and yard.move.phase == "loading")
        for name in [*fake.machine.runners]:
            fake.machine.unload(fake.machine.installed[name])
        await waiting
        looked_at = yard.looked_at
        await until(lambda: yard.looked_at > looked_at and not yard.models[GEMMA].is_resident)
        assert (memory(made).predict(LLAMA).source == "outgrown") is not known
        fake.machine.load(stranger, {})
        await until(lambda: memory(made).predict(LLAMA).source != "outgrown")
        fake.load_seconds = 0.0
        assert await made.place(GEMMA) == "local" and {GEMMA, LLAMA} <= fake.machine.runners.keys()


async def test_one_of_two_that_left_was_not_driven_out_by_a_load_without_memory():
    async with world("local", budget=16 * GIB) as made:
        fake, yard = made.fakes["local"], made.engine().turns.swapper.yard
        for name in (GEMMA, "qwen3:0.6b"):
            await made.place(name)
        fake.load_seconds = 0.3
        waiting = asyncio.create_task(made.place(LLAMA))
        await until(lambda: yard.move and yard.move.phase == "loading")
        fake.machine.unload(fake.machine.installed[GEMMA])
        await waiting
        looked_at = yard.looked_at
        await until(lambda: yard.looked_at > looked_at and not yard.models[GEMMA].is_resident)
        assert memory(made).predict(LLAMA).source != "outgrown"


async def test_a_load_that_fails_alone_teaches_nothing():
    async with world("local", budget=16 * GIB) as made:
        before = memory(made).bytes(LLAMA)
        made.fakes["local"].machine.scheduler.oom_loads[LLAMA] = 1
        await made.place(LLAMA)
        assert memory(made).predict(LLAMA).source != "outgrown" and memory(made).bytes(LLAMA) <= before


async def test_a_part_in_the_memory_of_the_processor_counts_as_no_room():
    async with world("local", budget=16 * GIB) as made:
        made.fakes["local"].machine.told = lambda row: row | ({"size_vram": row["size"] // 2} if row["name"] == LLAMA else {})
        await made.place(GEMMA)
        await made.place(LLAMA)
        await until(lambda: memory(made).predict(LLAMA).source == "outgrown")


@pytest.mark.parametrize("lie", [0, 1, 3 * GIB, 1 << 50, -5, "9", None])
async def test_whatever_a_machine_says_of_sizes_heavy_models_take_turns(lie):
    async with world("local", models=(HEAVY, OTHER), budget=12 * GIB) as made:
        fake = made.fakes["local"]
        fake.machine.scheduler.cards.vram = 12 * GIB
        fake.machine.told = lambda row: row | {"size": lie, "size_vram": lie}
        for name in (HEAVY.name, OTHER.name, GEMMA, HEAVY.name, GEMMA, OTHER.name):
            async with made.fleet.turn(name):
                runners = fake.machine.runners
                assert name in runners and not {HEAVY.name, OTHER.name} <= runners.keys() and taken(made) <= 12 * GIB
        assert not chosen_by_ollama(made)


async def test_a_machine_that_lies_about_its_files_is_refused_nothing_and_breaks_nothing():
    """No size of the files, and so no guess: one that shows more in memory than there is has to be alone."""
    blind = FakeModel("blind:8b", 5 * GIB, "8B")
    async with world("local", models=(blind, OTHER), budget=12 * GIB) as made:
        fake = made.fakes["local"]
        fake.machine.broken.add(blind.name)
        fake.machine.told = lambda row: row | ({"size": 1 << 50} if row["name"] == blind.name else {})
        for name in (blind.name, OTHER.name, blind.name):
            async with made.fleet.turn(name):
                assert len(fake.machine.runners) == 1


async def test_how_ollama_was_started_is_in_the_prediction():
    async with world("local", habits=Habits(num_parallel=4, kv_cache_type="q8_0"), budget=16 * GIB) as made:
        fake = made.fakes["local"]
        fake.machine.scheduler.environment = Environment(num_parallel=4, kv_type="q8_0")
        foreseen = memory(made).bytes(LLAMA)
        await made.place(LLAMA)
        (runner,) = fake.machine.resident()
        assert foreseen - DRIVER_BYTES == pytest.approx(runner.size, rel=0.05)


async def test_each_machine_has_habits_of_its_own_and_they_may_change_under_way():
    async with world("local", budget=16 * GIB) as made:
        made.fakes["gpu"] = FakeOllama()
        async with made.fakes["gpu"] as fake:
            await made.machines.add(
                Record("gpu", fake.url, budget_bytes=60 * GIB, num_parallel=4, kv_cache_type="q8_0", max_loaded_models=2)
            )
            local, gpu = made.engine(), made.engine("gpu")
            await made.fleet.refresh()
            assert memory(made, "gpu").predict(LLAMA).setting.parallel == 4 and memory(made).predict(LLAMA).setting.parallel == 1
            assert memory(made, "gpu").predict(LLAMA).setting.kv_type == "q8_0"
            assert (gpu.turns.swapper.yard.tuning.places, local.turns.swapper.yard.tuning.places) == (5, 2)
            for name in (GEMMA, LLAMA, "qwen3:0.6b"):
                async with gpu.turns.turn(name):
                    assert len(fake.machine.runners) <= 2
            before = memory(made, "gpu").predict(LLAMA).need.cache
            assert await made.machines.change("gpu", {"num_parallel": 2, "max_loaded_models": 1, "kv_cache_type": None}) is gpu
            assert memory(made, "gpu").predict(LLAMA).need.cache == pytest.approx(before / 2 / 1.0625 * 2)
            assert gpu.turns.swapper.yard.tuning.places == 3 and made.engine("gpu").turns is gpu.turns
            async with gpu.turns.turn(GEMMA):
                assert list(fake.machine.runners) == [GEMMA]


async def test_a_longer_text_makes_room_first_and_is_refused_with_the_numbers_when_there_is_none():
    models = (FakeModel("a:8b", 5 * GIB, "8B", context=131072), FakeModel("b:3b", 2 * GIB, "3B", context=131072))
    async with world("local", models=models, budget=12 * GIB) as made:
        fake, turns = made.fakes["local"], made.engine().turns
        fake.machine.scheduler.cards.vram = 12 * GIB
        await made.place("b:3b")
        async with made.fleet.turn("a:8b") as place:
            assert len(fake.machine.runners) == 2
            await place.host.chat(ChatRequest("a:8b", (Message.of("user", "word " * 6_000),)))
            assert list(fake.machine.runners) == ["a:8b"] and fake.machine.runners["a:8b"].options.num_ctx == 32768
            with pytest.raises(ModelTooLarge, match=r"12\.0 GiB.*context of 131072 tokens"):
                await turns.grow("a:8b", 131072)
            await turns.grow("a:8b", 8192)
        assert not chosen_by_ollama(made) or {one.model for one in chosen_by_ollama(made)} == {"a:8b"}, "it is loaded anew itself"


async def test_ollama_never_has_to_choose_who_leaves_for_one_model_too_many():
    async with world("local", habits=Habits(max_loaded_models=2), budget=60 * GIB) as made:
        made.fakes["local"].machine.scheduler.environment = Environment(max_loaded=2)
        for name in (GEMMA, LLAMA, "qwen3:0.6b", GEMMA):
            await made.place(name)
        assert not chosen_by_ollama(made) and len(made.fakes["local"].machine.runners) == 2
