from core.clock import Clock
from store.agents import AgentKeys


async def test_a_machine_has_one_key_and_none_when_it_is_revoked(database):
    keys = AgentKeys(database, Clock(now=lambda: 7.0))
    await keys.put("a", b"1" * 32, "pbpm-1")
    await keys.put("a", b"2" * 32, "pbpm-2")
    await keys.put("b", b"3" * 32, "pbpm-3")
    assert {row["machine"]: row["digest"] for row in await keys.all()} == {"a": b"2" * 32, "b": b"3" * 32}
    row = await keys.get("a")
    assert (row["hint"], row["created_at"]) == ("pbpm-2", 7.0) and await keys.get("c") is None
    assert await keys.revoke("a") and not await keys.revoke("a") and await keys.get("a") is None
