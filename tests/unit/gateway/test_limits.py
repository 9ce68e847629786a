"""Rates and periods, held against plainer reckonings of the same."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.grants import PERIODS, period_end, period_start
from gateway.limits import Rate, Spending

MOMENTS = st.floats(0, 4e9, allow_nan=False)


@given(st.integers(1, 500), st.lists(st.tuples(st.floats(0, 90), st.integers(0, 300)), max_size=60))
def test_a_rate_is_a_bucket_of_one_minute(per_minute, steps):
    rate, now, held = Rate(), 1000.0, float(per_minute)
    for seconds, amount in steps:
        now, held = now + seconds, min(per_minute, held + seconds * per_minute / 60)
        assert abs(rate.left(per_minute, now) - held) <= 1.001
        wait = rate.take(amount, per_minute, now)
        if abs(held - amount) < 1e-3:
            held = rate.left(per_minute, now)  # on the edge either may be right
        elif wait:
            assert held < amount and abs(wait - (amount - held) * 60 / per_minute) < 1e-3
        else:
            assert held >= amount
            held -= amount


@given(st.integers(1, 500), st.lists(st.integers(-500, 500), max_size=20))
def test_what_is_given_back_was_never_taken(per_minute, amounts):
    rate = Rate()
    for amount in amounts:
        rate.add(abs(amount), per_minute, 1000.0)
        rate.add(-abs(amount), per_minute, 1000.0)
    assert rate.left(per_minute, 1000.0) == per_minute and rate.full_in(1000.0) < 1e-6


@given(MOMENTS)
def test_a_moment_lies_in_its_periods(now):
    for period in PERIODS:
        start, end = period_start(period, now), period_end(period, now)
        assert start <= now and (end is None or now < end)
        assert start == 0 or period_start(period, start - 1) < start
        assert end is None or period_start(period, end) == end


def test_periods_begin_at_midnight_on_monday_and_on_the_first():
    now = datetime(2024, 2, 29, 13, 5, tzinfo=UTC).timestamp()
    starts = {period: datetime.fromtimestamp(period_start(period, now), UTC).isoformat()[:16] for period in PERIODS}
    assert starts == {
        "day": "2024-02-29T00:00",
        "week": "2024-02-26T00:00",
        "month": "2024-02-01T00:00",
        "total": "1970-01-01T00:00",
    }
    assert datetime.fromtimestamp(period_end("month", now), UTC).isoformat()[:10] == "2024-03-01"


@given(st.lists(st.tuples(st.floats(0, 40 * 86400), st.integers(0, 10**12)), min_size=1, max_size=40))
def test_what_is_spent_counts_in_the_periods_that_run(steps):
    spending, now, paid = Spending(), 1.7e9, []
    for seconds, amount in steps:
        now += seconds
        spending.add(amount, now)
        paid.append((now, amount))
        for period in PERIODS:
            assert spending.of(period, now) == sum(each for at, each in paid if at >= period_start(period, now))


def test_a_clock_that_is_set_back_forgets_nothing():
    spending = Spending()
    spending.add(5, 1.7e9)
    assert spending.of("day", 1.7e9 - 90_000) == 5 and spending.of("day", 1.7e9) == 5
