"""The harms of `test_ollama_behaviour`, by the same letters, with the swapper in front: none of them is left."""

import asyncio

import pytest

from core.errors import ModelTooLarge, ProviderError, ProviderTimeout
from fleet.swapper.tuning import Tuning
from tests.contracts.test_ollama_behaviour import SMALL, TINY, A, B, C, model
from tests.fakes.ollama_cards import Environment
from tests.fakes.ollama_guarded import CONTEXT, Guarded, behind_turns
from tests.fakes.ollama_models import GIB
from tests.fakes.virtual_time import now, run

LOAD = A.size / 2e9
TWO_SLOTS = Environment(context_length=CONTEXT, num_parallel=2)
MIDDLE, HUGE = model("m:latest", 10), model("huge:latest", 30)


@behind_turns(A, B, SMALL)
async def test_a_requests_that_alternate_cost_a_swap_for_each_model(one: Guarded) -> None:
    visits = [one.start(A if number % 2 == 0 else B) for number in range(20)]
    small = one.start(SMALL)
    await asyncio.gather(*visits, small)
    assert sorted(one.happened("loaded")) == [A.name, B.name, SMALL.name]


@behind_turns(A, SMALL, vram=40, always_on=[SMALL])
async def test_a_a_small_model_in_memory_does_not_wait_for_the_load_of_a_large_one(one: Guarded) -> None:
    large = one.start(A)
    await asyncio.sleep(1)
    assert await one.ask(SMALL) == 0 and not large.done()
    assert await large < LOAD + 1


@behind_turns(A, B, environment=TWO_SLOTS)
async def test_b_who_keeps_asking_for_one_model_does_not_starve_another(one: Guarded) -> None:
    async def hot() -> None:
        while True:
            await one.ask(A, 0.9)

    always = [asyncio.create_task(hot()) for _ in range(3)]
    await asyncio.sleep(60)
    tuning, both = Tuning(), 2 * (1 + 16 / 1.8)
    bound = tuning.floor_cycles * both / (1 - tuning.busiest) + tuning.kappa * 4 * LOAD
    assert tuning.patience["normal"] < await one.ask(B) < bound
    for task in always:
        task.cancel()
    await asyncio.wait(always)


@pytest.mark.parametrize("keep_alive", [300, "1h", -1])
def test_c_a_lease_of_a_client_holds_nobody_up(keep_alive: object) -> None:
    @behind_turns(A, B)
    async def play(one: Guarded) -> None:
        first = one.start(A, 10)
        await asyncio.sleep(8)
        waiting, last = one.start(B), one.start(A, 1, said={"keep_alive": keep_alive, "options": {"num_ctx": 8192}})
        await asyncio.gather(first, last)
        assert await waiting < 10 + 1 + LOAD + 3 and one.happened("loaded") == [A.name, B.name]

    play()


@behind_turns(SMALL, MIDDLE, model("b:latest", 10), vram=20, always_on=[SMALL])
async def test_d_an_always_on_model_never_makes_room_for_another(one: Guarded) -> None:
    busy = one.start(MIDDLE, 60)
    await asyncio.sleep(20)
    await one.ask(model("b:latest", 10))
    await busy
    assert one.happened("leaving") == [] and one.happened("unloaded") == [MIDDLE.name] and SMALL.name in one.names()


FOUR = [model(f"{name}:latest", 1) for name in "wxyz"]


@behind_turns(*FOUR, vram=80, always_on=FOUR[:2])
async def test_d_models_take_turns_for_the_places_that_ollama_has(one: Guarded) -> None:
    """It keeps three, whatever their size, and would let an always-on one go for the fourth."""
    for each in FOUR[2:] * 3:
        await one.ask(each)
    assert one.happened("leaving") == [] and len(one.happened("loaded")) == 2 + 6
    assert {FOUR[0].name, FOUR[1].name} <= set(one.names())


@behind_turns(*FOUR, vram=80)
async def test_d_a_model_whose_files_are_gone_is_not_waited_for(one: Guarded) -> None:
    """Ollama knows its name no more, so nobody can unload it; another one makes room."""
    for each in FOUR[:3]:
        await one.ask(each)
    del one.machine.installed[FOUR[0].name]
    assert await one.ask(FOUR[3]) < 5
    assert one.names() == [FOUR[0].name, FOUR[2].name, FOUR[3].name]
    await asyncio.sleep(1000)
    assert one.names() == []


@behind_turns(*FOUR, vram=80, always_on=FOUR)
async def test_d_always_on_models_beyond_the_places_do_not_drive_each_other_out(one: Guarded) -> None:
    await asyncio.sleep(600)
    assert one.happened("loaded") == [each.name for each in FOUR[:3]] == one.names()


@behind_turns(SMALL, TINY, A, vram=40, always_on=[SMALL, TINY])
async def test_e_after_a_load_out_of_memory_the_always_on_models_are_brought_back(one: Guarded) -> None:
    one.scheduler.oom_loads[A.name] = 1
    await one.ask(A)
    assert sorted(one.happened("unloaded")) == [SMALL.name, TINY.name]
    await asyncio.sleep(20)
    assert one.names() == [A.name, SMALL.name, TINY.name] and one.happened("loaded")[-2:] == [SMALL.name, TINY.name]


@behind_turns(SMALL, TINY, A, vram=40, always_on=[SMALL, TINY])
async def test_e_after_a_model_ran_out_of_memory_all_that_belongs_there_comes_back(one: Guarded) -> None:
    failing = one.start(A, 50)
    await asyncio.sleep(20)
    one.machine.run_out(A.name)
    with pytest.raises(ProviderError):
        await failing
    await asyncio.sleep(30)
    assert one.names() == [SMALL.name, TINY.name]
    await one.ask(A)


@behind_turns(A, B, C, SMALL, num_gpu=999, always_on=[SMALL])
async def test_e_two_large_models_are_never_on_the_card_together(one: Guarded) -> None:
    """With all layers for the card the second would run out of memory there."""
    await asyncio.gather(*(one.start(each, 2) for each in (A, B, C, A, B, C)))
    assert one.happened("oom") == [] and one.names() == [C.name, SMALL.name]


@behind_turns(SMALL, TINY, HUGE, vram=16, always_on=[SMALL])
async def test_f_a_model_that_is_too_large_is_refused_and_nobody_leaves(one: Guarded) -> None:
    await one.ask(TINY)
    with pytest.raises(ModelTooLarge) as refused:
        await one.ask(HUGE)
    assert "16.0 GiB" in refused.value.detail and SMALL.name in refused.value.detail
    assert one.names() == [SMALL.name, TINY.name] and one.happened("unloaded") == []


@pytest.mark.parametrize("world", [{"vram": 0}, {"vram": 24, "num_gpu": 0}])
def test_g_models_on_the_processor_have_a_budget(world: dict[str, float]) -> None:
    models = [model(f"m{number}:latest", 30) for number in range(3)]
    most = 0

    @behind_turns(*models, model("larger:latest", 100), budget=64, **world)
    async def play(one: Guarded) -> None:
        nonlocal most
        for each in models:
            await one.ask(each)
            most = max(most, sum(runner.size for runner in one.machine.resident()))
        with pytest.raises(ModelTooLarge):
            await one.ask(model("larger:latest", 100))

    play()
    assert 30 * GIB < most < 64 * GIB


@behind_turns(A, B)
async def test_h_a_runner_that_hangs_holds_nobody_up_longer_than_the_patience_with_it(one: Guarded) -> None:
    inside = one.start(A, 30, patience=40)
    await asyncio.sleep(LOAD + 5)
    one.machine.hang(A.name)
    waited = await one.ask(B)
    with pytest.raises(ProviderTimeout):
        await inside
    assert waited < 40 + 10 + LOAD + 3
    await one.ask(A)


@behind_turns(A)
async def test_i_a_load_goes_on_when_the_client_that_began_it_hangs_up(one: Guarded) -> None:
    first, second = one.start(A), None
    await asyncio.sleep(1)
    second = one.start(A)
    await asyncio.sleep(5)
    first.cancel()
    assert await second < LOAD and one.happened("aborted") == [] and one.happened("loaded") == [A.name]


@behind_turns(SMALL, MIDDLE, A, budget=13)
async def test_j_what_is_set_aside_stays_free(one: Guarded) -> None:
    """13 of 24 GiB are for models; one that fits the card alone does not get it."""
    for each in (SMALL, MIDDLE, SMALL):
        await one.ask(each)
        assert one.scheduler.used < 13 * GIB
    with pytest.raises(ModelTooLarge):
        await one.ask(A)


def test_k_memory_that_another_program_took_is_not_given_to_models() -> None:
    """The budget is what the driver tells now."""
    made: list[Guarded] = []

    def free() -> float:
        return 24 - made[0].scheduler.cards.foreign / GIB

    async def play() -> None:
        made.append(Guarded([SMALL, MIDDLE, A], budget=free))
        async with made[0].open() as one:
            await one.ask(SMALL)
            one.scheduler.cards.foreign = 11 * GIB
            await one.ask(MIDDLE)
            assert one.happened("unloaded") == [SMALL.name]
            assert all(runner.vram == runner.size for runner in one.machine.resident()), "nothing is spilled"
            with pytest.raises(ModelTooLarge):
                await one.ask(A)
            assert now() < 60

    run(play())
