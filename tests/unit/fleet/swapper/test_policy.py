"""The policy alone."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.swapper.policy import Candidate, Occupant, Serve, Swap, Wait, cycle, decide, index, is_worth_loading_ahead, quantum
from fleet.swapper.tuning import Tuning

TUNING = Tuning()


def candidate(name="b", *, count=1, oldest=0.0, overdue_at=120.0, victims=(), load=10.0, is_pinned=False):
    return Candidate(name, count, oldest, overdue_at, load, 8.0, victims, is_pinned)


def busy(paid_at=0.0):
    return Occupant("a", False, paid_at)


IDLE = Occupant("a", True, 1000.0)


def test_nobody_waits():
    assert decide([], 5.0, TUNING) == Serve()


def test_an_idle_resident_leaves_at_once_though_its_load_has_not_paid():
    assert decide([candidate(victims=[IDLE])], 5.0, TUNING) == Swap("b", ("a",))


def test_a_busy_resident_stays_until_somebody_is_due():
    assert decide([candidate(victims=[busy()])], 119.0, TUNING) == Wait(120.0)
    assert decide([candidate(victims=[busy()])], 120.0, TUNING) == Swap("b", ("a",))


def test_a_busy_resident_stays_until_its_load_has_paid():
    assert decide([candidate(victims=[busy(150.0)])], 130.0, TUNING) == Wait(150.0)
    assert decide([candidate(victims=[busy(150.0)])], 150.0, TUNING) == Swap("b", ("a",))


def test_one_that_is_asked_for_most_of_the_time_is_idle_for_a_moment_only():
    resident = Occupant("a", True, 0.0, kept_until=30.0)
    assert decide([candidate(victims=[resident])], 20.0, TUNING) == Wait(30.0)
    assert decide([candidate(victims=[resident])], 30.0, TUNING) == Swap("b", ("a",))
    assert decide([candidate(victims=[resident], overdue_at=20.0)], 19.0, TUNING) == Wait(20.0)
    assert decide([candidate(victims=[resident], overdue_at=20.0)], 20.0, TUNING) == Swap("b", ("a",))
    assert decide([candidate(victims=[resident]), candidate("c")], 20.0, TUNING) == Swap("c")


def test_the_first_due_goes_first():
    later, sooner = candidate("b", overdue_at=90.0, victims=[busy()]), candidate("c", overdue_at=80.0, victims=[busy()])
    assert decide([later, sooner], 100.0, TUNING) == Swap("c", ("a",))


def test_the_better_index_goes_first_while_nobody_is_overdue():
    few, many = candidate("b", victims=[IDLE]), candidate("c", count=9, victims=[IDLE])
    assert decide([few, many], 5.0, TUNING) == Swap("c", ("a",))
    overdue = candidate("b", overdue_at=4.0, victims=[IDLE])
    assert decide([overdue, many], 5.0, TUNING) == Swap("b", ("a",))


def test_waiting_raises_the_index():
    assert index(candidate(), 100.0, TUNING) > index(candidate(), 10.0, TUNING)
    assert index(candidate(load=5.0), 10.0, TUNING) > index(candidate(load=50.0), 10.0, TUNING)


def test_nobody_passes_one_that_is_overdue_not_even_beside_the_others():
    blocked, beside = candidate("b", overdue_at=50.0, victims=[busy(200.0)]), candidate("c")
    assert decide([blocked, beside], 60.0, TUNING) == Wait(200.0)
    assert decide([blocked, beside], 40.0, TUNING) == Swap("c")


def test_always_on_models_come_before_everything():
    assert decide([candidate("b", overdue_at=0.0), candidate("light", is_pinned=True)], 9.0, TUNING) == Swap("light")


def test_loading_ahead_must_gain_half_a_load():
    assert is_worth_loading_ahead(0.9, 10.0, 1.0)
    assert not is_worth_loading_ahead(0.5, 10.0, 5.0)


def test_quantum_and_cycle_grow_with_the_load():
    assert quantum(10.0, 0.1, TUNING) == 40.0 and quantum(10.0, 0.75, TUNING) == 60.0
    assert cycle([10.0, 20.0], 0.5) == 60.0


occupants = st.builds(Occupant, st.sampled_from("vwxyz"), st.booleans(), st.floats(0, 1000), st.floats(0, 2000))
candidates = st.lists(
    st.builds(
        Candidate,
        st.sampled_from("abcde"),
        st.integers(1, 50),
        st.floats(0, 500),
        st.floats(500, 1000),
        st.floats(1, 100),
        st.floats(0.1, 60),
        st.lists(occupants, max_size=3),
        st.booleans(),
    ),
    max_size=5,
)


@given(candidates, st.floats(500, 2000))
def test_a_decision_keeps_the_promises(waiting, now):
    match decide(waiting, now, TUNING):
        case Serve():
            assert not waiting
        case Wait(until):
            assert until > now
            assert any(not victim.is_idle or victim.kept_until > now for each in waiting for victim in each.victims)
        case Swap(to, victims):
            chosen = [each for each in waiting if each.name == to and tuple(one.name for one in each.victims) == victims]
            assert any(
                each.is_pinned
                or (now >= each.overdue_at and all(one.is_idle or now >= one.paid_at for one in each.victims))
                or all(one.is_idle and now >= one.kept_until for one in each.victims)
                for each in chosen
            )
