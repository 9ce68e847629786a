"""A machine of each kind as the fleet has it: listed, asked, loaded and unloaded in turn."""

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest

from core.errors import ModelNotInstalled, ProviderUnreachable
from core.http import HttpClient
from core.machines import LOCAL
from fleet.budget import Budget
from fleet.engines.host import EngineHost, engine_host
from fleet.machines.fleet import Fleet
from fleet.machines.record import Record
from fleet.machines.registry import Factories
from fleet.machines.swapping import swapping
from fleet.ollamas import Ollamas
from fleet.swapper.tuning import Tuning
from providers.ollama import Ollama
from providers.types import ChatRequest, Message
from tests.fakes.ollama import FakeOllama
from tests.unit.fleet.engines.bench import CASES, Case
from tests.unit.fleet.machines.rooms import opened
from tests.unit.fleet.memory.shelves import Kept

SWIFT = Tuning(confirm_every=0.005, truth_every=0.02, speculate=False, failures=1, ask_again_every=0.02)
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)


def ask(model: str) -> ChatRequest:
    return ChatRequest(model, (Message.of("user", "oi"),))


@asynccontextmanager
async def fleet_with(fake, kind, *, key="", always_on=(), budget=None):
    """(provider, machines): an Ollama as `local`, and the fake as `box`, each with a swapper."""
    http = HttpClient()

    def host(record):
        if record.kind == "ollama":
            return Ollama(http, base_url=record.url)
        return engine_host(record.kind, record.url, record.key, http, "ollama")

    make = Factories(
        host=host,
        budget=lambda record, health: Budget(record.budget_bytes, "a test"),
        turns=lambda engine: swapping(engine, sizes=Kept(), tuning=SWIFT),
    )
    async with FakeOllama() as ollama, fake:
        fixed = [Record(LOCAL, ollama.url), Record("box", fake.url, kind, key=key, always_on=always_on, budget_bytes=budget)]
        async with opened(fixed, None, make) as machines:
            await machines.watch.round()
            provider = Ollamas(Fleet(machines))
            await provider.list_models()
            yield provider, machines
    await http.close()


async def streamed(provider, model):
    async with aclosing(provider.stream(ask(model))) as deltas:
        return "".join([delta.text async for delta in deltas])


@every
async def test_its_models_are_listed_with_those_of_ollama_and_asked_where_they_are(case: Case):
    fake = case.movable(memory=("small",))
    async with fleet_with(fake, case.kind) as (provider, machines):
        listed = {info.name: info for info in await provider.list_models() if info.machine == "box"}
        assert listed["small"].resident and {info.provider for info in listed.values()} == {"ollama"}
        assert set(listed) == {"small"} if case.kind == "vllm" else {"small", "large"}
        reply = await provider.chat(ask("small"))
        assert reply.text and await streamed(provider, "small")
        assert fake.moves == fake.surprises == []
        box = machines.get("box")
        assert box.health.state == "up" and box.fixed == "" and [one.name for one in box.health.residents] == ["small"]


@every
async def test_what_is_not_in_memory_is_loaded_before_it_is_asked(case: Case):
    fake = case.movable()
    async with fleet_with(fake, case.kind) as (provider, _), asyncio.timeout(20):
        assert await streamed(provider, "small") and fake.in_memory("small")
        if case.kind != "vllm":
            assert (await provider.chat(ask("large"))).text
            assert fake.in_memory("large") and not fake.in_memory("small"), "without a budget one at a time"
        assert fake.surprises == []


@every
async def test_a_server_that_cannot_move_its_models_keeps_them_and_offers_nothing_else(case: Case):
    fake = case.fixed(memory=("small",))
    key = "key-of-a-machine" if case.kind == "textgen" else ""
    async with fleet_with(fake, case.kind, key=key) as (provider, machines):
        listed = [info.name for info in await provider.list_models() if info.machine == "box"]
        assert listed == ["small"] and machines.get("box").fixed
        assert (await provider.chat(ask("small"))).text
        with pytest.raises(ModelNotInstalled):
            await provider.chat(ask("large"))
        assert fake.moves == [] and fake.in_memory("small")


@pytest.mark.parametrize("case", [case for case in CASES if case.kind in ("textgen", "lmstudio")], ids=lambda case: case.kind)
async def test_a_model_that_stays_in_memory_is_loaded_by_itself(case: Case):
    fake = case.movable()
    async with fleet_with(fake, case.kind, always_on=("small",)) as (_, machines), asyncio.timeout(20):
        while not fake.in_memory("small"):
            await asyncio.sleep(0.005)
        assert machines.get("box").keeps("small") and not machines.get("box").keeps("small:latest")


async def test_a_server_with_one_place_lets_its_model_go_whatever_the_budget():
    case = next(case for case in CASES if case.kind == "textgen")
    fake = case.movable()
    async with fleet_with(fake, case.kind, budget=100 << 30) as (provider, _), asyncio.timeout(20):
        for model in ("small", "large", "small"):
            assert (await provider.chat(ask(model))).text
        assert fake.memory == ["small"] and fake.surprises == []


async def test_a_server_that_answers_many_at_once_is_given_many():
    case = next(case for case in CASES if case.kind == "vllm")
    opened = fleet_with(case.movable(memory=("small",)), case.kind)
    async with opened as (_, machines), asyncio.timeout(5), AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(machines.get("box").turns.turn("small"))
        (queue,) = machines.get("box").standing().queues
        assert (queue.inside, queue.waiting) == (20, 0)


async def test_a_question_in_ollamas_own_words_goes_to_an_ollama_only():
    case = next(case for case in CASES if case.kind == "lmstudio")
    fake = case.movable({"gemma3:1b": 1, "own": 1}, memory=("gemma3:1b", "own"))
    async with fleet_with(fake, case.kind) as (provider, machines):
        fleet = Fleet(machines)
        assert fleet.passes("gemma3:1b") and not fleet.passes("own") and fleet.passes("nobody-has-it")
        for _ in range(3):
            body = b'{"model": "gemma3:1b", "messages": [{"role": "user", "content": "oi"}]}'
            async with provider.forward("/api/chat", body, stream=False) as response:
                assert response.status == 200
        assert not fake.speaker.requests and [received.path for received in fake.requests].count("/v1/chat/completions") == 0


@pytest.mark.parametrize("kind", ["vllm", "llamacpp"])
async def test_a_server_that_still_starts_takes_no_work(kind):
    case = next(case for case in CASES if case.kind == kind)
    fake = case.movable()
    fake.starting = True
    async with fleet_with(fake, kind) as (_, machines):
        host = machines.get("box").host
        assert isinstance(host, EngineHost)
        with pytest.raises(ProviderUnreachable, match="still starting"):
            await host.version()
        assert machines.get("box").health.failures == 1


async def test_the_size_of_what_was_in_memory_is_remembered():
    case = next(case for case in CASES if case.kind == "llamacpp")
    fake = case.movable({"small": 7, "large": 9}, memory=("small",))
    async with fleet_with(fake, case.kind) as (provider, machines):
        machine = machines.get("box").machine
        told = await machine.weights()
        assert told["small"] == (7, None)
        async with asyncio.timeout(20):
            await provider.chat(ask("large"))
        assert await machine.weights() == {"small": (7, None), "large": (9, None)}


async def test_memory_can_be_foreseen_from_the_sizes_that_are_told():
    case = next(case for case in CASES if case.kind == "lmstudio")
    fake = case.movable({"small": 7})
    async with fleet_with(fake, case.kind) as (_, machines):
        machine = machines.get("box").machine
        assert await machine.weights() == {"small": (7, None)} and await machine.shown("small") == {}
