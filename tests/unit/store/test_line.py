import asyncio

from models import JobStatus
from store.jobs import Waiting
from store.line import Line


async def test_the_line_serves_urgent_first_and_knows_places():
    line = Line()
    for priority, seq in ((1, 1), (2, 2), (0, 3), (1, 4)):
        line.put(Waiting(priority, seq, str(seq), JobStatus.QUEUED), float(seq))
    assert [line.position(priority, seq) for priority, seq in ((0, 3), (1, 1), (1, 4), (2, 2))] == [1, 2, 3, 4]
    assert line.oldest() == 1.0
    assert [await line.get() for _ in range(4)] == ["3", "1", "4", "2"]
    assert len(line) == 0 and line.oldest() is None


async def test_one_that_is_discarded_is_never_taken():
    line = Line()
    for seq in (1, 2, 3):
        line.put(Waiting(1, seq, str(seq), JobStatus.QUEUED), 0.0)
    line.discard(1, 2)
    line.discard(1, 7)
    assert len(line) == 2
    assert [await line.get(), await line.get()] == ["1", "3"]
    taking = asyncio.ensure_future(line.get())
    await asyncio.sleep(0)
    line.put(Waiting(1, 4, "4", JobStatus.QUEUED), 0.0)
    assert await taking == "4"
