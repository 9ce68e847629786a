"""The only retry layer: exponential backoff with full jitter for what another try can cure."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from core.clock import Clock
from core.errors import InvalidAnswer, ModelOutOfMemory, ProviderError

T = TypeVar("T")

#: A job with one of these may be sent again later, but asking the same a second later ends the same way.
_NOT_WITHIN_SECONDS = (InvalidAnswer, ModelOutOfMemory)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `tries`; pauses up to `first`·2ⁿ and `longest` seconds; no try begins later than `seconds` after the first."""

    tries: int = 3
    first: float = 0.5
    longest: float = 8.0
    seconds: float = 60.0


class Retry:
    """`await retry(action)` gives the first result, or raises the last error. A cancellation is never tried again."""

    def __init__(
        self,
        policy: RetryPolicy = RetryPolicy(),
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Clock = Clock(),
        jitter: Callable[[float, float], float] = random.uniform,
    ):
        self._policy = policy
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter

    async def __call__(self, action: Callable[[], Awaitable[T]]) -> T:
        started = self._clock.monotonic()
        try:
            return await action()  # nearly always the end of it, and tenacity takes 26 µs to begin
        except ProviderError as error:
            if not _worth_another_try(error):
                raise
            failed: ProviderError | None = error
        ends_at = started + self._policy.seconds
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_worth_another_try),
            wait=self._pause,
            stop=lambda state: self._is_over(state, ends_at),
            sleep=self._sleep,
            reraise=True,
        )

        async def attempt() -> T:
            nonlocal failed
            if failed is not None:
                first, failed = failed, None
                raise first
            return await action()

        return await attempts(attempt)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Full jitter spreads clients that failed together; a Retry-After is kept and spread a little behind it."""
        policy = self._policy
        error = state.outcome.exception()
        if error.retry_after is not None:
            return error.retry_after + self._jitter(0.0, policy.first)
        return self._jitter(0.0, min(policy.longest, policy.first * 2 ** (state.attempt_number - 1)))

    def _is_over(self, state: tenacity.RetryCallState, ends_at: float) -> bool:
        return state.attempt_number >= self._policy.tries or self._clock.monotonic() + state.upcoming_sleep > ends_at


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.retryable and not isinstance(error, _NOT_WITHIN_SECONDS)
