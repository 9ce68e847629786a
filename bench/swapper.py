"""The swap policy against others, in virtual time: `python -m bench.swapper [--requests 2000] [--seeds 5]`.

One machine (2 slots, loads at 2 GB/s take 9 to 13 s, mean service 8 s), 2 000 requests a workload. Every policy gets the
same requests; ours is the product's own scheduler. Waits are seconds from arrival to first service.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.rivals import Collating, NaiveFifo, OllamaAlone
from bench.workloads import Request
from core.errors import Overloaded
from fleet.swapper.scheduler import Swapper
from fleet.swapper.tuning import Tuning
from tests.fakes.memory_machine import MemoryMachine
from tests.fakes.virtual_time import now

GB = 10**9
SIZES = {"a": 18 * GB, "b": 26 * GB, "c": 20 * GB, "d": 24 * GB, "e": 22 * GB}
BESIDE = {"a": 18 * GB, "b": 22 * GB, "always-on": 4 * GB}
Source = Callable[[random.Random, int], Iterable[Request]]


@dataclass
class Outcome:
    waits: list[tuple[Request, float]] = field(default_factory=list)
    refused: int = 0
    loads: int = 0
    seconds: float = 0.0
    errors: list[float] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)

    def of(self, chosen: Callable[[Request], bool] = lambda _: True) -> list[float]:
        return [wait for request, wait in self.waits if chosen(request)]


def ours(machine: MemoryMachine, always_on: tuple[str, ...], eta_limit: float = 1e9) -> Swapper:
    return Swapper(
        machine,
        budget=lambda: machine.budget,
        predict=machine.sizes.__getitem__,
        always_on=always_on,
        tuning=Tuning(parallel=machine.parallel, eta_limit=eta_limit),
        now=now,
        identify=str,
    )


POLICIES: dict[str, Callable[..., Any]] = {
    "naive FIFO": NaiveFifo, "Ollama alone": OllamaAlone, "collating": Collating, "gated index": ours,
}  # fmt: skip


async def play(policy: Callable[..., Any], requests: Iterable[Request], sizes: dict[str, int], budget: int) -> Outcome:
    machine, outcome = MemoryMachine(sizes, budget=budget, lag=1.0), Outcome()
    turns = policy(machine, tuple(name for name in sizes if name == "always-on"))
    running = asyncio.create_task(turns.run())

    async def ask(request: Request) -> None:
        arrived = now()
        try:
            async with turns.turn(request.model, client=request.client, klass=request.klass):
                outcome.waits.append((request, await machine.serve(request.model, request.seconds) - arrived))
        except Overloaded:
            outcome.refused += 1

    async with asyncio.TaskGroup() as asking:
        for request in requests:
            await asyncio.sleep(max(0.0, 60.0 + request.at - now()))
            asking.create_task(ask(request))
    outcome.loads, outcome.seconds, outcome.harm = len(machine.loads), now(), machine.harm
    running.cancel()
    await asyncio.wait([running])
    return outcome
