"""What every engine keeps, whatever its server is and does."""

import pytest

from core.errors import (
    Conflict,
    ModelNotInstalled,
    ModelOutOfMemory,
    MyelinError,
    ProviderAuthFailed,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from core.http import HttpClient
from fleet.compute import Resident
from fleet.engines.base import Engine
from fleet.engines.registry import engine, engine_classes
from tests.unit.fleet.engines.bench import CASES, IMPATIENT, SIZE, Case, opened

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
KEY = "key-of-a-machine"


async def resident(one: Engine) -> list[str]:
    return [model.name for model in await one.ps()]


def test_every_kind_has_a_case() -> None:
    assert [case.kind for case in CASES] == list(engine_classes())


@each
async def test_a_model_is_loaded_and_unloaded(case: Case) -> None:
    async with opened(case.movable(), case.kind) as one:
        assert await resident(one) == []
        assert "small" in [model.name for model in await one.installed()]
        await one.load("small")
        size = SIZE if case.tells_size else 0
        assert await one.ps() == [Resident("small", size, size)]
        await one.unload("small")
        assert await resident(one) == []
        assert (await one.health()).ready and (await one.health()).fixed == ""


@each
async def test_what_is_so_already_is_not_asked_for(case: Case) -> None:
    fake = case.movable(memory=("small",))
    async with opened(fake, case.kind) as one:
        await one.load("small")
        await one.unload("nowhere")
        assert fake.moves == []
        await one.unload("small")
        asked = len(fake.moves)
        await one.unload("small")
        assert len(fake.moves) == asked > 0


@each
async def test_a_model_that_it_does_not_have_is_not_asked_for(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        with pytest.raises(ModelNotInstalled) as caught:
            await one.load("nowhere")
        assert fake.moves == []
        assert caught.value.hint is not None and "small" in caught.value.hint


@each
async def test_what_cannot_be_moved_is_a_fixed_resident(case: Case) -> None:
    fake = case.fixed(memory=("small",))
    async with opened(fake, case.kind, key=KEY) as one:
        size = SIZE if case.tells_size_when_fixed else 0
        assert await one.ps() == [Resident("small", size, size, fixed=True)]
        await one.load("small")
        with pytest.raises(Conflict) as caught:
            await one.unload("small")
        assert caught.value.hint is not None and one.spec.moves_when in caught.value.hint
        with pytest.raises(Conflict):
            await one.load("large")
        assert fake.moves == []
        assert (await one.health()).fixed == caught.value.detail


@each
async def test_a_refused_load_is_an_error_and_moves_nothing(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        fake.fail("refuse", times=1, message="no, not at /srv/models/secret.gguf")
        with pytest.raises(ProviderError) as caught:
            await one.load("small")
        assert "/srv" not in caught.value.detail
        assert await resident(one) == []
        await one.load("small")
        assert await resident(one) == ["small"]


@each
async def test_a_load_without_enough_memory_says_so(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        fake.fail("oom", times=1)
        with pytest.raises(ModelOutOfMemory):
            await one.load("small")


@each
async def test_a_refused_unload_is_an_error_and_it_stays(case: Case) -> None:
    fake = case.movable(memory=("small",))
    async with opened(fake, case.kind) as one:
        fake.fail("refuse", times=1, status=400)
        with pytest.raises(ProviderError):
            await one.unload("small")
        assert await resident(one) == ["small"]


@each
@pytest.mark.parametrize("moves_in", [True, False], ids=["load", "unload"])
async def test_a_server_that_hangs_is_left(case: Case, moves_in: bool) -> None:
    fake = case.movable(memory=() if moves_in else ("small",))
    async with opened(fake, case.kind, waits=IMPATIENT) as one:
        fake.fail("hang_headers", times=1)
        with pytest.raises(ProviderTimeout):
            await (one.load("small") if moves_in else one.unload("small"))
        await fake.hung_up.wait()
        assert await resident(one) == ([] if moves_in else ["small"])


@each
@pytest.mark.parametrize("moves_in", [True, False], ids=["load", "unload"])
async def test_a_server_that_dies_in_the_middle_is_unreachable(case: Case, moves_in: bool) -> None:
    fake = case.movable(memory=() if moves_in else ("small",))
    async with opened(fake, case.kind) as one:
        fake.fail("cut", times=2)  # a reused connection is tried again on a fresh one
        with pytest.raises(ProviderUnreachable):
            await (one.load("small") if moves_in else one.unload("small"))


@each
async def test_a_load_that_is_only_said_is_an_error(case: Case) -> None:
    fake = case.movable()
    fake.lies = True
    async with opened(fake, case.kind) as one:
        with pytest.raises(ProviderError, match="did not keep small in memory"):
            await one.load("small")


@each
async def test_an_unload_that_is_only_said_is_an_error(case: Case) -> None:
    fake = case.movable(memory=("small",))
    fake.lies = True
    async with opened(fake, case.kind, waits=IMPATIENT) as one:
        with pytest.raises(ProviderTimeout, match="did not unload small"):
            await one.unload("small")
        assert await resident(one) == ["small"]


@each
async def test_a_server_that_is_silent_is_a_timeout(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind, waits=IMPATIENT) as one:
        fake.latency = 30
        for ask in (one.ps, one.installed, one.health):
            with pytest.raises(ProviderTimeout):
                await ask()


@each
async def test_a_server_that_is_not_there_is_unreachable(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        await fake.stop()
        for ask in (one.ps, one.installed, one.health):
            with pytest.raises(ProviderUnreachable) as caught:
                await ask()
            assert fake.url not in f"{caught.value.detail} {caught.value.hint}"


@each
async def test_the_key_is_sent_and_a_wrong_one_is_named_as_the_cause(case: Case) -> None:
    fake = case.movable(key=KEY)
    async with opened(fake, case.kind, key=KEY) as one:
        await one.load("small")
        assert {received.headers.get("authorization") for received in fake.requests} == {f"Bearer {KEY}"}
    fake = case.movable(key=KEY)
    async with opened(fake, case.kind, key="some-wrong-key") as one:
        with pytest.raises(ProviderAuthFailed) as caught:
            await one.ps()
        assert "some-wrong-key" not in f"{caught.value.detail} {caught.value.hint}"


@each
async def test_without_a_key_none_is_sent(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        await one.ps()
        assert all("authorization" not in received.headers for received in fake.requests)


@each
@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
async def test_the_address_may_be_that_of_the_chats(case: Case, tail: str) -> None:
    http = HttpClient()
    async with case.movable(memory=("small",)) as fake:
        assert await resident(engine(case.kind, f"{fake.url}{tail}", "", http)) == ["small"]
        await http.close()


NONSENSE = [
    b"", b"null", b"[]", b"17", b'"x"', b"{}", b"<html>", b"{", b'{"data": 5, "models": 5, "model_names": 5}', b"\xff\xfe",
    b'{"data": [1, null, [], {}, {"id": null}, {"id": {}}], "models": [1, null, {"key": 7}], "model_names": [1, null, {}]}',
    b'{"data": [{"id": "a", "status": []}], "models": [{"key": "a", "loaded_instances": 3, "size_bytes": "x"}]}',
    b'{"data": [{"id": "a", "status": {"value": [], "args": 3}, "meta": 4, "aliases": 4}], "is_sleeping": "no"}',
    b'{"data": [{"id": "a", "status": {"value": "loaded"}, "meta": {"size": -1}}], "models": [{"key": "a", "size_bytes": 1e99}]}',
    b'{"models": [{"key": "a", "size_bytes": true, "loaded_instances": [{}, {"id": 1}]}], "model_name": {"a": 1}}',
    b'{"data": [{"id": "a\\u0000\\u001b[31m"}], "models": [{"key": "a\\n"}], "model_name": "a\\u2028", "model_names": ["\\u0007"]}',
    b'{"model_name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
]  # fmt: skip


@each
@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_is_a_typed_error_or_no_model(case: Case, body: bytes) -> None:
    fake = case.movable()
    fake.strange = body
    async with opened(fake, case.kind, waits=IMPATIENT) as one:
        for ask in (one.ps, one.installed, one.health, lambda: one.load("small"), lambda: one.unload("small")):
            try:
                found = await ask()
            except MyelinError as error:
                assert error.detail.isprintable() and error.detail
            else:
                for model in found if isinstance(found, list | tuple) else ():
                    assert model.name.isprintable() and (model.size or 0) >= 0
    assert fake.moves == []


@each
async def test_what_a_server_names_is_never_an_address(case: Case) -> None:
    name = "http://192.0.2.1:1/../../v1/models?x=1#y"
    fake = case.movable({name: SIZE})
    async with opened(fake, case.kind) as one:
        await one.load(name)
        assert await resident(one) == [name]
        await one.unload(name)
        known = {received.path for received in fake.requests}
    plain = case.movable({"small": SIZE})
    async with opened(plain, case.kind) as one:
        await one.load("small")
        await one.unload("small")
        assert known == {received.path for received in plain.requests}


@each
async def test_words_of_a_refusal_never_show_the_key(case: Case) -> None:
    fake = case.movable(key=KEY)
    async with opened(fake, case.kind, key=KEY) as one:
        fake.fail("refuse", times=1, status=400, message=f"you sent {KEY} to us")
        with pytest.raises(ProviderRefused) as caught:
            await one.load("small")
        assert KEY not in caught.value.detail and "you sent" in caught.value.detail


@each
async def test_a_model_that_went_from_its_disk_is_not_installed(case: Case) -> None:
    fake = case.movable()
    async with opened(fake, case.kind) as one:
        fake.fail("refuse", times=1, status=404)
        with pytest.raises(ModelNotInstalled, match="small"):
            await one.load("small")
