"""A model that fails to load again and again is left alone for a while."""

from collections import deque

from fleet.swapper.tuning import Tuning


class Breaker:
    """Open after `failures` within `failures_within` seconds; half open after `breaker_open`: one more failure opens it again."""

    def __init__(self, tuning: Tuning):
        self._tuning = tuning
        self._failures: deque[float] = deque(maxlen=tuning.failures)
        self._open_until = 0.0
        self.reason = ""
        #: After a failure the next load waits a little, and longer each time.
        self.retry_at = 0.0

    def failed(self, now: float, reason: str) -> None:
        self.reason = reason
        self._failures.append(now)
        count = len(self._failures)
        if (count == self._tuning.failures and now - self._failures[0] <= self._tuning.failures_within) or self._open_until:
            self._open_until = now + self._tuning.breaker_open
        self.retry_at = max(self._open_until, now + 2.0**count)

    def opened(self, now: float, reason: str) -> None:
        """Trying again at once cannot help."""
        self.reason = reason
        self._open_until = self.retry_at = now + self._tuning.breaker_open

    def succeeded(self) -> None:
        self._failures.clear()
        self._open_until = self.retry_at = 0.0

    def open_for(self, now: float) -> float:
        """Seconds until it may be tried again; 0 when it may be tried now."""
        return max(0.0, self._open_until - now)
