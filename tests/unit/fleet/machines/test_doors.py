"""The doors are closed together, and open together."""

from types import SimpleNamespace

from fleet.admission import Admission
from fleet.machines.doors import Doors
from fleet.machines.swapping import Swapping


class Drained:
    def __init__(self, ends):
        self.ends, self.done = ends, []

    async def drain(self, seconds):
        self.done.append(("drain", seconds))
        return self.ends

    def resume(self):
        self.done.append("resume")


def doors(ends=True):
    swapper = Drained(ends)
    turns = Swapping.__new__(Swapping)
    turns.swapper = swapper
    admission = Admission()
    local = SimpleNamespace(inside=3, turns=turns)
    return Doors(admission, SimpleNamespace(local=local)), admission, swapper


async def test_both_are_closed_and_drained_then_opened():
    both, admission, swapper = doors()
    assert both.inside == 3
    assert await both.close_and_drain(5) and not admission.is_open and swapper.done == [("drain", 5)]
    both.open()
    assert admission.is_open and swapper.done[-1] == "resume"


async def test_turns_that_do_not_end_are_told():
    both, admission, swapper = doors(ends=False)
    assert not await both.close_and_drain(5) and not admission.is_open


async def test_while_documents_are_asked_about_nobody_waits_for_turns():
    both, admission, swapper = doors()
    async with admission.admitted():
        assert not await both.close_and_drain(0.01)
    assert swapper.done == []
