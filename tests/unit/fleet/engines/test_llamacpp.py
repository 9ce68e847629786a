import pytest
from aiohttp import web

from core.errors import ProviderError, ProviderRefused
from fleet.engines.base import EngineWaits, Seen
from tests.fakes.llamacpp import FakeLlamaCpp
from tests.fakes.server import forever
from tests.unit.fleet.engines.bench import IMPATIENT, SIZE, opened


async def test_a_router_tells_size_and_places_of_what_runs() -> None:
    async with opened(FakeLlamaCpp(memory=("small",)), "llamacpp") as one:
        small, large = await one.installed()
        assert small == Seen("small", "resident", SIZE, parallel=2, aliases=("small-alias",))
        assert (large.state, large.size) == ("absent", None)
        assert (await one.health()).version == "b11434-abc"


async def test_a_router_without_models_is_not_taken_for_a_server_of_one() -> None:
    async with opened(FakeLlamaCpp({}), "llamacpp") as one:
        survey = await one.survey()
        assert (survey.models, survey.fixed) == ((), "")


async def test_a_server_of_one_tells_its_places() -> None:
    async with opened(FakeLlamaCpp(routes_models=False), "llamacpp") as one:
        assert await one.installed() == (Seen("small", "resident", SIZE, parallel=3),)


async def test_load_waits_until_the_router_says_loaded() -> None:
    fake = FakeLlamaCpp()
    fake.looks = 5
    async with opened(fake, "llamacpp") as one:
        await one.load("small-alias")
        assert fake.states["small"] == "loaded"
        assert fake.bodies("/load") == [{"model": "small"}]


async def test_what_is_being_loaded_takes_memory_and_is_joined() -> None:
    fake = FakeLlamaCpp()
    fake.states["small"] = "loading"
    fake.moving["small"] = (4, "loaded")
    async with opened(fake, "llamacpp") as one:
        assert [(model.name, model.size) for model in await one.ps()] == [("small", 0)]
        await one.load("small")
        assert (fake.moves, fake.states["small"]) == ([], "loaded")


async def test_a_hung_load_can_be_stopped() -> None:
    fake = FakeLlamaCpp()
    fake.states["small"] = "loading"
    async with opened(fake, "llamacpp") as one:
        await one.unload("small")
        assert fake.states["small"] == "unloaded"


async def test_a_load_that_never_ends_is_given_up() -> None:
    fake = FakeLlamaCpp()
    fake.states["small"] = "loading"
    async with opened(fake, "llamacpp", waits=IMPATIENT) as one:
        with pytest.raises(ProviderError, match=r"did not load small in 0\.15 s"):
            await one.load("small")


async def test_a_process_that_dies_while_it_loads_is_told_at_once() -> None:
    fake = FakeLlamaCpp()
    fake.dies_while_loading = True
    async with opened(fake, "llamacpp") as one:
        with pytest.raises(ProviderError, match="did not keep small"):
            await one.load("small")
        assert len([received for received in fake.requests if received.path == "/models"]) <= 4
        fake.dies_while_loading = False
        await one.load("small")  # its `failed` of before says nothing
        await one.unload("small")


async def test_a_sleeping_model_is_ended_before_it_is_loaded() -> None:
    fake = FakeLlamaCpp()
    fake.states["small"] = "sleeping"
    async with opened(fake, "llamacpp") as one:
        assert await one.ps() == []
        await one.load("small")
        assert fake.moves == ["/models/unload", "/models/load"]
        assert fake.states["small"] == "loaded"


@pytest.mark.parametrize("moves_in", [True, False])
async def test_somebody_else_may_be_faster(moves_in: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeLlamaCpp(memory=() if moves_in else ("small",))
    cannot = fake._cannot

    async def raced(request: object, name: str, *, runs: bool) -> object:
        fake.states[name] = "unloaded" if runs else "loaded"
        return await cannot(request, name, runs=runs)

    monkeypatch.setattr(fake, "_cannot", raced)
    async with opened(fake, "llamacpp") as one:
        await (one.load("small") if moves_in else one.unload("small"))
        assert len(fake.moves) == 1


async def test_a_server_that_starts_is_not_ready() -> None:
    fake = FakeLlamaCpp(routes_models=False)
    fake.starting = True
    async with opened(fake, "llamacpp") as one:
        assert not (await one.health()).ready
        with pytest.raises(ProviderError, match="still starting"):
            await one.ps()


async def test_a_move_without_success_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeLlamaCpp()

    async def disagree(_: object) -> object:
        return fake.shown({"success": False})

    monkeypatch.setattr(fake, "_load", disagree)
    async with opened(fake, "llamacpp") as one:
        with pytest.raises(ProviderRefused, match="small"):
            await one.load("small")


async def test_a_router_too_busy_to_answer_has_not_unloaded_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeLlamaCpp(memory=("small",))
    models, busy = fake._models, [False, True, False]

    async def slow(request: web.Request) -> web.Response:
        if busy and busy.pop(0):
            await forever()
        return await models(request)

    monkeypatch.setattr(fake, "_models", slow)
    async with opened(fake, "llamacpp", waits=EngineWaits(call=0.05, leave=5, look=0.001)) as one:
        await one.unload("small")
        assert (fake.states["small"], busy) == ("unloaded", [])
