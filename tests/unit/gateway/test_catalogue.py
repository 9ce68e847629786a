import asyncio

import pytest

from core.clock import Clock
from core.errors import ProviderAuthFailed, ProviderError, ProviderUnreachable
from gateway.catalogue import Catalogue
from tests.unit.gateway.scripted import CLOUD, LOCAL, Scripted, model

DOWN = ProviderUnreachable("Cloud cannot be reached.")


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now)


@pytest.fixture
def time() -> Time:
    return Time()


def catalogue(provider: Scripted, time: Time, **more: object) -> Catalogue:
    return Catalogue({provider.spec.name: provider}, clock=time.clock(), **more)


def names(listing) -> list[str]:
    return [model.name for model in listing.models]


async def test_a_list_is_asked_for_once_in_five_minutes(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")])
    lists = catalogue(cloud, time)
    assert (await lists.listing("cloud", "k")).source == "live"
    time.now += 299
    later = await lists.listing("cloud", "k")
    assert (later.source, later.age, names(later)) == ("cache", 299, ["a"])
    time.now += 2
    assert (await lists.listing("cloud", "k")).source == "live"
    assert len(cloud.listed) == 2


async def test_a_local_list_is_young(time: Time) -> None:
    local = Scripted("local", LOCAL, [model("a")])
    lists = catalogue(local, time)
    await lists.listing("local")
    time.now += 6
    local.models = [model("b")]
    assert names(await lists.listing("local")) == ["b"]


async def test_fresh_asks_now(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")])
    lists = catalogue(cloud, time)
    await lists.listing("cloud", "k")
    time.now += 1
    cloud.models = [model("b")]
    fresh = await lists.listing("cloud", "k", fresh=True)
    assert (fresh.source, names(fresh)) == ("live", ["b"])


async def test_one_key_never_sees_the_list_of_another(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, lambda key: [model(f"of-{key}")])
    lists = catalogue(cloud, time)
    assert [names(await lists.listing("cloud", key)) for key in ("one", "two", None, "one")] == [
        ["of-one"],
        ["of-two"],
        ["of-None"],
        ["of-one"],
    ]
    assert cloud.listed == ["one", "two", None]
    assert "one" not in repr(list(lists._entries))


async def test_a_key_that_a_provider_does_not_take_is_not_given_to_it(time: Time) -> None:
    local = Scripted("local", LOCAL, [model("a")])
    lists = catalogue(local, time)
    await lists.listing("local", "one")
    await lists.listing("local", "two")
    assert local.listed == [None]


async def test_many_who_wait_share_one_question(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")])
    cloud.gate = asyncio.Event()
    lists = catalogue(cloud, time)
    waiting = [asyncio.create_task(lists.listing("cloud", "k", fresh=number % 2 == 0)) for number in range(50)]
    await asyncio.sleep(0)
    cloud.gate.set()
    assert {names(listing)[0] for listing in await asyncio.gather(*waiting)} == {"a"}
    assert len(cloud.listed) == 1


async def test_one_who_gives_up_does_not_take_the_others_along(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")])
    cloud.gate = asyncio.Event()
    lists = catalogue(cloud, time)
    first, second = (asyncio.create_task(lists.listing("cloud", "k")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    cloud.gate.set()
    assert names(await second) == ["a"]
    assert first.cancelled()


async def test_a_failure_shows_what_was_known_before(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")], known=(model("k"),))
    lists = catalogue(cloud, time)
    await lists.listing("cloud", "k")
    cloud.models = DOWN
    time.now += 400
    stale = await lists.listing("cloud", "k")
    assert (stale.source, names(stale), stale.age, stale.error) == ("stale", ["a"], 400, DOWN)


async def test_without_an_earlier_list_the_known_names_are_marked(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, DOWN, known=(model("k"),))
    fallback = await catalogue(cloud, time).listing("cloud", "k")
    assert (fallback.source, names(fallback), fallback.error) == ("fallback", ["k"], DOWN)


async def test_without_anything_to_show_the_error_is_raised(time: Time) -> None:
    local = Scripted("local", LOCAL, DOWN)
    lists = catalogue(local, time)
    for _ in range(3):
        with pytest.raises(ProviderUnreachable) as caught:
            await lists.listing("local")
        assert caught.value is DOWN
    assert len(local.listed) == 1


async def test_a_failure_is_believed_for_seconds_only(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, DOWN, known=(model("k"),))
    lists = catalogue(cloud, time)
    await lists.listing("cloud", "k")
    await lists.listing("cloud", "k")
    assert len(cloud.listed) == 1
    cloud.models = [model("a")]
    time.now += 6
    assert (await lists.listing("cloud", "k")).source == "live"
    cloud.models = DOWN
    time.now += 301
    await lists.listing("cloud", "k")
    cloud.models = [model("b")]
    assert names(await lists.listing("cloud", "k", fresh=True)) == ["a"], "fresh at the same moment shares the failure"
    time.now += 0.1
    assert names(await lists.listing("cloud", "k", fresh=True)) == ["b"]


async def test_a_revoked_key_sees_its_list_no_more(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")], known=(model("k"),))
    lists = catalogue(cloud, time)
    await lists.listing("cloud", "k")
    cloud.models = ProviderAuthFailed("Cloud refused the API key.")
    time.now += 400
    assert (await lists.listing("cloud", "k")).source == "fallback"


async def test_a_bug_is_not_hidden(time: Time) -> None:
    with pytest.raises(ZeroDivisionError):
        await catalogue(Scripted("cloud", CLOUD, ZeroDivisionError()), time).listing("cloud", "k")


async def test_keys_do_not_pile_up(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [model("a")])
    lists = catalogue(cloud, time, capacity=10)
    for number in range(100):
        await lists.listing("cloud", str(number))
    assert len(lists._entries) == 10
    await lists.listing("cloud", "99")
    assert len(cloud.listed) == 100


async def test_a_model_is_found_with_and_without_its_tag(time: Time) -> None:
    listing = await catalogue(Scripted("local", LOCAL, [model("m:latest"), model("n:1b")]), time).listing("local")
    assert [listing.find(name) and listing.find(name).name for name in ("m", "m:latest", "n", "n:1b")] == [
        "m:latest",
        "m:latest",
        None,
        "n:1b",
    ]


async def test_errors_do_not_grow_with_their_use(time: Time) -> None:
    error = ProviderError("x.")
    lists = catalogue(Scripted("local", LOCAL, error), time)
    lengths = []
    for _ in range(5):
        with pytest.raises(ProviderError) as caught:
            await lists.listing("local")
        lengths.append(len(caught.traceback))
    assert lengths[-1] <= lengths[0]
