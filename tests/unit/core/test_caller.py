import asyncio
import contextvars

from core.caller import call_as, caller


async def test_every_task_has_the_caller_that_it_was_started_by():
    call_as("ana", "batch")
    inherited = asyncio.create_task(asyncio.to_thread(lambda: caller().client))

    async def other():
        call_as("bob", "interactive")
        await asyncio.sleep(0)
        return caller().client

    assert await asyncio.gather(inherited, asyncio.create_task(other())) == ["ana", "bob"]
    assert (caller().client, caller().urgency) == ("ana", "batch")


async def test_what_is_told_below_is_seen_above():
    asked = call_as("ana", "normal")

    async def below():
        caller().machine = "gpu-1"

    await below()
    assert asked.machine == "gpu-1"


async def test_nobodys_work_has_one_caller():
    async def nobody():
        assert caller() is caller() and caller().client == ""

    await asyncio.get_running_loop().create_task(nobody(), context=contextvars.Context())
