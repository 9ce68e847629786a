"""The swapper takes an engine as it takes an Ollama."""

import asyncio

import pytest

from core.errors import MyelinError
from fleet.swapper.scheduler import Swapper
from fleet.swapper.tuning import Tuning
from tests.unit.fleet.engines.bench import CASES, SIZE, Case, opened

SWIFT = Tuning(confirm_every=0.005, truth_every=0.02, speculate=False, failures=1, ask_again_every=0.02)
swapping = pytest.mark.parametrize("case", [case for case in CASES if case.kind != "vllm"], ids=lambda case: case.kind)


@swapping
async def test_two_models_take_turns_and_are_never_in_memory_together(case: Case) -> None:
    async with opened(case.movable(memory=("large",)), case.kind) as one:
        swapper = Swapper(one, budget=lambda: None, predict=lambda _: SIZE, identify=str, tuning=SWIFT)
        running = asyncio.ensure_future(swapper.run())
        for model in ("small", "large", "small"):
            async with asyncio.timeout(10), swapper.turn(model):
                assert [resident.name for resident in await one.ps()] == [model]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@swapping
async def test_a_load_that_fails_is_told_to_who_waits(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        fake.fail("oom", times=3)
        swapper = Swapper(one, budget=lambda: None, predict=lambda _: SIZE, identify=str, tuning=SWIFT)
        running = asyncio.ensure_future(swapper.run())
        async with asyncio.timeout(10):
            with pytest.raises(MyelinError, match="memory"):
                async with swapper.turn("small"):
                    pass
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
