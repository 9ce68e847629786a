import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.machines.placement import Candidate, ranked, reasons, unfit

seconds = st.integers(0, 1000).map(float)
bytes_ = st.none() | st.integers(1, 100)
candidates = st.builds(
    Candidate,
    name=st.text("abcdefgh", min_size=1, max_size=3),
    kind=st.sampled_from(["ollama", "vllm"]),
    state=st.sampled_from(["up", "unknown", "down"]),
    enabled=st.booleans(),
    draining=st.booleans(),
    suspected=st.booleans(),
    installed=st.none() | st.booleans(),
    predicted=bytes_,
    budget=bytes_,
    resident=st.booleans(),
    wait=seconds,
    load=seconds,
    displaced=seconds,
    idle=st.none() | seconds,
)
fleets = st.lists(candidates, max_size=6, unique_by=lambda one: one.name)
kinds = st.sampled_from(["", "ollama", "vllm"])


def names(found):
    return [one.name for one in found]


@given(fleets, kinds, st.randoms(use_true_random=False))
def test_the_order_does_not_hang_on_the_order_of_the_machines(fleet, kind, chance: random.Random):
    shuffled = fleet[:]
    chance.shuffle(shuffled)
    assert ranked(fleet, kind) == ranked(shuffled, kind)


@given(fleets, kinds)
def test_each_machine_is_ranked_or_has_its_reason(fleet, kind):
    found, why = ranked(fleet, kind), reasons(fleet, kind)
    assert {*names(found)} | why.keys() == {*names(fleet)} and not {*names(found)} & why.keys()
    for one in found:
        assert one.enabled and not one.draining and one.state != "down" and kind in ("", one.kind)
        assert one.installed is not False
        assert one.resident or not (one.budget and one.predicted) or one.predicted <= one.budget


@given(fleets, kinds)
def test_the_best_is_never_worse_than_a_sound_one_by_more_than_its_load(fleet, kind):
    found = [one for one in ranked(fleet, kind) if not one.suspected]
    if not found:
        return
    best, least = found[0], min(one.eta + one.displaced for one in found)
    slack = 10.0 if any(one.state == "unknown" for one in found) else 0.0
    assert best.eta + best.displaced <= least + max(one.load for one in found) + slack + 1e-6


@given(st.lists(seconds, min_size=1, max_size=5), seconds)
def test_with_equal_loads_and_nobody_at_home_the_shortest_queue_wins(waits, load):
    fleet = [Candidate(f"m{n}", wait=wait, load=load) for n, wait in enumerate(waits)]
    assert ranked(fleet)[0].wait == min(waits)


@given(fleets, kinds, st.integers(0, 5))
def test_a_machine_that_gets_better_never_falls_behind(fleet, kind, index):
    before = names(ranked(fleet, kind))
    if not before:
        return
    name = before[index % len(before)]
    faster = [replace(one, wait=one.wait / 2, suspected=False) if one.name == name else one for one in fleet]
    if any(one.resident and one.name == name and one.suspected for one in fleet):
        return  # trusted again, it is the home of the model: the others are weighed anew
    assert names(ranked(faster, kind)).index(name) <= before.index(name)


HOME = Candidate("home", resident=True, wait=30.0, load=12.0)


@pytest.mark.parametrize(("wait", "winner"), [(0.0, "away"), (5.9, "away"), (6.1, "home"), (30.0, "home")])
def test_a_model_leaves_its_machine_only_for_a_win_of_more_than_the_load(wait, winner):
    assert ranked([HOME, Candidate("away", wait=wait, load=12.0)])[0].name == winner


def test_of_two_homes_the_one_with_less_to_do():
    assert names(ranked([HOME, replace(HOME, name="twin", wait=3.0)])) == ["twin", "home"]


def test_a_file_that_was_just_read_loads_faster():
    fleet = [Candidate("cold", load=10.0), Candidate("warm", load=10.0, idle=60.0), Candidate("dusty", load=10.0, idle=9999.0)]
    assert ranked(fleet)[0].name == "warm" and names(ranked(fleet))[1:] == ["cold", "dusty"]


def test_an_empty_machine_is_better_than_one_where_another_model_would_have_to_leave():
    assert ranked([Candidate("full", load=5.0, displaced=8.0), Candidate("idle", load=5.0, wait=7.0)])[0].name == "idle"


def test_a_slow_machine_must_win_by_ten_seconds():
    slow = Candidate("slow", state="unknown")
    assert ranked([slow, Candidate("sure", wait=9.0)])[0].name == "sure"
    assert ranked([slow, Candidate("sure", wait=11.0)])[0].name == "slow"


@pytest.mark.parametrize(("changes", "kind", "reason"), [
    ({"enabled": False, "state": "down"}, "", "disabled"), ({"draining": True}, "", "draining"), ({"state": "down"}, "", "down"),
    ({"kind": "vllm"}, "ollama", "kind"), ({"kind": "vllm"}, "vllm", None), ({"kind": "vllm"}, "", None), ({"installed": False}, "", "not installed"),
    ({"installed": None}, "", None), ({"predicted": 11, "budget": 10}, "", "too large"), ({"predicted": 10, "budget": 10}, "", None),
    ({"predicted": 11, "budget": 10, "resident": True}, "", None), ({"predicted": 11}, "", None),
    ({"predicted": 8, "budget": 10, "taken": 3}, "", "memory taken"), ({"predicted": 7, "budget": 10, "taken": 3}, "", None),
    ({"predicted": 8, "budget": 10, "taken": 3, "resident": True}, "", None), ({"predicted": 11, "budget": 10, "taken": 3}, "", "too large"),
])  # fmt: skip
def test_why_a_machine_is_left_out(changes, kind, reason):
    assert unfit(Candidate("m", **changes), kind) == reason
