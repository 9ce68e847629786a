"""Two swappers over one Ollama, which know of each other by what it shows only."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import pytest

from core.errors import Overloaded, ProviderError
from fleet.swapper.tuning import Tuning
from tests.contracts.test_ollama_behaviour import SMALL, A, B, C
from tests.contracts.test_ollama_behind_turns import LOAD
from tests.fakes.ollama_guarded import Guarded
from tests.fakes.ollama_models import FakeModel
from tests.fakes.virtual_time import now, run

QUANTUM = Tuning().gamma * (1 + 16 / 1.8)


def shared(test: Callable[[Guarded, Guarded], Awaitable[None]], **world: Any) -> Callable[[], None]:
    async def play() -> None:
        one = Guarded([A, B, C, SMALL], **world)
        two = Guarded([A, B, C, SMALL], beside=one, **world)
        async with AsyncExitStack() as stack:
            for each in (one, two):
                await stack.enter_async_context(each.open())
            await test(one, two)
        assert one.happened("oom") == []

    def wrapped() -> None:
        run(play())

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


async def stream(one: Guarded, model: FakeModel, *, count: int, seconds: float, gap: float = 0.0, after: float = 0.0) -> None:
    await asyncio.sleep(after)
    for _ in range(count):
        await one.ask(model, seconds)
        await asyncio.sleep(gap)


@pytest.mark.parametrize(
    ("seconds", "gap", "count", "world"),
    [(1.0, 0.5, 100, {}), (5.0, 0.0, 40, {}), (2.0, 0.0, 50, {}), (1.0, 0.5, 100, {"num_gpu": 999})],
)
def test_everybody_is_answered_and_a_fifth_of_the_time_goes_into_loads_at_the_most(
    seconds: float, gap: float, count: int, world: dict[str, int]
) -> None:
    """Six clients that ask again as soon as they have their answer: as many loads as one swapper may cause, 1 / (1 + gamma)."""

    @partial(shared, **world)
    async def play(one: Guarded, two: Guarded) -> None:
        asking = [(one, A), (one, A), (two, B), (two, B), (one, B), (two, A)]
        begun = now()
        await asyncio.gather(
            *(
                stream(each, model, count=count, seconds=seconds, gap=gap, after=0.37 * number)
                for number, (each, model) in enumerate(asking)
            )
        )
        in_loads = len(one.happened("loaded")) * (LOAD + 1)
        assert in_loads / (now() - begun) < 1 / (1 + Tuning().gamma)

    play()


@shared
async def test_what_another_has_just_loaded_may_pay_for_its_load(one: Guarded, two: Guarded) -> None:
    await one.ask(A)
    loaded = now()
    await asyncio.sleep(4)
    assert await two.ask(A) < 0.1, "after a look"
    waiting = two.start(B)
    for _ in range(10):
        assert await one.ask(A, 2) == pytest.approx(0, abs=0.1)
    await waiting
    assert loaded + QUANTUM < now() < loaded + QUANTUM + 4 + 2 + LOAD + 3


def test_what_was_there_at_the_beginning_has_paid_already() -> None:
    async def play() -> None:
        one = Guarded([A, B])
        one.machine.load(A, {"num_ctx": 4096})
        async with one.open():
            await asyncio.sleep(1)
            assert await one.ask(B) < LOAD + 3

    run(play())


@shared
async def test_nobody_is_let_in_to_a_model_that_another_has_taken_away(one: Guarded, two: Guarded) -> None:
    """Ollama would load it again for the request alone."""
    await one.ask(A)
    await asyncio.sleep(4)
    await two.ask(B)
    await asyncio.sleep(60)
    await one.ask(A)
    two.machine.unload(A)
    await asyncio.sleep(1.2)
    before = len(one.happened("loaded"))
    waiting = one.start(A)
    await asyncio.sleep(0.05)
    assert one.swapper.yard.inside == 0
    await waiting
    assert len(one.happened("loaded")) == before + 1


@shared
async def test_who_waits_for_a_model_that_others_use_is_refused_when_he_waited_long_only(one: Guarded, two: Guarded) -> None:
    await one.ask(A)
    using = [asyncio.create_task(stream(one, A, count=400, seconds=2, after=number)) for number in (0, 1)]
    await asyncio.sleep(4)
    begun = now()
    with pytest.raises(Overloaded, match="did not leave") as refused:
        await two.ask(B)
    assert now() - begun > Tuning().eta_limit and refused.value.retry_after
    for task in using:
        task.cancel()
    await asyncio.wait(using)


@shared
async def test_a_model_that_others_use_is_asked_again_to_leave(one: Guarded, two: Guarded) -> None:
    using = [asyncio.create_task(stream(one, A, count=30, seconds=2, after=number)) for number in (0, 1)]
    await asyncio.sleep(LOAD + 4)
    waiting = two.start(B)
    await asyncio.wait(using)
    ended = now()
    await waiting
    assert now() - ended < 2 + 1 + LOAD + 3


@shared
async def test_a_load_that_waits_behind_the_work_of_others_is_no_failure_of_the_model(one: Guarded, two: Guarded) -> None:
    """They ask Ollama itself, and were there a moment earlier."""

    async def ask_directly() -> None:
        for _ in range(36):
            await one._serve(A, 2, {})

    using = [asyncio.create_task(ask_directly()) for _ in range(2)]
    await asyncio.sleep(0.1)
    waited = await two.ask(B)
    await asyncio.wait(using)
    assert waited > Tuning().load_floor and two.swapper.yard.model(B.name).breaker.reason == ""


@partial(shared, vram=0, budget=20, num_gpu=0)
async def test_on_the_processor_what_is_too_much_together_is_so_until_it_is_idle(one: Guarded, two: Guarded) -> None:
    """Ollama looks at no memory there, and puts the two loads that meet beside each other."""
    asked = [one.start(A, 20), two.start(B, 20)]
    await asyncio.sleep(2 * LOAD + 4)
    assert one.names() == [A.name, B.name]
    await asyncio.gather(*asked)
    await asyncio.sleep(10)
    assert len(one.names()) <= 1
    await asyncio.gather(one.ask(B), two.ask(A))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_befalls_ollama_everybody_gets_an_end_and_the_servers_go_on(seed: int) -> None:
    """Sixty requests in ten minutes, a restart and a crash of a runner: who was inside fails, and who would wait too long is told so."""
    rnd = random.Random(seed)
    models = [A, B, C, SMALL]

    @partial(shared, always_on=[SMALL] if seed % 2 else [])
    async def play(one: Guarded, two: Guarded) -> None:
        async def ask() -> float:
            await asyncio.sleep(rnd.random() * 600)
            arrived = now()
            with suppress(ProviderError, Overloaded):
                await rnd.choice([one, two]).ask(rnd.choice(models), rnd.expovariate(1 / 4), patience=90)
            return now() - arrived

        asked = [asyncio.create_task(ask()) for _ in range(60)]
        await asyncio.sleep(rnd.random() * 200)
        one.machine.restart()
        await asyncio.sleep(rnd.random() * 200)
        if runners := list(one.machine.runners):
            one.machine.crash(rnd.choice(runners))
        assert max(await asyncio.gather(*asked)) < 2 * Tuning().eta_limit
        for each in (one, two):
            assert not each.swapper.yard.inside and not each.swapper.yard.waiting
            assert await each.ask(rnd.choice(models)) < QUANTUM + LOAD + 5

    play()
