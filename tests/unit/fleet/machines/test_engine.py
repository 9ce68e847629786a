import asyncio
from contextlib import asynccontextmanager

import pytest

from fleet.budget import Budget
from fleet.compute import Resident
from fleet.machines.engine import Door, Engine, Moved
from fleet.machines.record import Record
from providers.types import ModelInfo
from tests.unit.fleet.machines.rooms import Turns, until

GIB = 1 << 30


@pytest.fixture
def engine():
    made = Engine(Record("gpu", "http://gpu"), "api", None, lambda record, health: Budget(10 * GIB, "a test"))
    made.turns = Turns()
    return made


async def test_who_waits_is_sent_away_when_the_machine_shuts(engine):
    engine.turns.gate.clear()
    waiting = [asyncio.create_task(engine.enter(engine.turns.turn("m"))) for _ in range(3)]
    await until(lambda: engine.turns.waiting == 3)
    assert not engine.is_idle
    engine.shut()  # it is open: nothing happens
    engine.draining = True
    engine.shut()
    await asyncio.sleep(0)
    engine.shut()  # they have been woken, and have not left yet
    for task in waiting:
        with pytest.raises(Moved):
            await task
    assert engine.turns.waiting == 0 and engine.is_idle
    with pytest.raises(Moved):
        await engine.enter(engine.turns.turn("m"))


async def test_a_caller_that_hangs_up_is_cancelled_not_moved(engine):
    engine.turns.gate.clear()
    waiting = asyncio.create_task(engine.enter(engine.turns.turn("m")))
    await until(lambda: engine.turns.waiting == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert engine.is_idle and engine.turns.waiting == 0


async def test_a_timeout_of_the_turn_is_its_own(engine):
    @asynccontextmanager
    async def late():
        raise TimeoutError
        yield

    with pytest.raises(TimeoutError):
        await engine.enter(late())
    assert engine.is_idle


@pytest.mark.parametrize(("enabled", "draining", "health", "state", "is_open"), [
    (True, False, "up", "up", True), (True, False, "unknown", "unknown", True), (True, False, "down", "down", False),
    (False, False, "up", "disabled", False), (False, True, "up", "draining", False), (True, True, "up", "draining", False),
])  # fmt: skip
def test_the_state_that_is_shown_and_whether_work_comes(enabled, draining, health, state, is_open):
    engine = Engine(Record("gpu", "http://gpu", enabled=enabled), "api", None, lambda record, health: Budget(None, ""))
    engine.draining, engine.health.state = draining, health
    assert (engine.state, engine.open) == (state, is_open)


def test_a_candidate_is_how_the_machine_stands(engine):
    engine.listed = {"gemma3:1b": ModelInfo("gemma3:1b", "ollama", size=4 * GIB)}
    engine.health.answered("1", [Resident("gemma3:1b", 1, 1)], 100.0)
    engine.turns.wait = 7.0
    found = engine.candidate("gemma3:1b", None, 160.0)
    assert (found.resident, found.wait, found.eta, found.idle) == (True, 7.0, 7.0, 60.0)
    assert (found.installed, found.budget) == (True, 10 * GIB)
    assert found.predicted is None and found.load == pytest.approx(4 * GIB / 2e9)
    assert engine.candidate("gemma3:1b", 9, 160.0).predicted == 9
    other = engine.candidate("llama3:8b", None, 160.0)
    assert (other.resident, other.installed, other.predicted, other.load) == (False, False, None, 0.0)
    engine.listed = None
    assert engine.candidate("llama3:8b", None, 160.0).installed is None
    engine.turns.resident, engine.turns.load = False, 3.0
    found = engine.candidate("gemma3:1b", None, 99_999.0)
    assert (found.resident, found.eta) == (False, 10.0)


async def test_a_door_lets_everybody_in_and_counts_them():
    door = Door()
    await door.meet(("gemma3",))
    door.check("gemma3")
    await door.grow("gemma3", 1 << 20)
    assert door.needs("gemma3") is None and await door.evict("gemma3") is False
    async with door.turn("gemma3"), door.turn("gemma3:latest"):
        assert [(queue.model, queue.inside) for queue in door.standing().queues] == [("gemma3:latest", 2)]
        assert door.outlook("other").wait == 16.0
    assert door.standing().queues == () and door.outlook("gemma3").wait == 0.0
