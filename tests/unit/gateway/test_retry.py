import asyncio

import pytest

from core.clock import Clock
from core.errors import (
    DocumentTooLong,
    InvalidAnswer,
    ModelNotInstalled,
    ModelOutOfMemory,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from gateway.retry import Retry, RetryPolicy


class Attempts:
    """An action that ends as written, one outcome a try; `slept` are the pauses, which move the clock."""

    def __init__(self, *outcomes: object, policy: RetryPolicy = RetryPolicy(), top: bool = True, takes: float = 0.0):
        self.outcomes, self.slept, self.time, self.made, self.takes = list(outcomes), [], 0.0, 0, takes
        jitter = (lambda low, high: high) if top else (lambda low, high: low)
        self.retry = Retry(policy, sleep=self.sleep, clock=Clock(monotonic=lambda: self.time), jitter=jitter)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    async def action(self) -> object:
        self.made += 1
        self.time += self.takes
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def run(self) -> object:
        return await self.retry(self.action)


def down(**more: object) -> ProviderUnreachable:
    return ProviderUnreachable("down.", **more)


async def test_the_first_success_is_the_answer() -> None:
    attempts = Attempts("yes")
    assert await attempts.run() == "yes" and attempts.slept == []


async def test_pauses_double_and_the_last_error_is_raised() -> None:
    last = ProviderTimeout("slow.")
    attempts = Attempts(down(), down(), down(), last, policy=RetryPolicy(tries=4))
    with pytest.raises(ProviderTimeout) as caught:
        await attempts.run()
    assert caught.value is last and attempts.slept == [0.5, 1.0, 2.0]


async def test_pauses_have_a_ceiling_and_full_jitter() -> None:
    attempts = Attempts(*[down()] * 6, "yes", policy=RetryPolicy(tries=7, longest=3, seconds=900))
    assert await attempts.run() == "yes" and attempts.slept == [0.5, 1.0, 2.0, 3, 3, 3]
    attempts = Attempts(down(), "yes", top=False)
    assert await attempts.run() == "yes" and attempts.slept == [0.0]


async def test_a_retry_after_is_kept() -> None:
    attempts = Attempts(ProviderRateLimited("busy.", retry_after=9), "yes", top=False)
    assert await attempts.run() == "yes" and attempts.slept == [9]


async def test_a_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    attempts = Attempts(ProviderRateLimited("busy.", retry_after=61), "yes")
    with pytest.raises(ProviderRateLimited):
        await attempts.run()
    assert (attempts.made, attempts.slept) == (1, [])


async def test_no_try_begins_after_the_deadline() -> None:
    attempts = Attempts(ProviderTimeout("slow."), "yes", takes=59.9)
    with pytest.raises(ProviderTimeout):
        await attempts.run()
    assert attempts.made == 1


@pytest.mark.parametrize(
    "kind", [ProviderRefused, ProviderAuthFailed, ModelNotInstalled, DocumentTooLong, InvalidAnswer, ModelOutOfMemory]
)
async def test_what_ends_the_same_way_is_not_tried_again(kind: type[ProviderError]) -> None:
    attempts = Attempts(kind("no."), "yes")
    with pytest.raises(kind):
        await attempts.run()
    assert attempts.made == 1


@pytest.mark.parametrize("error", [asyncio.CancelledError(), RuntimeError("bug"), KeyboardInterrupt()])
async def test_what_is_no_providers_fault_is_never_tried_again(error: BaseException) -> None:
    attempts = Attempts(error, "yes")
    with pytest.raises(type(error)):
        await attempts.run()
    assert attempts.made == 1


async def test_a_cancellation_during_a_pause_ends_it() -> None:
    started = asyncio.Event()

    async def sleep(_: float) -> None:
        started.set()
        await asyncio.Event().wait()

    made = []

    async def action() -> None:
        made.append(1)
        raise down()

    task = asyncio.create_task(Retry(sleep=sleep)(action))
    async with asyncio.timeout(1):
        await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(made) == 1
