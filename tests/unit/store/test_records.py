import pytest

from core.clock import Clock
from models import downloads, operations
from store.records import Records


@pytest.mark.parametrize("table", [downloads, operations], ids=str)
async def test_records_are_kept_as_they_were_last_and_for_a_month(database, table):
    now = [1000.0]
    rows = Records(database, Clock(now=lambda: now[0]), table)
    await rows.save({"id": "a", "state": "queued"})
    await rows.save({"id": "a", "state": "running"})
    await rows.save({"id": "b", "state": "done"})
    assert await rows.load() == [{"id": "a", "state": "running"}, {"id": "b", "state": "done"}]
    now[0] += 31 * 86400
    await rows.save({"id": "c", "state": "queued"})
    assert await rows.load() == [{"id": "c", "state": "queued"}]
