"""The rooms of models, opened over fake machines."""

import asyncio
from contextlib import AsyncExitStack

from core.clock import Clock
from core.settings import Settings
from fleet.hardware import Figure, Hardware
from operations.modelroom import open_models
from store.database import Database
from store.sizes import Sizes
from store.state import State
from tests.fakes.ollama import FakeOllama

HARDWARE = Hardware(Figure(4, "x"), Figure(64 << 30, "x"), Figure(60 << 30, "x"), ())


async def test_a_machine_works_before_the_last_one_is_opened(tmp_path, monkeypatch):
    """The first one loads its always-on model while the sizes of the second are still read."""
    read = Sizes.all
    async with FakeOllama() as local, FakeOllama() as box, AsyncExitStack() as stack:
        times = 0

        async def slow(sizes):
            nonlocal times
            times += 1
            async with asyncio.timeout(10):
                while times == 2 and "gemma3:1b" not in local.machine.runners:
                    await asyncio.sleep(0.01)
            return await read(sizes)

        monkeypatch.setattr(Sizes, "all", slow)
        settings = Settings(
            _env_file=None,
            ollama_url=local.url,
            machines=f"box={box.url}",
            always_on_models="gemma3:1b",
            data_dir=tmp_path,
            secret_key="s" * 43,
        )
        database = Database(tmp_path / "myelin.db")
        await database.start()
        stack.push_async_callback(database.close)
        models, _ = await open_models(settings, Clock(), database, State(database), HARDWARE, stack)
        await asyncio.sleep(0)
        assert times == 2 and all(engine.turns.alive for engine in models.machines)
        assert models.machines.local.mode == models.compute.mode == "auto"
