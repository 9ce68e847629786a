import asyncio

from operations.loops import Loops


async def endless() -> None:
    await asyncio.Event().wait()


async def test_a_loop_that_ended_shows_whatever_ended_it():
    async def broken() -> None:
        raise ZeroDivisionError

    async def ended() -> None:
        return

    for bad in (broken, ended):
        loops = Loops()
        loops.start(endless, bad)
        assert loops.healthy
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not loops.healthy
        await loops.close()


async def test_closing_waits_until_they_are_gone():
    left = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            left.append(True)

    loops = Loops()
    loops.start(slow, endless)
    await asyncio.sleep(0)
    assert loops.healthy
    await loops.close()
    assert left == [True] and not loops.healthy
