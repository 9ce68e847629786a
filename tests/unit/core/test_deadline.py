import asyncio

import pytest

from core.deadline import Deadline


async def test_work_in_time_is_left_alone():
    with Deadline(30):
        await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


async def test_work_that_takes_longer_is_a_timeout_and_the_task_goes_on():
    with pytest.raises(TimeoutError), Deadline(0.01):
        await asyncio.Event().wait()
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


async def test_the_inner_one_of_two_passes_first():
    with Deadline(30), pytest.raises(TimeoutError), Deadline(0):
        await asyncio.Event().wait()
    await asyncio.sleep(0)


async def test_a_cancellation_from_outside_stays_one():
    async def work():
        with Deadline(30):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_at_the_same_moment_wins():
    async def work():
        with Deadline(0):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_error_passes():
    with pytest.raises(ValueError, match="mine"), Deadline(30):
        raise ValueError("mine")
