"""When to come back, as servers say it."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT = 86_400.0


def retry_seconds(header: str | None) -> float | None:
    """The value of Retry-After (RFC 9110 §10.2.3): seconds, or a date, at most a day; None when it says neither."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        pass
    else:
        return min(max(0.0, seconds), _LONGEST_WAIT) if math.isfinite(seconds) else None
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    left = (until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(0.0, left.total_seconds()), _LONGEST_WAIT)
