"""Moving averages and guesses."""

import random

import pytest

from fleet.swapper.breaker import Breaker
from fleet.swapper.estimates import Mean, Rate, Successions
from fleet.swapper.tuning import Tuning


def test_a_guess_counts_until_something_is_measured():
    mean = Mean(8.0)
    mean.guess(9.0)
    assert mean.value == 9.0 and not mean.is_known
    mean.add(3.0)
    mean.guess(100.0)
    mean.add(5.0)
    assert mean.value == 4.0 and mean.is_known


def test_of_the_first_few_the_least_is_proven():
    mean, proven = Mean(8.0), []
    assert mean.proven == 0.0
    for seconds in [20.0, 2.0, 3.0] + [2.5] * 7:
        mean.add(seconds)
        proven.append(mean.proven)
    assert proven == [20.0] + [2.0] * 8 + [mean.value] and mean.has_grown_up


def test_the_mean_follows_a_change():
    mean = Mean(0.0)
    for seconds in [1.0] * 100 + [11.0] * 50:
        mean.add(seconds)
    assert mean.value > 10.9


def test_the_rate_of_an_even_and_of_a_random_stream():
    even, rnd, chance, at = Rate(), random.Random(1), Rate(), 0.0
    for number in range(200):
        even.add(number * 4.0)
        at += rnd.expovariate(0.25)
        chance.add(at)
    assert even.at(796.0) == pytest.approx(0.25, rel=0.1) and chance.at(at) == pytest.approx(0.25, rel=0.3)


def test_one_arrival_says_nothing_and_silence_disproves_a_burst():
    rate = Rate()
    assert rate.at(0.0) == 0.0
    rate.add(0.0)
    assert rate.at(10.0) == 0.0
    for _ in range(60):
        rate.add(1.0)
    assert rate.at(1.1) > 1 and rate.at(101.0) == pytest.approx(0.04) and rate.at(3000.0) < 0.001


def test_the_next_model_is_guessed_from_what_came_after_the_last():
    seen = Successions()
    assert seen.after_last() == {}
    for _ in range(10):
        seen.add("a")
        seen.add("b")
    assert seen.after_last() == {"a": pytest.approx(1.0)}
    for _ in range(60):
        seen.add("b")
    assert seen.after_last()["b"] > 0.9


def test_a_breaker_opens_after_three_failures_in_ten_minutes():
    breaker = Breaker(Tuning())
    for now in (0.0, 400.0, 700.0):
        breaker.failed(now, "no")
    assert breaker.open_for(700.0) == 0 and breaker.retry_at == 708.0
    breaker.failed(900.0, "no")
    assert breaker.open_for(900.0) == 300.0 and breaker.retry_at == 1200.0
    assert breaker.open_for(1200.0) == 0
    breaker.failed(2000.0, "again")
    assert breaker.open_for(2000.0) == 300.0
    breaker.succeeded()
    assert breaker.open_for(2000.0) == 0 and breaker.retry_at == 0
