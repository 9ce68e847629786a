"""The provider over two machines: it answers like one Ollama, and lists are of both."""

from contextlib import aclosing

import orjson
import pytest

from core.caller import call_as
from core.errors import InvalidRequest, ProviderError, ProviderUnreachable
from core.http import HttpClient
from fleet.machines.fleet import Fleet
from fleet.machines.record import Record
from fleet.ollamas import Ollamas
from gateway.catalogue import Catalogue
from gateway.retry import Retry, RetryPolicy
from gateway.routing import Target
from gateway.service import Gateway
from providers.types import ChatRequest, Message
from tests.fakes.ollama import FakeOllama
from tests.unit.fleet.machines.rooms import factories, opened

ASK = ChatRequest("gemma3:1b", (Message.of("user", "oi"),))
FAST = Retry(RetryPolicy(tries=2, first=0.001, longest=0.001))


class World:
    def __init__(self, machines, fakes, turns, clock):
        self.machines, self.fakes, self.turns = machines, fakes, turns
        self.ollamas = Ollamas(Fleet(machines, clock=clock))

    def asked(self, path):
        return {name: len(fake.bodies(path)) for name, fake in self.fakes.items()}


@pytest.fixture
async def world(clock):
    fakes, turns, http = {name: FakeOllama() for name in ("local", "box")}, {}, HttpClient()
    for fake in fakes.values():
        await fake.start()
    async with opened(
        [Record(name, fake.url) for name, fake in fakes.items()], None, factories(http, turns), clock=clock
    ) as made:
        yield World(made, fakes, turns, clock)
    await http.close()
    for fake in fakes.values():
        await fake.stop()


async def streamed(ollamas):
    async with aclosing(ollamas.stream(ASK)) as deltas:
        return [delta async for delta in deltas]


async def test_everything_that_a_provider_does_is_done_on_the_machine_of_the_turn(world):
    world.turns["local"].wait = 50.0
    assert (await world.ollamas.chat(ASK)).finish_reason == "stop"
    assert (await streamed(world.ollamas))[-1].finish_reason == "stop"
    assert len((await world.ollamas.embed("nomic-embed-text", ["a", "b"], dimensions=4)).vectors) == 2
    body = orjson.dumps({"model": "gemma3:1b", "messages": [{"role": "user", "content": "oi"}]})
    async with world.ollamas.forward("/api/chat", body, stream=False) as response:
        assert orjson.loads(await response.read())["done"]
    assert world.asked("/api/chat") == {"local": 0, "box": 3} and world.asked("/api/embed") == {"local": 0, "box": 1}
    assert world.turns["box"].inside == 0 and world.machines.get("box").is_idle


async def test_who_asks_is_told_to_the_turns_of_streams_too(world):
    asked = call_as("key-1", "interactive")
    await world.ollamas.chat(ASK)
    await streamed(world.ollamas)
    call_as("", "normal")
    await world.ollamas.chat(ASK)
    assert world.turns["box"].askers == [("key-1", "interactive")] * 2 + [("", "normal")]
    assert asked.machine == "box", "who answered is told back"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"messages": []}', b'{"model": 5}'])
async def test_a_body_without_a_model_is_refused_before_a_turn(world, body):
    with pytest.raises(InvalidRequest):
        async with world.ollamas.forward("/api/chat", body, stream=False):
            pass
    assert not world.turns["box"].askers


async def test_a_stream_that_is_left_gives_its_place_back(world):
    async with aclosing(world.ollamas.stream(ASK)) as deltas:
        await anext(deltas)
        assert world.turns["box"].inside == 1
    assert world.turns["box"].inside == 0 and world.machines.get("box").is_idle


async def test_the_lists_of_both_machines_are_one_and_a_name_is_one_model(world, clock):
    world.fakes["box"].machine.installed.pop("llama3.2:3b")
    await world.machines.get("box").host.load("gemma3:1b", num_gpu=None)
    models = await world.ollamas.list_models()
    assert [model.machine for model in models] == ["local"] * 4 + ["box"] * 3
    catalogue = Catalogue({"ollama": world.ollamas}, clock=clock)
    assert len((await catalogue.listing("ollama")).models) == 7
    names = catalogue.names
    assert sorted(model.name for model in names.models) == ["gemma3:1b", "llama3.2:3b", "nomic-embed-text:latest", "qwen3:0.6b"]
    gemma, llama = names.find("gemma3:1b"), names.find("llama3.2:3b")
    assert gemma.info.resident and gemma.info.machine == "box" and [one.machine for one in gemma.copies] == ["local", "box"]
    assert [one.machine for one in llama.copies] == ["local"]


async def test_a_dead_machine_takes_its_models_off_the_list_and_the_others_stay(world):
    await world.ollamas.list_models()
    await world.fakes["box"].stop()
    assert {model.machine for model in await world.ollamas.list_models()} == {"local"}
    await world.fakes["local"].stop()
    with pytest.raises(ProviderUnreachable):
        await world.ollamas.list_models()


async def test_one_that_is_known_to_be_down_does_not_delay_the_list(world):
    await world.ollamas.list_models()
    world.machines.get("box").health.state = "down"
    before = len(world.fakes["box"].requests)
    assert {model.machine for model in await world.ollamas.list_models()} == {"local"}
    assert len(world.fakes["box"].requests) == before


async def test_a_machine_that_is_too_slow_to_list_keeps_its_last_list(world, monkeypatch):
    await world.ollamas.list_models()
    world.fakes["box"].latency = 60.0
    monkeypatch.setattr("fleet.machines.fleet.LISTING", 0.05)
    assert {model.machine for model in await world.ollamas.list_models()} == {"local", "box"}


async def test_the_gateway_asks_another_machine_when_one_breaks_before_the_first_byte(world, clock):
    gateway = Gateway({"ollama": world.ollamas}, Catalogue({"ollama": world.ollamas}, clock=clock), retry=FAST)
    await world.fakes["box"].stop()
    completion = await gateway.complete(Target("ollama", "gemma3:1b", "requested"), ASK)
    assert completion.finish_reason == "stop" and [len(turns.askers) for turns in world.turns.values()] == [1, 1]


async def test_a_stream_that_began_is_never_asked_elsewhere(world, clock):
    gateway = Gateway({"ollama": world.ollamas}, Catalogue({"ollama": world.ollamas}, clock=clock), retry=FAST)
    world.fakes["box"].fail("cut")
    with pytest.raises(ProviderError):
        async with aclosing(gateway.stream(Target("ollama", "gemma3:1b", "requested"), ASK)) as deltas:
            async for _ in deltas:
                pass
    assert world.turns["local"].askers == []


async def test_a_failure_is_classified_as_ollama_words_it(world):
    assert isinstance(world.ollamas.classify(500, b'{"error": "boom"}'), ProviderError)


async def test_what_goes_wrong_on_a_machine_names_it_and_the_model_once(world):
    world.turns["local"].wait = 50.0
    world.fakes["box"].fail("refuse", status=500, message="boom")
    with pytest.raises(ProviderError) as caught:
        await world.ollamas.chat(ASK)
    error = caught.value
    assert error.machine == "box" and error.detail == str(error) and error.detail.startswith("On box with gemma3:1b: ")
    assert world.fakes["box"].url.rpartition(":")[2] not in error.detail + (error.hint or "")
    error.happened_on("other", "x")
    assert error.detail.count("On ") == 1 and error.as_job_error()["message"] == error.detail
    with pytest.raises(ProviderError) as caught:
        await streamed(world.ollamas)
    assert caught.value.detail.startswith("On box")
    with pytest.raises(InvalidRequest) as caught:
        async with Fleet(world.machines).turn("gemma3:1b"):
            raise InvalidRequest("The request is wrong everywhere.")
    assert caught.value.machine is None


async def test_machines_that_are_down_are_named_with_the_model(world):
    for name, engine in zip(("local", "box"), world.machines, strict=True):
        await world.fakes[name].stop()
        engine.health.state, engine.health.failures = "down", 3
    with pytest.raises(ProviderUnreachable, match="may have gemma3:1b do not answer: local, box"):
        await world.ollamas.chat(ASK)


async def test_who_cannot_reach_another_machine_is_not_sent_to_the_local_one(world):
    world.turns["local"].wait = 50.0
    await world.fakes["box"].stop()
    with pytest.raises(ProviderUnreachable) as caught:
        await world.ollamas.chat(ASK)
    assert caught.value.machine == "box" and "OLLAMA_URL" not in caught.value.hint and "/machines/box" in caught.value.hint
