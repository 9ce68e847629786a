"""Shares, stickiness, versions: what a deployment decides, without anything around it."""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict
from gateway.deployments import Arm, Asker, Deployment, Split, Version

KEYS = [f"key-{number}" for number in range(100_000)]
PROVIDERS = ("ollama", "openai")


def version(number=1, sticky="key", **weights) -> Version:
    arms = tuple(Arm(f"ollama/{name}", weight) for name, weight in weights.items())
    return Version(number, arms, sticky, "", 0.0, "operator")


def split(providers=PROVIDERS, alias="gemma:prod", **weights) -> Split:
    return Split(alias, alias, version(**weights), providers)


def led(one: Split, key: str, allows=None, provider=None) -> str | None:
    target = one.choose(lambda: Asker("", key, "r"), allows, provider)
    return target and target.model


@pytest.mark.parametrize(
    "weights", [{"a": 9, "b": 1}, {"a": 50, "b": 50}, {"a": 1, "b": 1, "c": 1}, {"a": 0.98, "b": 0.01, "c": 0.01}]
)
def test_shares_are_as_the_weights_say(weights):
    one, whole = split(**weights), sum(weights.values())
    found = Counter(led(one, key) for key in KEYS)
    for name, weight in weights.items():
        assert abs(found[name] / len(KEYS) - weight / whole) < 0.01, name


def test_numbers_as_seeds_are_shared_out_as_well():
    one = split(a=9, b=1)
    found = Counter(one.choose(lambda n=n: Asker(str(n), "k", "r"), None).model for n in range(20_000))
    assert abs(found["b"] / 20_000 - 0.1) < 0.01


@given(
    seed=st.text(max_size=40),
    weights=st.lists(st.floats(0.01, 100), min_size=2, max_size=6),
    gone=st.integers(0, 5),
)
def test_an_arm_that_goes_moves_its_own_askers_and_nobody_else(seed, weights, gone):
    every = {f"m{place}": weight for place, weight in enumerate(weights)}
    before = led(split(**every), seed)
    assert led(split(**dict(reversed(every.items()))), seed) == before, "the order of the arms says nothing"
    left = {name: weight for name, weight in every.items() if name != f"m{gone}"}
    if before != f"m{gone}":
        assert led(split(**left), seed) == before


@given(seed=st.text(max_size=40), first=st.floats(0.01, 100), more=st.floats(0, 100))
def test_an_arm_that_grows_takes_askers_and_gives_none(seed, first, more):
    if led(split(a=first, b=50, c=50), seed) == "a":
        assert led(split(a=first + more, b=50, c=50), seed) == "a"


def test_deployments_share_out_each_in_its_own_way():
    one, other = split(alias="one", a=1, b=1), split(alias="other", a=1, b=1)
    same = sum(led(one, key) == led(other, key) for key in KEYS[:5000])
    assert abs(same / 5000 - 0.5) < 0.05


def test_who_asks_is_the_seed_of_the_body_then_the_key_then_the_request():
    asker = Asker("7", "key", "r1")
    assert asker.seed("key") == "7" == asker.seed("request")
    assert asker._replace(told="").seed("key") == "key"
    assert asker._replace(told="").seed("request") == "r1"
    assert Asker("", "", "r1").seed("key") == "r1"


def test_the_reason_says_which_arm_and_how_large_it_is():
    target = split(a=9, b=1).choose(None, None)
    assert target.because == "deployment gemma:prod, arm ollama/a (90 %)" and target.asked == "gemma:prod"
    assert not target.automatic, "nobody steps in for an arm: its figures are its own"


def test_arms_that_cannot_be_asked_are_left_out():
    one = Version(1, (Arm("ollama/a", 1), Arm("gone/b", 99), Arm("openai/c", 0)), "key", "", 0.0, "operator")
    assert {led(Split("x", "x", one, PROVIDERS), key) for key in KEYS[:100]} == {"a"}
    assert led(Split("x", "x", one, ("openai",)), "k") is None
    assert led(Split("x", "x", one, PROVIDERS), "k", provider="openai") is None


def test_a_caller_gets_the_arms_that_he_may_use():
    one = split(a=1, b=1)
    assert {led(one, key, lambda _, model: model == "b") for key in KEYS[:50]} == {"b"}
    assert led(one, "k", lambda *_: False) is not None, "the ledger refuses it with its own words"


def test_versions_go_from_staging_to_production_and_back():
    one = Deployment("x").placed(version(1, a=1), "production").placed(version(2, b=1), "staging")
    assert (one.live.number, one.staged.number) == (1, 2)
    with pytest.raises(Conflict, match="Version 2 of x is in staging, not 1"):
        one.promoted(1)
    promoted = one.promoted(2)
    assert (promoted.live.number, promoted.staged) == (2, None)
    with pytest.raises(Conflict, match="No version of x is in staging"):
        promoted.promoted()
    assert promoted.rolled_back().live.number == 1
    with pytest.raises(Conflict, match="no version before this one.$"):
        promoted.rolled_back().rolled_back()


def test_production_goes_back_and_forward_to_any_version_that_it_had():
    third = Deployment("x")
    for number in (1, 2, 3):
        third = third.placed(version(number, a=number), "production")
    back = third.rolled_back(1)
    assert (back.live.number, [one.number for one in back.later]) == (1, [2, 3]) and third.rolled_back().live.number == 2
    assert back.rolled_back(3) == third and back.rolled_back(2) == third.rolled_back()
    fourth = back.placed(version(4, b=1), "production")
    assert fourth.rolled_back(2).live.number == 2 and fourth.rolled_back().live.number == 1
    for one, number in ((third, 9), (third, 3), (back, 1)):
        with pytest.raises(Conflict, match=f"no other version {number}.$") as caught:
            one.rolled_back(number)
        assert caught.value.field == "version" and caught.value.hint == ("It had: 1, 2." if one is third else "It had: 2, 3.")


@given(st.lists(st.none() | st.integers(1, 5) | st.just("put"), max_size=200))
def test_no_version_is_lost_by_going_to_and_fro(steps):
    one, number = Deployment("x"), 0
    for step in steps:
        if step == "put":
            number += 1
            one = one.placed(version(number, a=1), "production")
        else:
            with suppress(Conflict):
                one = one.rolled_back(step)
        had = [made.number for made in (*one.released, *one.later)]
        assert len(had) <= 100 and (number > 50 or sorted(had) == [*range(1, number + 1)])


def test_a_record_is_read_as_it_was_written():
    one = Deployment("x").placed(version(1, a=1.5), "production").placed(version(2, b=1, c=2), "staging")
    assert Deployment.of(one.to_record()) == one


def test_only_so_many_versions_are_kept_to_go_back_to():
    one = Deployment("x")
    for number in range(1, 81):
        one = one.placed(version(number, a=1), "production")
    assert len(one.released) == 50 and one.live.number == 80
