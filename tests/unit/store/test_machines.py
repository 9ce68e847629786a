import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import select

from core.secrets import Keyring, new_secret_key
from models import machines
from store.machines import MachineRows

ROW = {
    "name": "gpu", "url": "http://gpu", "kind": "ollama", "device": "auto", "budget_bytes": None, "labels": ("b", "a"),
    "always_on": (), "enabled": True, "draining": False, "fixed": False,
    "key": "", "num_parallel": None, "max_loaded_models": None, "kv_cache_type": None, "flash_attention": None,
}  # fmt: skip


@pytest.fixture
def keyring():
    return Keyring(new_secret_key())


async def test_a_machine_is_kept_changed_and_forgotten(database, clock, ticking, keyring):
    rows = MachineRows(database, clock, keyring)
    assert await rows.load() == []
    await rows.save(ROW)
    ticking.time += 1
    await rows.save(ROW | {"name": "a"})
    await rows.save(ROW | {"budget_bytes": 1 << 40, "draining": True, "labels": []})
    gpu, other = await rows.load()
    assert gpu == ROW | {"budget_bytes": 1 << 40, "draining": True, "labels": [], "always_on": [], "created_at": 1_000_000.0}
    assert other["name"] == "a" and other["labels"] == ["b", "a"] and other["enabled"] is True
    said = {"num_parallel": 4, "max_loaded_models": 2, "kv_cache_type": "q8_0", "flash_attention": False}
    await rows.save(ROW | said)
    assert (await rows.load())[0].items() >= said.items()
    await rows.delete("gpu")
    assert [row["name"] for row in await rows.load()] == ["a"]


async def test_the_key_of_a_machine_lies_sealed_for_it_alone(database, clock, keyring):
    rows = MachineRows(database, clock, keyring)
    await rows.save(ROW | {"key": "sk-secret"})
    (kept,) = await database.read(select(machines))
    assert b"sk-secret" not in kept["key"] and (await rows.load())[0]["key"] == "sk-secret"
    assert (await MachineRows(database, clock, Keyring(new_secret_key())).load())[0]["key"] == "", "it asks for one again"
    await database.write(lambda connection: connection.execute(machines.update().values(name="other")) and None)
    assert (await rows.load())[0]["key"] == ""


async def test_a_glance_reads_beside_a_server_and_without_one_and_leaves_nothing(database, clock, keyring, tmp_path):
    assert MachineRows.glance(tmp_path / "missing.db", keyring) == [] and not (tmp_path / "missing.db").exists()
    await MachineRows(database, clock, keyring).save(ROW | {"key": "sk-1"})
    path = next(iter(tmp_path.rglob("*.db")))
    (row,) = MachineRows.glance(path, keyring)
    assert (row["name"], row["labels"], row["key"]) == ("gpu", ["b", "a"], "sk-1")
    await database.close()
    before = sorted(path.parent.iterdir())
    assert len(MachineRows.glance(path, keyring)) == 1 and sorted(path.parent.iterdir()) == before
    with closing(sqlite3.connect(path)) as older:
        older.execute("ALTER TABLE machines DROP COLUMN flash_attention")
    assert MachineRows.glance(path, keyring) == [], "it has not been brought up to date"
    path.write_bytes(b"no database")
    assert MachineRows.glance(path, keyring) == []
