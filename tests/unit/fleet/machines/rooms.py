"""Machines over fake Ollamas, with rows in memory and turns that a test opens by hand."""

import asyncio
from contextlib import asynccontextmanager, contextmanager

from core.http import HttpClient
from core.machines import OLLAMA
from fleet.budget import Budget
from fleet.engines.host import engine_host
from fleet.machines.engine import Outlook
from fleet.machines.registry import Factories, Machines
from fleet.machines.standing import Queue, Standing
from providers.ollama import Ollama


@contextmanager
def working(engine):
    """A request is answered there."""
    engine.inside += 1
    yield
    engine.inside -= 1


class Rows:
    """What is durable; `told` is what a change was told after. A failure in `fails` comes before anything is kept."""

    def __init__(self, *rows):
        self.rows = {row["name"]: row for row in rows}
        self.fails = None

    async def load(self):
        return list(self.rows.values())

    async def save(self, values):
        if self.fails:
            raise self.fails
        self.rows[values["name"]] = dict(values)

    async def delete(self, name):
        if self.fails:
            raise self.fails
        self.rows.pop(name, None)


class Turns:
    """A turn comes when `gate` is set, or `fails`. `resident`, `wait` and `load` are the outlook."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = self.inside = 0
        self.resident, self.wait, self.load = None, 0.0, None
        self.askers, self.met, self.needed = [], [], None
        self.grown, self.evicted = [], []
        self.waiters = set()
        self.refuses = None
        self.fails = None
        self.closed, self.alive, self.kept = False, True, ()

    @asynccontextmanager
    async def turn(self, model, *, client="", klass="normal", on_eta=None):
        self.askers.append((client, klass))
        if self.refuses:
            raise self.refuses
        opened, away = asyncio.ensure_future(self.gate.wait()), asyncio.get_running_loop().create_future()
        self.waiting += 1
        self.waiters.add(away)
        try:
            await asyncio.wait([opened, away], return_when=asyncio.FIRST_COMPLETED)
            if away.done():
                away.result()
        finally:
            opened.cancel()
            self.waiters.discard(away)
            self.waiting -= 1
        if self.fails:
            raise self.fails
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def preload(self, model):
        if self.refuses:
            raise self.refuses
        return 0.0

    async def grow(self, model, num_ctx):
        self.grown.append((model, num_ctx))

    async def evict(self, model, seconds=300.0):
        self.evicted.append(model)
        return True

    async def meet(self, models=None):
        self.met.append(models)

    def holds(self, model):
        return self.resident is True

    def needs(self, model):
        return self.needed

    def check(self, model):
        if self.refuses:
            raise self.refuses

    def outlook(self, model):
        return Outlook(self.resident, self.wait, self.load)

    def send_away(self, why):
        while self.waiters:
            self.waiters.pop().set_exception(why)

    def renew(self):
        self.kept = self.engine.record.always_on

    def standing(self):
        return Standing("serving", (Queue("gemma3:1b", self.waiting, self.inside),))


def factories(http=None, opened=None):
    """`opened` collects the turns by the names of their machines."""

    @asynccontextmanager
    async def turns(engine):
        made = Turns()
        made.engine = engine
        opened[engine.record.name] = made
        yield made
        made.closed = True

    def host(record):
        if record.kind != OLLAMA:
            return engine_host(record.kind, record.url, record.key, http or HttpClient(), OLLAMA)
        return Ollama(http, base_url=record.url, always_on=record.always_on)

    return Factories(
        host=host,
        budget=lambda record, health: Budget(record.budget_bytes, "a test"),
        turns=None if opened is None else turns,
    )


@asynccontextmanager
async def opened(fixed, rows=None, make=None, **options):
    machines = Machines(fixed, rows or Rows(), make or factories(), **options)
    await machines.open()
    try:
        yield machines
    finally:
        await machines.close()


async def until(condition):
    """Lets the other tasks run until `condition()`; a test that never gets there fails."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)
