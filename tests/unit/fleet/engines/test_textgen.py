import pytest

from core.errors import Conflict
from fleet.engines.base import Seen
from tests.fakes.textgen import FakeTextgen
from tests.unit.fleet.engines.bench import opened


async def test_none_is_the_lack_of_a_model() -> None:
    async with opened(FakeTextgen(), "textgen") as one:
        assert await one.installed() == (Seen("small", "absent"), Seen("large", "absent"))


async def test_a_load_never_drops_what_is_in_memory() -> None:
    fake = FakeTextgen(memory=("small",))
    async with opened(fake, "textgen") as one:
        with pytest.raises(Conflict, match="small in memory"):
            await one.load("large")
        assert (fake.moves, fake.memory) == ([], ["small"])
        await one.unload("small")
        await one.load("large")
        assert fake.bodies("/load") == [{"model_name": "large"}]


async def test_a_model_in_memory_that_is_not_listed_is_shown() -> None:
    async with opened(FakeTextgen({"small": 1}, memory=("gone-from-disk",)), "textgen") as one:
        assert [model.name for model in await one.ps()] == ["gone-from-disk"]


async def test_a_key_that_may_only_ask_sees_a_fixed_resident() -> None:
    fake = FakeTextgen(memory=("small",), key="admin", asking_key="asker")
    async with opened(fake, "textgen", key="asker") as one:
        assert [(model.name, model.fixed) for model in await one.ps()] == [("small", True)]
