from core.clock import Clock
from store.agents import AgentKeys
from store.operations import OperationRows


async def test_records_are_kept_as_they_were_last_and_for_a_month(database):
    now = [1000.0]
    rows = OperationRows(database, Clock(now=lambda: now[0]))
    await rows.save({"id": "a", "state": "queued"})
    await rows.save({"id": "a", "state": "running"})
    await rows.save({"id": "b", "state": "done"})
    assert await rows.load() == [{"id": "a", "state": "running"}, {"id": "b", "state": "done"}]
    now[0] += 31 * 86400
    await rows.save({"id": "c", "state": "queued"})
    assert await rows.load() == [{"id": "c", "state": "queued"}]


async def test_marks_are_these_and_no_others(database):
    rows = OperationRows(database, Clock())
    await rows.save_deactivated({("m:1", None), ("m:1", "a")})
    assert set(await rows.load_deactivated()) == {("m:1", None), ("m:1", "a")}
    await rows.save_deactivated({("n:1", "b")})
    assert await rows.load_deactivated() == [("n:1", "b")]
    await rows.save_deactivated(())
    assert await rows.load_deactivated() == []


async def test_a_machine_has_one_key_and_none_when_it_is_revoked(database):
    keys = AgentKeys(database, Clock(now=lambda: 7.0))
    await keys.put("a", b"1" * 32, "pbpm-1")
    await keys.put("a", b"2" * 32, "pbpm-2")
    await keys.put("b", b"3" * 32, "pbpm-3")
    assert {row["machine"]: row["digest"] for row in await keys.all()} == {"a": b"2" * 32, "b": b"3" * 32}
    row = await keys.get("a")
    assert (row["hint"], row["created_at"]) == ("pbpm-2", 7.0) and await keys.get("c") is None
    assert await keys.revoke("a") and not await keys.revoke("a") and await keys.get("a") is None
