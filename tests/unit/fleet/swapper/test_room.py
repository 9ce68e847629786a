"""Who fits beside whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MemoryTaken, ModelTooLarge
from fleet.swapper.line import Shares
from fleet.swapper.residency import model, predict_again
from fleet.swapper.room import Room
from fleet.swapper.tuning import Tuning

GB = 10**9


def sized(name, gigabytes, used_at=0.0, inside=0):
    made = model(name, gigabytes * GB, Tuning(), Shares())
    made.used_at, made.inside = used_at, inside
    return made


def test_alone_a_model_may_fill_the_budget_and_beside_others_four_fifths_of_the_rest():
    room, light = Room(lambda: 26 * GB, 0.8), sized("light", 6)
    assert room.fits(sized("a", 26), []) and not room.fits(sized("a", 27), [])
    assert room.fits(sized("a", 16), [light]) and not room.fits(sized("a", 17), [light])
    assert Room(lambda: None, 0.8).fits(sized("a", 1000), [light])


def test_beside_others_what_ollama_foresees_must_fit_its_own_rule_and_what_we_predict_the_rest():
    room, light, one = Room(lambda: 26 * GB, 0.8), sized("light", 6), sized("a", 18)
    predict_again(one, 18 * GB, 16 * GB, Tuning())
    assert room.fits(one, [light])
    predict_again(one, 18 * GB, 17 * GB, Tuning())
    assert not room.fits(one, [light]) and room.fits(one, [])
    predict_again(one, 21 * GB, 10 * GB, Tuning())
    assert not room.fits(one, [light])


def test_what_other_programs_have_is_no_room_but_changes_no_plan():
    taken = 0
    room, light, heavy = Room(lambda: 26 * GB, 1.0, taken=lambda: taken), sized("light", 6), sized("heavy", 18)
    for taken, left, fits in ((0, 26, True), (2, 24, True), (3, 23, False), (30, 0, False)):
        taken *= GB
        assert (room.bytes, room.fits(heavy, [light])) == (left * GB, fits) and room.together([light, heavy]) == [light, heavy]
    assert isinstance(room.too_large(heavy, [light]), MemoryTaken)
    assert isinstance(room.too_large(sized("a", 27), []), ModelTooLarge)
    taken = 0
    assert isinstance(room.too_large(heavy, [light]), ModelTooLarge), "nobody else has anything: it is a fixed one that stays"


def test_what_ollama_shows_counts_more_than_the_prediction():
    room, light = Room(lambda: 26 * GB, 0.8), sized("light", 6)
    light.weighed = 12 * GB
    assert not room.fits(sized("a", 16), [light])


def test_idle_and_long_unused_models_leave_first_and_no_more_than_needed():
    room = Room(lambda: 26 * GB, 1.0)
    others = [sized("busy", 6, inside=1), sized("recent", 6, used_at=9.0), sized("stale", 6, used_at=1.0)]
    assert [one.name for one in room.victims(sized("a", 10), [], others)] == ["stale"]
    assert [one.name for one in room.victims(sized("a", 20), [], others)] == ["stale", "recent"]
    assert [one.name for one in room.victims(sized("a", 26), [], others)] == ["stale", "recent", "busy"]
    assert room.victims(sized("a", 27), [], others) is None
    assert room.victims(sized("a", 8), [], others) == []


def test_who_left_in_vain_may_stay():
    room = Room(lambda: 26 * GB, 1.0)
    others = [sized("small", 1, used_at=1.0), sized("large", 20, used_at=2.0)]
    assert [one.name for one in room.victims(sized("a", 15), [], others)] == ["large"]


def test_always_on_models_have_room_together_in_the_order_of_their_names_in_the_setting():
    room = Room(lambda: 26 * GB, 0.8)
    found = room.together([sized("a", 10), sized("b", 20), sized("c", 5)])
    assert [one.name for one in found] == ["a", "c"]


def test_a_prediction_that_changed_moves_the_guess_of_the_load():
    one = sized("a", 2)
    predict_again(one, 20 * GB, 22 * GB, Tuning())
    assert (one.size, one.foreseen) == (20 * GB, 22 * GB) and one.load.value == pytest.approx(11.0)


@given(st.integers(1, 40), st.lists(st.integers(1, 30), max_size=5), st.floats(0.5, 1.0))
def test_beside_those_who_stay_there_is_room(size, sizes, share):
    room = Room(lambda: 26 * GB, share)
    others = [sized(str(number), each, used_at=float(number)) for number, each in enumerate(sizes)]
    wanted = sized("a", size)
    leaving = room.victims(wanted, [], others)
    if leaving is None:
        assert size > 26
    else:
        staying = [one for one in others if one not in leaving]
        assert room.fits(wanted, staying)
        assert not leaving or all(not room.fits(wanted, [*staying, one]) for one in leaving[:-1])


@pytest.mark.parametrize("budget", [None, 100 * GB])
def test_a_server_with_one_place_holds_one_model_whatever_its_size(budget):
    room, small, other = Room(lambda: budget, 0.8, most=1), sized("small", 1), sized("other", 1)
    assert room.fits(small, []) and not room.fits(small, [other])
    assert room.victims(small, [], [other]) == [other] and room.victims(small, [other], []) is None
    assert room.together([small, other]) == [small]
    refused = room.too_large(other, [small])
    assert "one model at a time" in refused.detail and "small" in refused.detail


def test_a_server_keeps_so_many_models_and_no_more():
    room = Room(lambda: 100 * GB, 0.8, most=2)
    one, two, three = (sized(name, 1, used_at=at) for at, name in enumerate(("one", "two", "three")))
    assert room.fits(three, [one]) and not room.fits(three, [one, two])
    assert room.victims(three, [], [one, two]) == [one]
    assert room.victims(three, [one, two], []) is None and room.together([one, two, three]) == [one, two]
    assert "beside one, two: its server holds 2 models at a time" in room.too_large(three, [one, two]).detail
