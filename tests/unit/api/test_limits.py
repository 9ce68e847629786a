import asyncio
from contextlib import AsyncExitStack

import pytest

from api.limits import Buckets, Places, Uploads
from core.errors import Conflict, Overloaded


def test_a_bucket_lets_its_burst_pass_and_then_its_rate():
    now = [0.0]
    buckets = Buckets(60, lambda: now[0])
    assert [buckets.take("a") for _ in range(10)] == [0.0] * 10
    assert buckets.take("a") == pytest.approx(1.0)
    assert buckets.take("b") == 0.0
    now[0] += 1.0
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


def test_over_a_minute_no_more_than_rate_and_burst_pass():
    now = [0.0]
    buckets = Buckets(60, lambda: now[0])
    passed = 0
    for _ in range(6000):
        passed += buckets.take("a") == 0.0
        now[0] += 0.01
    assert 60 <= passed <= 70


def test_zero_is_no_limit_and_names_are_bounded(monkeypatch):
    assert not any(Buckets(0, lambda: 0.0).take("a") for _ in range(1000))
    monkeypatch.setattr("api.limits._MAX_NAMES", 10)
    buckets = Buckets(60, lambda: 0.0)
    for number in range(100):
        buckets.take(str(number))
    assert len(buckets._buckets) == 10


def test_one_upload_at_a_time_for_an_idempotency_key():
    uploads = Uploads()
    with uploads.entered("me", "key"), uploads.entered("you", "key"), uploads.entered("me", None), uploads.entered("me", None):
        with pytest.raises(Conflict) as raised, uploads.entered("me", "key"):
            pass
        assert raised.value.retry_after
    with uploads.entered("me", "key"):
        pass


async def test_so_many_at_a_time_and_who_waits_too_long_is_sent_away():
    places = Places(2, seconds=0.0)
    async with places.place(), places.place():
        with pytest.raises(Overloaded) as caught:
            async with places.place():
                pytest.fail("a third was let in")
        assert caught.value.retry_after == 5
    async with places.place(), places.place():
        pass


async def test_a_place_that_becomes_free_is_taken_by_who_waits():
    places = Places(1)
    async with AsyncExitStack() as first:
        await first.enter_async_context(places.place())
        second = asyncio.create_task(places.place().__aenter__())
        await asyncio.sleep(0)
        assert not second.done()
    await asyncio.wait_for(second, 5)
