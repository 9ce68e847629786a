import pytest

from fleet.budget import Budget, budget
from fleet.graphics import Gpu
from fleet.hardware import Figure, Hardware

GIB = 1 << 30
HERE, THERE = "http://localhost:11434", "http://gpu-box:11434"


def machine(*cards: int | None) -> Hardware:
    gpus = tuple(Gpu("card", "nvidia", None, vram, None, "nvml") for vram in cards)
    return Hardware(Figure(8, "x"), Figure(32 * GIB, "/proc/meminfo"), Figure(20 * GIB, "x"), gpus)


@pytest.mark.parametrize(
    "cards, mode, url, gib",
    [
        ((), "auto", HERE, 24),
        ((), "gpu", HERE, 24),
        ((24 * GIB,), "cpu", HERE, 24),
        ((12 * GIB,), "auto", HERE, 12),
        ((12 * GIB, 8 * GIB), "gpu", HERE, 20),
        ((48 * GIB,), "auto", HERE, 26),
        ((None,), "auto", HERE, 26),
    ],
)
def test_models_have_the_memory_of_where_they_run_within_the_limit(cards, mode, url, gib):
    assert budget(machine(*cards), mode, 26, url).bytes == gib * GIB


def test_of_another_machine_nothing_is_known():
    there = budget(machine(24 * GIB), "auto", 26, THERE)
    assert there.bytes is None and there.fits(1) is None and "another machine" in there.why


def test_a_model_fits_up_to_the_last_byte_and_an_unknown_one_is_unknown():
    room = Budget(10 * GIB, "x")
    assert (room.fits(10 * GIB), room.fits(10 * GIB + 1), room.fits(None)) == (True, False, None)


def test_the_memory_is_that_of_the_device_that_models_run_on():
    assert budget(machine(), "auto", 26, HERE).device == "cpu" and budget(machine(24 * GIB), "cpu", 26, HERE).device == "cpu"
    assert budget(machine(24 * GIB), "auto", 26, HERE).device == "gpu" and budget(machine(), "auto", 26, THERE).device == "gpu"
