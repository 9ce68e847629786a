from store.machines import MachineRows

ROW = {
    "name": "gpu", "url": "http://gpu", "kind": "ollama", "device": "auto", "budget_bytes": None, "labels": ("b", "a"),
    "always_on": (), "enabled": True, "draining": False, "fixed": False,
}  # fmt: skip


async def test_a_machine_is_kept_changed_and_forgotten(database, clock, ticking):
    rows = MachineRows(database, clock)
    assert await rows.load() == []
    await rows.save(ROW)
    ticking.time += 1
    await rows.save(ROW | {"name": "a"})
    await rows.save(ROW | {"budget_bytes": 1 << 40, "draining": True, "labels": []})
    gpu, other = await rows.load()
    assert gpu == ROW | {"budget_bytes": 1 << 40, "draining": True, "labels": [], "always_on": [], "created_at": 1_000_000.0}
    assert other["name"] == "a" and other["labels"] == ["b", "a"] and other["enabled"] is True
    await rows.delete("gpu")
    assert [row["name"] for row in await rows.load()] == ["a"]
