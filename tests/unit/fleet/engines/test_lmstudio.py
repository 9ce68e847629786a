import pytest

from core.errors import ModelNotInstalled, ProviderRefused
from fleet.compute import Resident
from fleet.engines.base import Seen
from tests.fakes.lmstudio import FakeLmStudio
from tests.fakes.openai import FakeOpenAI
from tests.unit.fleet.engines.bench import SIZE, opened


async def test_sizes_are_told_of_what_is_installed() -> None:
    async with opened(FakeLmStudio(), "lmstudio") as one:
        assert await one.installed() == (Seen("small", "absent", SIZE), Seen("large", "absent", 9 * SIZE))


async def test_every_instance_takes_memory_and_all_of_them_go() -> None:
    fake = FakeLmStudio()
    fake.instances["small"] = ["small", "small:2"]
    async with opened(fake, "lmstudio") as one:
        assert await one.ps() == [Resident("small", 2 * SIZE, 2 * SIZE)]
        await one.unload("small")
        assert fake.bodies("/unload") == [{"instance_id": "small"}, {"instance_id": "small:2"}]
        assert await one.ps() == []


async def test_a_model_is_known_by_the_name_of_its_instance() -> None:
    fake = FakeLmStudio()
    fake.instances["small"] = ["my-own-name"]
    async with opened(fake, "lmstudio") as one:
        await one.load("my-own-name")
        assert fake.moves == []
        await one.unload("my-own-name")
        assert fake.instances["small"] == []


async def test_a_loaded_model_gets_no_other_instance() -> None:
    fake = FakeLmStudio()
    async with opened(fake, "lmstudio") as one:
        await one.load("small")
        await one.load("small")
        assert fake.instances["small"] == ["small"]


async def test_an_older_one_shows_its_models_without_sizes() -> None:
    async with opened(FakeLmStudio(manages=False, memory=("large",)), "lmstudio") as one:
        assert await one.installed() == (Seen("small", "absent"), Seen("large", "resident"))
        assert "0.4" in one.spec.moves_when


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": "Unexpected endpoint or method. (POST /api/v1/models/load)"}, ProviderRefused),
        ({"error": {"type": "model_not_found", "message": "no such model"}}, ModelNotInstalled),
    ],
)  # fmt: skip
async def test_an_error_inside_a_200_is_an_error(answer: object, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeLmStudio()

    async def refuse(_: object) -> object:
        return fake.shown(answer)

    monkeypatch.setattr(fake, "_load", refuse)
    async with opened(fake, "lmstudio") as one:
        with pytest.raises(error):
            await one.load("small")


async def test_another_program_is_no_lm_studio() -> None:
    async with FakeOpenAI() as other, opened(FakeLmStudio(), "lmstudio") as one:
        one._api._root = other.url
        with pytest.raises(ProviderRefused, match="no LM Studio"):
            await one.ps()
