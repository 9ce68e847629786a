import asyncio
import threading

import pytest

from core.clock import Clock
from fleet.compute import Resident
from fleet.graphics import Gpu, find_gpus, in_a_thread
from fleet.hardware import Figure, Hardware
from fleet.memory.formula import DRIVER_BYTES
from fleet.telemetry import Beside, Cards, OneAtATime, Telemetry, cards

GIB = 1 << 30
WHOLE, SPILLED, ON_CPU = Resident("a", 6 * GIB, 6 * GIB), Resident("b", 8 * GIB, 2 * GIB), Resident("c", 4 * GIB, 0)
SILENT = Resident("d", 0, 0)


def card(used: int | None, total: int | None = 24 * GIB) -> Gpu:
    return Gpu("card", "nvidia", "GPU-0", total, used, "NVML")


def machine(*gpus: Gpu) -> Hardware:
    return Hardware(Figure(8, "x"), Figure(32 * GIB, "x"), Figure(20 * GIB, "x"), gpus)


def weigh(resident: Resident) -> int:
    """A server that tells no size has a model of 3 GiB."""
    return (resident.size or 3 * GIB) + DRIVER_BYTES


@pytest.mark.parametrize(
    ("used", "residents", "others"),
    [
        ([13 * GIB], [], 13 * GIB),
        ([13 * GIB], [WHOLE, SPILLED, ON_CPU], 5 * GIB - 2 * DRIVER_BYTES),
        ([13 * GIB], [SILENT], 10 * GIB - DRIVER_BYTES),
        ([13 * GIB, None, GIB], [WHOLE], 8 * GIB - DRIVER_BYTES),
        ([GIB], [WHOLE], 0),
        ([30 * GIB], [], 24 * GIB),
    ],
)
def test_what_others_take_is_what_our_models_and_their_driver_do_not(used, residents, others) -> None:
    found = cards(map(card, used), residents, weigh)
    assert found is not None and found.others == others and found.room == found.total - others
    assert found.total == 24 * GIB * sum(one is not None for one in used)


@pytest.mark.parametrize("gpus", [[], [card(None)], [card(GIB, None)]])
def test_of_cards_that_do_not_tell_what_is_used_nothing_is_known(gpus) -> None:
    assert cards(gpus, [WHOLE], weigh) is None


class Look:
    def __init__(self, *gpus: Gpu):
        self.gpus, self.count, self.time = gpus, 0, 0.0
        self.error: Exception | None = None
        self.telemetry = Telemetry(machine(*gpus), Clock(monotonic=lambda: self.time), self)
        self.beside = Beside(self.telemetry, weigh, lambda: self.time)

    async def __call__(self) -> Hardware:
        self.count += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return machine(*self.gpus)

    async def measure(self, *residents: Resident, after: float = 0.0) -> Cards | None:
        self.time += after
        await self.beside.look(residents)
        return self.beside.cards


@pytest.mark.parametrize(("gpus", "lasting"), [((card(GIB),), 2.0), ((), 60.0), ((card(None),), 60.0)])
async def test_a_look_lasts_a_while_and_longer_where_no_card_tells_its_use(gpus: tuple[Gpu, ...], lasting: float) -> None:
    look = Look(*gpus)
    for seconds, count in ((0, 0), (lasting - 0.1, 0), (lasting, 1), (lasting + 0.1, 1), (2 * lasting, 2)):
        look.time = seconds
        await look.telemetry.now()
        assert look.count == count


async def test_who_asks_meanwhile_shares_the_look() -> None:
    look = Look(card(9 * GIB))
    look.time = 2.0
    found = await asyncio.gather(*(look.telemetry.now() for _ in range(5)))
    assert found == [machine(card(9 * GIB))] * 5 and look.count == 1


@pytest.mark.parametrize("error", [None, OSError("gone")])
async def test_cards_that_give_no_figures_any_more_are_there_all_the_same_and_asked_again_in_a_minute(error) -> None:
    look = Look(card(9 * GIB))
    look.gpus, look.error, look.time = (), error, 2.0
    assert await look.telemetry.now() == machine(card(None)) == look.telemetry.hardware
    look.gpus, look.error, look.time = (card(GIB),), None, 61.9
    assert await look.telemetry.now() == machine(card(None))
    look.time = 62.0
    assert await look.telemetry.now() == machine(card(GIB)) == look.telemetry.hardware


async def test_a_card_that_comes_later_is_found() -> None:
    look = Look()
    look.gpus, look.time = (card(GIB),), 60.0
    assert (await look.telemetry.now()).gpus == (card(GIB),)


async def test_what_others_take_is_measured_with_every_look_at_the_models() -> None:
    look = Look(card(9 * GIB))
    assert await look.measure() == Cards(24 * GIB, 9 * GIB, 9 * GIB)
    look.gpus = (card(12 * GIB),)
    assert (await look.measure(after=2.0)).others == 12 * GIB
    look.gpus = ()
    assert await look.measure(after=2.0) is None


async def test_a_model_on_its_way_is_nobody_elses() -> None:
    look = Look(card(GIB))
    assert (await look.measure()).others == GIB
    look.gpus = (card(7 * GIB + DRIVER_BYTES),)
    with look.beside.moving():
        assert (await look.measure(after=9.0)).others == GIB, "it is being loaded"
    assert (await look.measure(after=1.0)).others == GIB, "it is loaded and not yet listed"
    assert (await look.measure(WHOLE, after=3.9)).others == GIB, "it is listed just now"
    assert (await look.measure(WHOLE, after=3.9)).others == GIB
    look.gpus = (card(8 * GIB + DRIVER_BYTES),)
    assert (await look.measure(WHOLE, after=0.1)).others == 2 * GIB
    assert (await look.measure(after=3.9)).others == 2 * GIB, "it left, and the driver counts it still"
    look.gpus = (card(2 * GIB),)
    assert (await look.measure(after=4.0)).others == 2 * GIB


async def test_a_load_that_begins_while_the_driver_is_asked_spoils_the_figure() -> None:
    look = Look(card(GIB))
    look.time = 2.0
    asking = asyncio.create_task(look.measure())
    while not look.count:
        await asyncio.sleep(0)
    with look.beside.moving():
        assert await asking is None
    assert (await look.measure(after=4.0)).others == GIB


async def test_a_driver_that_hangs_is_not_asked_again_before_it_answers(tmp_path) -> None:
    release, asked = threading.Event(), []

    def stuck():
        asked.append(1)
        release.wait(30)
        return (card(GIB),), None

    ask = OneAtATime(stuck, ((), "NVIDIA: an earlier question"))
    notes = [(await find_gpus(GIB, "Linux x86_64", 0.05, ask=ask, drm=tmp_path))[1][0] for _ in range(3)]
    assert len(asked) == 1 and "no answer" in notes[0] and "earlier question" in notes[1] and notes[1] == notes[2]
    release.set()
    while not (found := await in_a_thread(ask, 5))[0]:
        await asyncio.sleep(0)
    assert found == ((card(GIB),), None)


async def test_the_machine_itself_can_be_looked_at() -> None:
    now = iter([0.0, 99.0, 99.0, 99.0])
    assert (await Telemetry(machine(), Clock(monotonic=lambda: next(now))).now()).ram_total.source != "x"
