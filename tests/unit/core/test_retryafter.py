from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from core.retryafter import retry_seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("7", 7.0), ("1.5", 1.5), ("-3", 0.0), ("soon", None), ("nan", None), ("inf", None)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_seconds(header) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < retry_seconds(later) <= 30
    assert retry_seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 0.0
