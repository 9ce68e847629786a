"""The rooms of models, opened over fake machines."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from core.clock import Clock
from core.settings import Settings
from fleet.graphics import Gpu
from fleet.hardware import Figure, Hardware
from fleet.telemetry import Cards, Telemetry
from operations.modelroom import open_models
from store.database import Database
from store.sizes import Sizes
from store.state import State
from tests.fakes.ollama import FakeOllama

HARDWARE = Hardware(Figure(4, "x"), Figure(64 << 30, "x"), Figure(60 << 30, "x"), ())


@asynccontextmanager
async def opened(folder, hardware, *, look=None, **settings):
    """The models of a house that found `hardware`, and finds what `look` gives from then on."""
    async with AsyncExitStack() as stack:
        clock = Clock()
        settings = Settings(_env_file=None, data_dir=folder, secret_key="s" * 43, **settings)
        database = Database(folder / "myelin.db")
        await database.start()
        stack.push_async_callback(database.close)
        yield (await open_models(settings, clock, database, State(database), Telemetry(hardware, clock, look), stack))[0]


async def test_the_cards_of_this_machine_are_looked_at_and_those_of_another_one_are_not(tmp_path):
    card = Gpu("card", "nvidia", "GPU-0", 24 << 30, 3 << 30, "NVML")
    async with FakeOllama() as local, FakeOllama() as box:
        elsewhere = box.url.replace("127.0.0.1", "box.invalid")
        async with opened(tmp_path, replace(HARDWARE, gpus=(card,)), ollama_url=local.url, machines=f"box={elsewhere}") as models:
            async with asyncio.timeout(10):
                while models.machines.local.cards is None:
                    await asyncio.sleep(0)
            assert models.machines.local.cards == Cards(24 << 30, 3 << 30, 3 << 30)
            assert models.machines.local.budget.bytes == 24 << 30 and models.machines.local.taken == 3 << 30
            assert models.machines.get("box").cards is None


async def test_a_machine_works_before_the_last_one_is_opened(tmp_path, monkeypatch):
    """The first one loads its always-on model while the sizes of the second are still read."""
    read = Sizes.all
    async with FakeOllama() as local, FakeOllama() as box:
        times = 0

        async def slow(sizes):
            nonlocal times
            times += 1
            async with asyncio.timeout(10):
                while times == 2 and "gemma3:1b" not in local.machine.runners:
                    await asyncio.sleep(0.01)
            return await read(sizes)

        monkeypatch.setattr(Sizes, "all", slow)
        made = {"ollama_url": local.url, "machines": f"box={box.url}", "always_on_models": "gemma3:1b"}
        async with opened(tmp_path, HARDWARE, **made) as models:
            await asyncio.sleep(0)
            assert times == 2 and all(engine.turns.alive for engine in models.machines)
            assert models.machines.local.mode == models.compute.mode == "auto"
