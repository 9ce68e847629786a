import pytest

from api.limits import Buckets, Uploads
from core.errors import Conflict


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
