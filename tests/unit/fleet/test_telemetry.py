import asyncio
import threading

import pytest

from core.clock import Clock
from fleet.compute import Resident
from fleet.graphics import Gpu, find_gpus, in_a_thread
from fleet.hardware import Figure, Hardware
from fleet.telemetry import RUNNER_BYTES, OneAtATime, Telemetry, foreign_bytes

GIB = 1 << 30


def card(used: int | None, total: int | None = 24 * GIB) -> Gpu:
    return Gpu("card", "nvidia", "GPU-0", total, used, "NVML")


def machine(*gpus: Gpu) -> Hardware:
    return Hardware(Figure(8, "x"), Figure(32 * GIB, "x"), Figure(20 * GIB, "x"), gpus)


MODELS = [Resident("a", 6 * GIB, 6 * GIB), Resident("b", 8 * GIB, 2 * GIB), Resident("c", 4 * GIB, 0)]


@pytest.mark.parametrize(
    ("used", "foreign"),
    [
        ([], None),
        ([None], None),
        ([13 * GIB], 5 * GIB - 2 * RUNNER_BYTES),
        ([13 * GIB, None, GIB], 6 * GIB - 2 * RUNNER_BYTES),
        ([GIB], 0),
    ],
)
def test_what_others_take_is_what_our_models_and_their_runners_do_not(used: list[int | None], foreign: int | None) -> None:
    assert foreign_bytes(map(card, used), MODELS) == foreign


class Look:
    def __init__(self, *gpus: Gpu):
        self.gpus, self.count, self.time = gpus, 0, 0.0
        self.telemetry = Telemetry(Clock(monotonic=lambda: self.time), self)

    async def __call__(self) -> Hardware:
        self.count += 1
        await asyncio.sleep(0)
        return machine(*self.gpus)


@pytest.mark.parametrize(("gpus", "lasting"), [((card(GIB),), 2.0), ((), 60.0)])
async def test_a_look_lasts_a_while_and_longer_where_there_is_no_card(gpus: tuple[Gpu, ...], lasting: float) -> None:
    look = Look(*gpus)
    for seconds, count in ((0, 1), (lasting - 0.1, 1), (lasting, 2), (lasting + 0.1, 2)):
        look.time = seconds
        await look.telemetry.now()
        assert look.count == count


async def test_who_asks_meanwhile_shares_the_look() -> None:
    look = Look(card(9 * GIB))
    found = await asyncio.gather(*(look.telemetry.foreign([]) for _ in range(5)))
    assert found == [9 * GIB] * 5 and look.count == 1


async def test_a_look_that_fails_is_not_remembered() -> None:
    async def broken() -> Hardware:
        raise OSError("gone")

    telemetry = Telemetry(Clock(monotonic=lambda: 0.0), broken)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            await telemetry.now()


async def test_a_driver_that_hangs_is_not_asked_again_before_it_answers(tmp_path) -> None:
    release, asked = threading.Event(), []

    def stuck():
        asked.append(1)
        release.wait(30)
        return (card(GIB),), None

    ask = OneAtATime(stuck)
    notes = [(await find_gpus(GIB, "Linux x86_64", 0.05, ask=ask, drm=tmp_path))[1][0] for _ in range(3)]
    assert len(asked) == 1 and "no answer" in notes[0] and "earlier question" in notes[1] and notes[1] == notes[2]
    release.set()
    while not (found := await in_a_thread(ask, 5))[0]:
        await asyncio.sleep(0)
    assert found == ((card(GIB),), None)


async def test_the_machine_itself_can_be_looked_at() -> None:
    assert (await Telemetry(Clock()).now()).ram_total.value > 0
