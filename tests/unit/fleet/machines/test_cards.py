"""Cards that other programs use as well, over fake Ollamas: what they have is no room for models."""

from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from time import monotonic
from types import SimpleNamespace

import pytest

from core.clock import Clock
from core.errors import MemoryTaken, ModelTooLarge
from fleet.budget import Budget
from fleet.graphics import Gpu
from fleet.hardware import Figure, Hardware
from fleet.machines.engine import Engine
from fleet.machines.record import Record
from fleet.machines.swapping import swapping
from fleet.memory.formula import DRIVER_BYTES
from fleet.memory.prediction import Habits
from fleet.telemetry import Cards, Telemetry
from providers.ollama_models import full_name
from tests.fakes.ollama_models import GIB, FakeModel
from tests.unit.fleet.machines.rooms import until
from tests.unit.fleet.machines.worlds import GEMMA, LLAMA, QUICK, loaded, world
from tests.unit.fleet.memory.shelves import Kept

HEAVY = FakeModel("a:8b", 5 * GIB, "8B")


class Desk:
    """A card of 12 GiB, of which other programs have `others`; the models on it are those of `fake`."""

    def __init__(self):
        self.others, self.fake, self.ahead, seconds = 0, None, 0.0, count(0, 10)
        self.telemetry = Telemetry(self.hardware(), Clock(monotonic=lambda: float(next(seconds))), self.look)

    def hardware(self):
        runners = self.fake.machine.resident() if self.fake else ()
        used = self.others + sum(runner.size + DRIVER_BYTES for runner in runners)
        figure = Figure(1, "x")
        return Hardware(figure, figure, figure, (Gpu("card", "nvidia", "GPU-0", 12 * GIB, used, "NVML"),))

    async def look(self):
        return self.hardware()

    async def takes(self, made, others):
        self.fake, self.others = made.fakes["local"], others
        await until(lambda: made.engine().cards and made.engine().cards.others == others)


@pytest.fixture
def desk():
    return Desk()


async def test_what_others_have_is_no_room_until_they_give_it_back(desk):
    async with world("local", models=(HEAVY,), budget=11 * GIB, telemetry=desk.telemetry) as made:
        await desk.takes(made, 7 * GIB)
        assert made.engine().taken == 6 * GIB
        with pytest.raises(MemoryTaken, match=r"a:8b needs .*have 6\.0 GiB.*5\.0 GiB are left") as caught:
            await made.place(HEAVY.name)
        assert caught.value.retry_after and caught.value.status == 503 and not loaded(made.fakes["local"])
        with pytest.raises(MemoryTaken):
            await made.fleet.preload(HEAVY.name)
        assert await made.place(LLAMA) == "local", "a smaller one has room"
    desk = Desk()
    async with world("local", models=(HEAVY,), budget=11 * GIB, telemetry=desk.telemetry) as made:
        await desk.takes(made, 7 * GIB)
        with pytest.raises(MemoryTaken):
            await made.place(HEAVY.name)
        await desk.takes(made, GIB // 2)
        assert await made.place(HEAVY.name) == "local" and made.engine().taken == 0


class Quiet:
    """A server of models with nothing in memory, which counts the looks at it."""

    def __init__(self):
        self.looks = 0

    async def ps(self):
        self.looks += 1
        return ()

    async def looked(self, times=3):
        seen = self.looks
        await until(lambda: self.looks >= seen + times)


@asynccontextmanager
async def quiet(desk, url):
    engine = SimpleNamespace(
        always_on=(),
        machine=Quiet(),
        identify=full_name,
        record=Record("m", url),
        budget=Budget(11 * GIB, ""),
        habits=Habits(),
        taken=0,
        cards=None,
    )
    quick = replace(QUICK, truth_every=0.01)
    async with swapping(engine, sizes=Kept(), tuning=quick, telemetry=desk.telemetry) as turns:
        yield engine, turns


@pytest.mark.parametrize(
    ("url", "here"), [("http://localhost:1", True), ("http://10.0.0.5:11434", False), ("http://gpu:1", False)]
)
async def test_the_cards_of_another_machine_are_not_these(desk, url, here):
    async with quiet(desk, url) as (engine, _):
        await engine.machine.looked()
        assert (engine.cards is not None) is here


async def test_while_the_switch_of_compute_moves_models_nothing_is_measured(desk):
    async with quiet(desk, "http://localhost:1") as (engine, turns):
        await until(lambda: engine.cards)
        assert await turns.close_and_drain(1)
        desk.others = GIB
        await engine.machine.looked()
        assert engine.cards.others == 0
        turns.open()
        await until(lambda: engine.cards.others == GIB)


@pytest.mark.parametrize(("budget", "taken"), [
    (Budget(11 * GIB, ""), 3 * GIB), (Budget(8 * GIB, ""), 0), (Budget(11 * GIB, "", "cpu"), 0), (Budget(None, ""), 0),
])  # fmt: skip
def test_what_others_have_of_the_cards_is_taken_from_a_budget_on_the_cards_beyond_the_limit(budget, taken):
    engine = Engine(Record("m", "http://localhost:1"), "api", None, lambda record, health: budget)
    assert engine.taken == 0
    engine.cards = Cards(12 * GIB, 4 * GIB, 4 * GIB)
    assert engine.taken == taken


async def test_two_models_that_the_budget_holds_take_turns_when_the_card_does_not(desk):
    async with world("local", budget=11 * GIB, telemetry=desk.telemetry) as made:
        await desk.takes(made, 7 * GIB)
        for name in (GEMMA, LLAMA, GEMMA):
            async with made.fleet.turn(name):
                assert list(made.fakes["local"].machine.runners) == [name]


async def test_a_model_that_is_larger_than_the_budget_is_that_whoever_has_the_card(desk):
    async with world("local", models=(HEAVY,), budget=4 * GIB, telemetry=desk.telemetry) as made:
        await desk.takes(made, 11 * GIB)
        with pytest.raises(ModelTooLarge, match=r"4\.0 GiB on the machine local"):
            await made.place(HEAVY.name)


async def test_two_servers_beside_one_card_are_others_to_each_other(desk):
    async with world("local", "box", models=(HEAVY,), budget=11 * GIB, telemetry=desk.telemetry) as made:
        await desk.takes(made, 0)
        assert await made.place(HEAVY.name) == "box"
        desk.fake = made.fakes["box"]
        await until(lambda: made.engine("local").taken > 5 * GIB)
        assert made.engine("box").taken == 0 and await made.place(HEAVY.name) == "box"


async def test_models_that_stay_wait_for_their_room_and_nobody_takes_it_before_them(desk):
    desk.others = 11 * GIB
    async with world("local", budget=11 * GIB, always_on=(LLAMA,), telemetry=desk.telemetry) as made:
        await desk.takes(made, 11 * GIB)
        with pytest.raises(MemoryTaken):
            await made.place(GEMMA)
        assert made.engine().turns.swapper.snapshot()["without_room"] == []
        await desk.takes(made, GIB)
        await until(lambda: loaded(made.fakes["local"]) == [LLAMA])
        assert await made.place(GEMMA) == "local"


async def test_one_that_stays_is_nobodys_victim_though_its_place_is_gone(desk):
    more = {"telemetry": desk.telemetry, "now": lambda: monotonic() + desk.ahead}
    async with world("local", models=(HEAVY,), budget=11 * GIB, always_on=(LLAMA,), **more) as made:
        desk.fake = made.fakes["local"]
        await until(lambda: loaded(made.fakes["local"]) == [LLAMA])
        await made.place(LLAMA)
        desk.ahead = 10.0
        await desk.takes(made, 8 * GIB)
        for name in (HEAVY.name, GEMMA):
            with pytest.raises(MemoryTaken, match=f"{name} needs"):
                await made.place(name)
        assert await made.place(LLAMA) == "local" and list(made.fakes["local"].machine.runners) == [LLAMA]
