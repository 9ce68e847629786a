import asyncio

import pytest

from core.errors import ProviderError, ProviderTimeout, ProviderUnreachable
from fleet.compute import Resident
from fleet.machines.health import Health, Pace, Watch, Watched

GEMMA = Resident("gemma3:1b", 100, 100)


class Machine:
    """Answers `version` and `ps` with what `says` holds: a failure, or residents."""

    def __init__(self, says=(GEMMA,)):
        self.says, self.asked, self.at_once, self.most = says, 0, 0, 0

    async def version(self):
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return "0.33.3"

    async def ps(self):
        if isinstance(self.says, asyncio.Event):
            await self.says.wait()
        return self.says


class Watching:
    def __init__(self, clock, *machines, **pace):
        self.machines = machines
        self.down = []
        self.watched = [
            Watched(f"m{n}", lambda machine=machine: machine, Health(), lambda n=n: self.down.append(n))
            for n, machine in enumerate(machines)
        ]
        self.watch = Watch(lambda: self.watched, pace=Pace(**{"patience": 0.01} | pace), clock=clock)

    @property
    def health(self) -> Health:
        return self.watched[0].health


async def test_a_good_probe_tells_everything(clock, ticking):
    watching = Watching(clock, Machine())
    assert watching.health.state == "unknown"
    await watching.watch.round()
    health = watching.health
    assert (health.state, health.version, health.residents, health.seen_bytes) == ("up", "0.33.3", (GEMMA,), 100)
    assert health.checked_at == ticking.time and health.seen_at == {"gemma3:1b": ticking.time}


@pytest.mark.parametrize("failure", [ProviderUnreachable("Ollama cannot be reached."), ProviderError("Ollama failed (500).")])
async def test_the_third_failure_in_a_row_is_down_and_one_answer_is_up(clock, failure):
    machine = Machine()
    watching = Watching(clock, machine)
    await watching.watch.round()
    machine.says = failure
    for failures, state in ((1, "up"), (2, "up"), (3, "down"), (4, "down")):
        await watching.watch.round()
        assert (watching.health.failures, watching.health.state) == (failures, state)
    assert watching.down == [0] and watching.health.residents == () and watching.health.error == failure.detail
    machine.says = (GEMMA,)
    await watching.watch.round()
    assert (watching.health.state, watching.health.failures, watching.health.error) == ("up", 0, None)


async def test_failures_that_are_not_in_a_row_do_not_add_up(clock):
    machine = Machine()
    watching = Watching(clock, machine)
    for _ in range(3):
        machine.says = ProviderUnreachable("no")
        await watching.watch.round()
        await watching.watch.round()
        machine.says = ()
        await watching.watch.round()
    assert watching.health.state == "up" and watching.down == []


@pytest.mark.parametrize("slow", [asyncio.Event, lambda: ProviderTimeout("Ollama did not begin to answer in time.")])
async def test_a_slow_one_is_unknown_however_long(clock, slow):
    machine = Machine()
    watching = Watching(clock, machine)
    await watching.watch.round()
    machine.says = slow()
    for _ in range(5):
        await watching.watch.round()
    assert (watching.health.state, watching.health.failures, watching.down) == ("unknown", 0, [])
    assert watching.health.residents == (GEMMA,) and "No answer" in watching.health.error


async def test_one_that_is_down_and_slow_stays_down(clock):
    machine = Machine(ProviderUnreachable("no"))
    watching = Watching(clock, machine)
    for _ in range(3):
        await watching.watch.round()
    machine.says = ProviderTimeout("slow")
    await watching.watch.round()
    assert watching.health.state == "down"


async def test_what_spilled_says_nothing_of_the_memory_there_is(clock):
    watching = Watching(clock, Machine((GEMMA, Resident("big", 900, 300))))
    await watching.watch.round()
    assert watching.health.seen_bytes == 0


async def test_a_probe_out_of_turn_is_shared_and_believed(clock, ticking):
    machine = Machine()
    watching = Watching(clock, machine)
    (one,) = watching.watched
    await asyncio.gather(*(watching.watch.again(one) for _ in range(20)))
    assert machine.asked == 1
    ticking.time += 1.5
    await watching.watch.again(one)
    assert machine.asked == 2


async def test_no_more_are_asked_at_once_than_the_pace_allows(clock):
    inside = most = 0

    class Counting(Machine):
        async def version(self):
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            return ""

    await Watching(clock, *(Counting() for _ in range(30)), at_once=3, patience=5.0).watch.round()
    assert most == 3


async def test_the_loop_goes_on_at_its_pace(clock):
    machine, pauses, after = Machine(), [], []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    async def swept():
        after.append(machine.asked)

    watching = Watching(clock, machine)
    watch = Watch(lambda: watching.watched, pace=Pace(every=7.0), clock=clock, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await watch.run(swept)
    assert pauses == [7.0, 7.0, 7.0] and after == [1, 2, 3]


async def test_a_silent_machine_is_asked_again_soon_until_it_is_down(clock):
    machine, pauses = Machine(ProviderUnreachable("nobody there")), []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 4:
            raise asyncio.CancelledError

    async def swept(): ...

    watching = Watching(clock, machine)
    watch = Watch(lambda: watching.watched, pace=Pace(every=7.0, in_doubt=0.5), clock=clock, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await watch.run(swept)
    assert pauses == [0.5, 0.5, 7.0, 7.0] and watching.health.state == "down"
