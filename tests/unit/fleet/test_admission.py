"""The door in front of the models."""

import asyncio

import pytest

from core.errors import Overloaded
from fleet.admission import Admission


async def spin():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_closing_waits_for_those_inside_and_holds_those_outside():
    admission, leave, entered = Admission(), asyncio.Event(), []

    async def question(name):
        async with admission.admitted():
            entered.append(name)
            await leave.wait()

    first = asyncio.create_task(question("first"))
    await spin()
    drained = asyncio.create_task(admission.close_and_drain(5))
    second = asyncio.create_task(question("second"))
    await spin()
    assert entered == ["first"] and not drained.done() and not admission.is_open and admission.inside == 1
    leave.set()
    assert await drained is True
    assert entered == ["first"] and admission.inside == 0
    admission.open()
    await asyncio.gather(first, second)
    assert entered == ["first", "second"]


async def test_who_does_not_leave_makes_draining_fail_and_the_door_stays_closed():
    admission = Admission()
    async with admission.admitted():
        assert await admission.close_and_drain(0.01) is False
        assert not admission.is_open


async def test_failing_and_cancelled_questions_leave_too():
    admission = Admission()
    with pytest.raises(ValueError):
        async with admission.admitted():
            raise ValueError

    async def hang():
        async with admission.admitted():
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await spin()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert admission.inside == 0 and await admission.close_and_drain(0.01) is True


async def test_waiting_at_a_closed_door_has_an_end():
    admission = Admission(wait_seconds=0.01)
    await admission.close_and_drain(1)
    with pytest.raises(Overloaded) as raised:
        async with admission.admitted():
            pytest.fail("entered")
    assert raised.value.retry_after and admission.inside == 0


async def test_a_waiter_cancelled_at_the_door_was_never_inside():
    admission = Admission()
    await admission.close_and_drain(1)
    task = asyncio.create_task(admission._enter())
    await spin()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert admission.inside == 0


async def test_a_door_closed_again_at_once_lets_nobody_slip_through():
    admission, entered = Admission(), []
    await admission.close_and_drain(1)

    async def question():
        async with admission.admitted():
            entered.append(1)

    task = asyncio.create_task(question())
    await spin()
    admission.open()
    assert await admission.close_and_drain(1) is True
    await spin()
    assert entered == []
    admission.open()
    await task
    assert entered == [1]
