import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, StorageFull
from fleet.operations.activity import Activity


class Table:
    def __init__(self):
        self.marks, self.full = frozenset(), False

    async def load(self):
        return self.marks

    async def save(self, marks):
        if self.full:
            raise StorageFull("Full.")
        self.marks = marks


async def opened(table):
    activity = Activity(table.load, table.save)
    await activity.open()
    return activity


async def test_everywhere_takes_the_place_of_single_machines():
    activity = await opened(Table())
    await activity.deactivate("m:1", "a")
    assert activity.offers("m:1") and activity.offers("m:1", "b") and not activity.offers("m:1", "a")
    assert activity.offers("n:1", "a") and not activity.deactivated("m:1", None) and activity.deactivated("m:1", "a")
    await activity.deactivate("m:1", None)
    assert activity.marks == {("m:1", None)} and not activity.offers("m:1", "b")
    with pytest.raises(Conflict, match="every machine"):
        await activity.activate("m:1", "a")
    await activity.activate("m:1", None)
    assert activity.marks == frozenset() and activity.activated("m:1", None)


async def test_a_change_that_cannot_be_kept_is_none():
    table = Table()
    activity = await opened(table)
    table.full = True
    with pytest.raises(StorageFull):
        await activity.deactivate("m:1", None)
    assert activity.offers("m:1")


MODELS, MACHINES = st.sampled_from(["m:1", "n:1"]), st.sampled_from([None, "a", "b"])


@given(st.lists(st.tuples(st.sampled_from(["activate", "deactivate", "gone", "moved"]), MODELS, MACHINES), max_size=12))
async def test_what_is_kept_is_what_holds_after_a_restart(steps):
    table = Table()
    activity = await opened(table)
    for kind, model, machine in steps:
        if kind == "deactivate":
            await activity.deactivate(model, machine)
            assert not activity.offers(model, machine or "a")
        elif kind == "activate" and (machine is None or (model, None) not in activity.marks):
            await activity.activate(model, machine)
            assert activity.offers(model, machine)
        elif kind in ("gone", "moved") and machine is not None:
            await activity.gone(model, machine, "b" if kind == "moved" and machine == "a" else None)
            assert (model, machine) not in activity.marks
        other = await opened(table)
        assert other.marks == activity.marks
