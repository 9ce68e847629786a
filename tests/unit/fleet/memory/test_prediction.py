import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.clock import Clock
from core.errors import ModelTooLarge, StorageFull
from fleet.compute import Resident
from fleet.machine import Machine
from fleet.memory.formula import DRIVER_BYTES, Setting
from fleet.memory.prediction import Habits, Memory
from providers.ollama import Ollama
from store.database import Database
from store.sizes import Sizes
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_models import GIB, FakeModel, Shape
from tests.unit.fleet.machines.rooms import until
from tests.unit.fleet.memory.shelves import Kept, Shelf

MODEL = FakeModel("m:8b", 5 * GIB, "8B", shape=Shape(layers=32, kv_heads=8))


async def memory(shelf: Shelf, kept: Kept, **more: Any) -> Memory:
    made = Memory(shelf, kept, **{"num_ctx": lambda model: 8192} | more)
    await made.start()
    await made.refresh()
    return made


def resident(num_ctx: int, *, share: float = 1.0, name: str = MODEL.name, model: FakeModel = MODEL) -> Resident:
    size = model.memory(num_ctx, 512)
    return Resident(name, size, int(size * share), num_ctx)


async def test_a_model_that_was_never_loaded_is_predicted_by_formula() -> None:
    found = (await memory(Shelf(MODEL), Kept())).predict("m:8b")
    assert found.source == "formula" and found.bytes == found.need.total
    assert found.need.cache == GIB and found.setting == Setting(8192)


async def test_one_look_counts_with_caution_and_the_same_load_again_is_known() -> None:
    made = await memory(Shelf(MODEL), Kept())
    seen = Resident(MODEL.name, 9 * GIB, 9 * GIB, 4096)
    formula = {num_ctx: made.predict("m:8b", num_ctx).need for num_ctx in (4096, 8192)}
    await made.observe([seen])
    assert made.predict("m:8b", 4096).bytes == 9 * GIB + DRIVER_BYTES and made.predict("m:8b", 4096).source == "seen"
    other = made.predict("m:8b")
    grown = 9 * GIB + formula[8192].shown - formula[4096].shown
    assert other.source == "formula and one look" and other.bytes == round(grown * 1.03) + DRIVER_BYTES


async def test_one_look_never_lowers_what_the_formula_says() -> None:
    made = await memory(Shelf(MODEL), Kept())
    before = made.bytes("m:8b")
    await made.observe([Resident(MODEL.name, MODEL.size, MODEL.size, 4096)])
    assert made.bytes("m:8b") == before


async def test_two_looks_are_believed_alone() -> None:
    made = await memory(Shelf(MODEL), Kept())
    await made.observe([resident(2048)])
    await made.observe([resident(4096)])
    found = made.predict("m:8b", 8192)
    assert found.source == "seen" and found.bytes == MODEL.memory(8192, 512) + DRIVER_BYTES


async def test_what_was_learned_outlives_a_restart(tmp_path: Any) -> None:
    database = Database(tmp_path / "myelin.db")
    for visit in range(2):
        await database.start()
        made = await memory(Shelf(MODEL), Sizes(database, Clock()))
        assert made.predict("m:8b", 4096).source == ("seen" if visit else "formula")
        await made.observe([resident(2048), resident(4096)])
        await made.observe([Resident(MODEL.name, 7 * GIB, 7 * GIB, 4096)])
        assert made.predict("m:8b", 4096).bytes == 7 * GIB + DRIVER_BYTES
        await database.close()


async def test_nothing_is_written_twice() -> None:
    kept = Kept()
    made = await memory(Shelf(MODEL), kept)
    for _ in range(3):
        await made.observe([resident(4096)])
    assert len(kept.rows) == 1


async def test_aliases_learn_together_and_a_file_that_changed_is_another_model() -> None:
    alias = FakeModel("other:latest", MODEL.size, "8B", shape=MODEL.shape, weights=MODEL.name)
    shelf = Shelf(MODEL, alias)
    made = await memory(shelf, Kept())
    await made.observe([resident(8192)])
    assert made.predict("other").source == "seen"
    shelf.models["m:8b"] = FakeModel("m:8b", 6 * GIB, "8B", weights="else")
    await made.refresh()
    assert made.predict("m:8b").source == "formula" and made.predict("m:8b").need.weights == 6 * GIB


async def test_one_model_does_not_wait_for_a_long_list_and_is_guessed_by_its_size_until_then() -> None:
    shelf = Shelf(MODEL, *(FakeModel(f"{name}:1b", GIB, "1B") for name in "abc"))
    gate = asyncio.Event()
    shelf.gates["b:1b"] = gate
    made = Memory(shelf, Kept(), num_ctx=lambda model: 8192)
    listing = asyncio.create_task(made.refresh())
    await until(lambda: shelf.asked == ["a:1b", "b:1b"])
    assert made.predict("m:8b").source == "size of its files" and not made.knows("m:8b")
    single = asyncio.create_task(made.refresh(("m:8b",)))
    await asyncio.sleep(0)
    gate.set()
    await single
    assert made.knows("m:8b") and made.predict("m:8b").source == "formula"
    assert shelf.asked[:3] == ["a:1b", "b:1b", "m:8b"], "before the rest of the list"
    await listing
    assert sorted(shelf.asked) == ["a:1b", "b:1b", "c:1b", "m:8b"], "each once"


async def test_a_model_is_described_once_and_forgotten_when_it_is_gone() -> None:
    shelf = Shelf(MODEL)
    made = await memory(shelf, Kept())
    await made.refresh()
    assert shelf.asked == ["m:8b"]
    shelf.models.clear()
    await made.refresh()
    assert made.predict("m:8b").need.weights == 0


async def test_without_a_description_the_files_are_the_measure() -> None:
    shelf = Shelf(MODEL)
    shelf.silent.add("m:8b")
    found = (await memory(shelf, Kept())).predict("m:8b")
    assert found.source == "size of its files" and found.bytes == MODEL.size * 1.2 + 2 * GIB


LIES = [
    Resident("m:8b", 1, 1, 8192),
    Resident("m:8b", 0, 0, 8192),
    Resident("m:8b", 1 << 50, 1 << 50, 8192),
    Resident("m:8b", 8 * GIB, 8 * GIB, None),
    Resident("else:1b", 8 * GIB, 0, 8192),
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_machine_that_lies_teaches_nothing(lie: Resident) -> None:
    kept = Kept()
    made = await memory(Shelf(MODEL), kept)
    await made.observe([lie])
    assert kept.rows == [] and made.predict("m:8b").source == "formula"


@pytest.mark.parametrize("shown", [0, 1, 2 * GIB, 1 << 50])
async def test_a_resident_that_cannot_be_that_size_weighs_what_was_predicted(shown: int) -> None:
    made = await memory(Shelf(MODEL), Kept())
    assert made.weigh(Resident("m:8b", shown, shown, 8192)) == made.bytes("m:8b")


async def test_a_resident_weighs_what_is_shown_with_the_driver_and_never_less_than_its_files() -> None:
    made = await memory(Shelf(MODEL), Kept())
    assert made.weigh(Resident("m:8b", 7 * GIB, 7 * GIB, 8192)) == 7 * GIB + DRIVER_BYTES
    assert made.weigh(Resident("m:8b", 7 * GIB, 0, 8192)) == 7 * GIB, "no card, no driver"
    assert made.weigh(Resident("m:8b", 3 * GIB, 3 * GIB, 8192)) == MODEL.size + DRIVER_BYTES
    assert made.weigh(Resident("stranger:1b", 3 * GIB, 3 * GIB, 8192)) == 3 * GIB + DRIVER_BYTES
    assert made.weigh(Resident("stranger:1b", 0, 0, None)) == 2 * GIB


async def test_what_another_machine_taught_is_held_against_the_files_of_this_one() -> None:
    kept = Kept()
    row = {"blob": MODEL.blob, "num_ctx": 8192, "parallel": 1, "kv_type": "f16", "device": "gpu"}
    for lie in (1, 1 << 50):
        kept.rows = [row | {"bytes": lie}]
        assert (await memory(Shelf(MODEL), kept)).predict("m:8b").source == "formula"
        kept.rows = [row | {"bytes": lie, "num_ctx": 4096}]
        assert (await memory(Shelf(MODEL), kept)).predict("m:8b").source == "formula"
    kept.rows = [row | {"bytes": 3 * GIB}]
    assert (await memory(Shelf(MODEL), kept)).bytes("m:8b") == MODEL.size + DRIVER_BYTES


async def test_how_the_server_was_started_decides_over_the_cache_and_the_buffers() -> None:
    async def needs(habits: Habits) -> Any:
        return (await memory(Shelf(MODEL), Kept(), habits=lambda: habits)).predict("m:8b").need

    plain = await needs(Habits())
    assert (await needs(Habits(num_parallel=4))).cache == 4 * plain.cache
    assert (await needs(Habits(kv_cache_type="q8_0"))).cache == round(plain.cache * 1.0625 / 2)
    without = await needs(Habits(kv_cache_type="q8_0", flash_attention=False))
    assert without.cache == plain.cache, "a small cache takes flash attention"
    assert without.buffers - plain.buffers == 16 * 512 * 8192 * 4


async def test_a_model_that_only_embeds_has_one_slot_and_its_longest_context() -> None:
    embedder = FakeModel("e:1b", GIB, "1B", context=2048, capabilities=("embedding",))
    found = (await memory(Shelf(embedder), Kept(), habits=lambda: Habits(4))).predict("e:1b")
    assert found.setting == Setting(2048)


async def test_a_disk_that_takes_nothing_stops_nobody() -> None:
    class Full(Kept):
        async def put(self, rows: Any) -> None:
            raise StorageFull("The disk is full.")

    made = await memory(Shelf(MODEL), Full())
    await made.observe([resident(8192)])
    assert made.predict("m:8b").source == "seen"


async def test_one_model_is_described_when_only_that_is_asked_for() -> None:
    shelf = Shelf(MODEL, FakeModel("other:1b", GIB, "1B"))
    made = Memory(shelf, Kept(), num_ctx=lambda model: 8192)
    await made.refresh(("m:8b", "unknown"))
    assert made.knows("m:8b") and not made.knows("other:1b") and shelf.asked == ["m:8b"]


async def test_processor_and_card_are_learned_apart_and_a_spill_counts_for_the_card() -> None:
    made = await memory(Shelf(MODEL), Kept(), device=lambda: "gpu")
    await made.observe([resident(8192, share=0)])
    assert made.predict("m:8b").source == "formula"
    await made.observe([resident(8192, share=0.4)])
    assert made.bytes("m:8b") == MODEL.memory(8192, 512) + DRIVER_BYTES


async def test_a_load_that_ran_out_of_memory_needs_more_than_was_free_for_an_hour_and_all_there_is_at_the_most() -> None:
    at = [0.0]
    made = await memory(Shelf(MODEL), Kept(), now=lambda: at[0])
    before = made.bytes("m:8b")
    made.outgrown("m:8b", free=before - GIB, most=40 * GIB)
    assert made.bytes("m:8b") == pytest.approx(before * 1.03, abs=2)
    made.outgrown("m:8b", free=20 * GIB, most=20 * GIB)
    assert made.bytes("m:8b") == 20 * GIB and made.predict("m:8b").source == "outgrown"
    await made.observe([resident(8192)])
    assert made.bytes("m:8b") == 20 * GIB, "what it takes alone is no news"
    assert made.bytes("m:8b") > made.predict("m:8b", 4096).bytes, "another context is another load"
    at[0] = 3600.0
    assert made.predict("m:8b").source == "seen"
    made.outgrown("unknown:1b", free=20 * GIB, most=40 * GIB)
    assert made.bytes("unknown:1b") < 20 * GIB


async def test_a_model_larger_than_the_budget_is_refused_with_all_numbers() -> None:
    made = await memory(Shelf(MODEL), Kept(), habits=lambda: Habits(2))
    found = made.predict("m:8b")
    assert found.within(found.bytes) is found and found.within(None) is found
    with pytest.raises(ModelTooLarge) as refused:
        found.within(4 * GIB)
    for number in ("m:8b", "4.0 GiB", "weights 5.0 GiB", "8192 tokens", "2 at a time", "2.0 GiB", "driver 0.5 GiB"):
        assert number in refused.value.detail
    assert refused.value.status == 422 and "VRAM_LIMIT_GB" in refused.value.hint


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        server.machine.installed[MODEL.name] = MODEL
        server.machine.installed["far:cloud"] = FakeModel("far:cloud", 400, "480B", remote_host="https://ollama.com:443")
        yield server


async def test_over_a_real_server_the_prediction_becomes_what_it_shows(fake: FakeOllama) -> None:
    ollama = Ollama(base_url=fake.url)
    machine = Machine(ollama)
    made = Memory(machine, Kept(), num_ctx=lambda model: 8192)
    await made.refresh()
    assert "far:cloud" not in await machine.weights()
    shown = MODEL.memory(8192, 1024)
    assert shown < made.bytes(MODEL.name) < 1.3 * shown + DRIVER_BYTES, "rather too much"
    await ollama.load(MODEL.name, num_gpu=None)
    await made.observe(await machine.ps())
    assert made.bytes(MODEL.name) == shown + DRIVER_BYTES
    assert made.foreseen_by_ollama(MODEL.name) == MODEL.predicted(8192, 1024)
    await ollama.close()
