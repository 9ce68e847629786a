"""Real swappers on machines, each over a fake Ollama."""

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from core.caller import Caller
from core.http import HttpClient
from fleet.machines.fleet import Fleet
from fleet.machines.record import Record
from fleet.machines.swapping import swapping
from fleet.memory.prediction import Habits
from fleet.swapper.tuning import Tuning
from providers.ollama import Ollama
from tests.fakes.ollama import FakeOllama
from tests.unit.fleet.machines.rooms import factories, opened
from tests.unit.fleet.memory.shelves import Kept

GEMMA, LLAMA = "gemma3:1b", "llama3.2:3b"
QUICK = Tuning(truth_every=0.05, confirm_every=0.02, settle=0.05, unload=0.05)


class World:
    def __init__(self, machines, fakes):
        self.machines, self.fakes, self.fleet = machines, fakes, Fleet(machines)

    def engine(self, name="local"):
        return self.machines.get(name)

    async def place(self, model=GEMMA, **more):
        async with self.fleet.turn(model, Caller("key", **more)) as place:
            return place.machine


@asynccontextmanager
async def world(*names, budget=4 << 30, kept=None, models=(), always_on=(), habits=Habits(), **more):
    fakes, http = {name: FakeOllama() for name in names}, HttpClient()
    for fake in fakes.values():
        await fake.start()
    for model in models:
        for fake in fakes.values():
            fake.machine.installed[model.name] = model

    def adapter(record):
        async def grows(model, num_ctx):
            await machines.get(record.name).turns.grow(model, num_ctx)

        return Ollama(http, base_url=record.url, always_on=record.always_on, grows=grows)

    turns = partial(swapping, sizes=Kept() if kept is None else kept, tuning=QUICK, **more)
    make = replace(factories(http), turns=turns, host=adapter, habits=habits)
    fixed = [Record(name, fake.url, budget_bytes=budget, always_on=always_on) for name, fake in fakes.items()]
    try:
        async with opened(fixed, None, make) as machines:
            made = World(machines, fakes)
            await machines.watch.round()
            await made.fleet.refresh()
            yield made
    finally:
        await http.close()
        for fake in fakes.values():
            await fake.stop()


def loaded(fake):
    return [name for name, _ in fake.machine.loads]
