import asyncio

import pytest

from tests.unit.api.rooms import Rooms


@pytest.fixture
def rooms(database, jobs, clock, tmp_path):
    return Rooms(database, jobs, clock, tmp_path)


async def waited_for(rooms, job_id):
    """Returns once somebody waits for the job and has looked at it."""
    async with asyncio.timeout(10):
        while not (watchers := rooms.house.pipeline._watchers.get(job_id)):
            await asyncio.sleep(0)
        await rooms.house.jobs.get(job_id, None)
        while any(event.is_set() for event in watchers):
            await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["hangs up", "server stops"])
async def test_a_long_poll_ends_when_nobody_waits_or_works_any_more(rooms, how):
    job_id = (await rooms.upload()).json["id"]
    hangs_up = asyncio.Event()
    poll = asyncio.create_task(rooms.call("GET", f"/response/{job_id}?wait=120", hangs_up=hangs_up))
    await waited_for(rooms, job_id)
    assert not poll.done()
    if how == "hangs up":
        hangs_up.set()
    else:
        rooms.house.pipeline.stop_accepting()
    got = await asyncio.wait_for(poll, 10)
    assert got.status == 200 and got.json["status"] == "queued"
    assert not rooms.house.pipeline._watchers


async def test_a_long_poll_is_answered_by_the_end_of_the_job(rooms):
    job_id = (await rooms.upload()).json["id"]
    poll = asyncio.create_task(rooms.call("GET", f"/response/{job_id}?wait=120", hangs_up=asyncio.Event()))
    await waited_for(rooms, job_id)
    await rooms.house.pipeline.cancel(job_id, None)
    assert (await asyncio.wait_for(poll, 10)).json["status"] == "cancelled"


async def test_events_end_cleanly_when_the_server_stops(rooms):
    job_id = (await rooms.upload()).json["id"]
    stream = asyncio.create_task(rooms.call("GET", f"/response/{job_id}/events", hangs_up=asyncio.Event()))
    await waited_for(rooms, job_id)
    rooms.house.pipeline.stop_accepting()
    got = await asyncio.wait_for(stream, 10)
    assert got.status == 200 and got.body.startswith(b"event: progress") and b"event: end" not in got.body


async def test_an_upload_that_waits_ends_with_the_server(rooms):
    sent = asyncio.create_task(rooms.upload(query="?wait=120", hangs_up=asyncio.Event()))
    async with asyncio.timeout(10):
        while not rooms.house.pipeline._watchers:
            await asyncio.sleep(0)
    rooms.house.pipeline.stop_accepting()
    got = await asyncio.wait_for(sent, 10)
    assert got.status == 202 and got.json["status"] == "queued"
