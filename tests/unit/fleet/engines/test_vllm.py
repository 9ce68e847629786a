from fleet.engines.base import EngineHealth, Seen
from tests.fakes.vllm import FakeVllm
from tests.unit.fleet.engines.bench import opened


async def test_sleep_keeps_the_weights_and_lets_questions_end() -> None:
    fake = FakeVllm(memory=("small",))
    async with opened(fake, "vllm") as one:
        await one.unload("small")
        assert [received.query for received in fake.requests if received.path == "/sleep"] == [{"level": "1", "mode": "wait"}]
        assert await one.installed() == (Seen("small", "sleeping"),)


async def test_adapters_are_names_of_the_model_that_they_sit_on() -> None:
    fake = FakeVllm(adapters=("small-sql",), memory=("small",))
    async with opened(fake, "vllm") as one:
        assert await one.installed() == (Seen("small", "resident"),)


async def test_health_tells_the_version_and_whether_it_starts() -> None:
    fake = FakeVllm()
    async with opened(fake, "vllm") as one:
        assert await one.health() == EngineHealth(True, "0.14.0", "")
        fake.starting = True
        assert await one.health() == EngineHealth(False)
