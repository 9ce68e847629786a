import asyncio
import threading

import pytest

from core.clock import Clock
from core.errors import (
    ModelNotFound,
    ProviderAuthFailed,
    ProviderError,
    ProviderNotConfigured,
    ProviderTimeout,
    ProviderUnreachable,
)
from gateway.catalogue import Catalogue, Following
from gateway.facts import Listed, Price
from providers.types import ModelInfo
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


class Pauses:
    """A pause that lasts until the test says so; `asked` are the seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.over.clear()
        await self.over.wait()


@pytest.fixture
async def following():
    """Runs the loops of a catalogue; gives it, and a function that waits until a condition holds."""
    tasks = []

    def start(lists: Catalogue, pace: Following = Following()) -> Catalogue:
        tasks.extend(asyncio.create_task(follow()) for follow in lists.followers(pace))
        return lists

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def shown(lists: Catalogue) -> list[str]:
    return [model.id for model in lists.names.models]


async def test_a_slow_provider_delays_no_other(time: Time, following) -> None:
    slow, fast = Scripted("slow", LOCAL, [model("s")]), Scripted("fast", LOCAL, [model("f")])
    slow.gate = asyncio.Event()
    lists = following(Catalogue({"slow": slow, "fast": fast}, clock=time.clock(), sleep=Pauses()))
    assert shown(lists) == [], "nothing waits for the first list"
    await until(lambda: shown(lists) == ["fast/f"])
    assert [(state.provider, state.source) for state in lists.followed()] == [("slow", None), ("fast", "live")]
    slow.gate.set()
    await until(lambda: shown(lists) == ["slow/s", "fast/f"])


async def test_the_names_are_exchanged_whole_and_only_when_a_list_changed(time: Time, following) -> None:
    pauses, local = Pauses(), Scripted("local", LOCAL, [model("a")])
    lists = following(Catalogue({"local": local}, clock=time.clock(), sleep=pauses))
    await until(lambda: shown(lists) == ["local/a"])
    first = lists.names
    await until(lambda: pauses.asked)
    time.now += 10
    pauses.over.set()
    await until(lambda: len(pauses.asked) == 2)
    assert lists.names is first and len(local.listed) == 2
    local.models = [model("a"), model("b")]
    time.now += 10
    pauses.over.set()
    await until(lambda: lists.names is not first)
    assert shown(lists) == ["local/a", "local/b"] and [one.id for one in first.models] == ["local/a"]


async def test_a_provider_that_fails_keeps_its_last_list_and_says_so(time: Time, following) -> None:
    pauses, cloud = Pauses(), Scripted("cloud", CLOUD, [model("a")])
    lists = following(Catalogue({"cloud": cloud}, clock=time.clock(), sleep=pauses, own_keys=["cloud"]))
    await until(lambda: pauses.asked == [300.0])
    cloud.models = DOWN
    time.now += 300
    pauses.over.set()
    await until(lambda: len(pauses.asked) == 2)
    (state,) = lists.followed()
    assert (shown(lists), state.source, state.error, state.age) == (["cloud/a"], "stale", DOWN, 300)
    assert pauses.asked[1] == 30.0, "a failure is soon tried again"
    assert lists.names.resolve("a").provider == "cloud"


async def test_a_provider_that_never_answered_shows_what_is_known_by_heart(time: Time, following) -> None:
    known, nothing = Scripted("known", CLOUD, DOWN, known=(model("k"),)), Scripted("nothing", LOCAL, DOWN)
    both = {"known": known, "nothing": nothing}
    lists = following(Catalogue(both, clock=time.clock(), sleep=Pauses(), own_keys=["known"]))
    await until(lambda: shown(lists) == ["known/k"] and all(state.error for state in lists.followed()))
    assert [state.source for state in lists.followed()] == ["fallback", None]


async def test_a_revoked_key_takes_its_models_along(time: Time, following) -> None:
    pauses, cloud = Pauses(), Scripted("cloud", CLOUD, [model("a")])
    lists = following(Catalogue({"cloud": cloud}, clock=time.clock(), sleep=pauses, own_keys=["cloud"]))
    await until(lambda: shown(lists) == ["cloud/a"])
    await until(lambda: pauses.asked)
    cloud.models = ProviderAuthFailed("Cloud refused the API key.")
    time.now += 300
    pauses.over.set()
    await until(lambda: shown(lists) == [])


async def test_without_a_key_of_ours_a_provider_is_not_followed_and_the_lists_of_callers_stay_theirs(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, lambda key: [model(f"of-{key}")])
    without = catalogue(cloud, time, missing={"cloud": "CLOUD_KEY"})
    assert without.followers() == [] and without.followed() == []
    await without.listing("cloud", "theirs")
    assert shown(without) == []
    with pytest.raises(ProviderNotConfigured):
        without.names.resolve("cloud/of-theirs")
    own = catalogue(cloud, time, own_keys=["cloud"])
    await own.listing("cloud", "theirs")
    assert shown(own) == []
    await own.listing("cloud")
    assert shown(own) == ["cloud/of-None"]


async def test_a_list_that_never_comes_is_given_up(time: Time) -> None:
    local = Scripted("local", LOCAL, [model("a")])
    local.gate = asyncio.Event()
    with pytest.raises(ProviderTimeout, match=r"Local did not list its models within 0\.01 s"):
        await catalogue(local, time, patience=0.01).listing("local")


async def test_what_the_makers_document_is_in_every_list(time: Time) -> None:
    cloud = Scripted("cloud", CLOUD, [ModelInfo("gpt-4o", "x")])
    prices = {("cloud", "gpt-4o"): Listed(Price(1.0, 2.0), None)}
    lists = catalogue(
        cloud, time, own_keys=["cloud"], prices_of=lambda provider, names: {name: prices[provider, name] for name in names}
    )
    (info,) = (await lists.listing("cloud", "theirs")).models
    assert "vision" in info.capabilities and info.context == 128_000
    await lists.listing("cloud")
    (described,) = lists.names.models
    assert (described.id, described.price, described.info.context) == ("cloud/gpt-4o", Price(1.0, 2.0), 128_000)


async def test_a_model_has_its_name_before_its_price(time: Time) -> None:
    known = threading.Event()

    def prices(provider: str, names: list[str]):
        assert known.wait(10)
        return {name: Listed(Price(1.0, 2.0), None) for name in names}

    lists = catalogue(Scripted("cloud", CLOUD, [model("m")]), time, own_keys=["cloud"], prices_of=prices)
    listing = asyncio.create_task(lists.listing("cloud"))
    async with asyncio.timeout(10):
        while not lists.names.models:
            await asyncio.sleep(0)
    assert lists.names.find("m").price is None
    known.set()
    await listing
    assert lists.names.find("m").price == Price(1.0, 2.0)


async def test_the_aliases_of_the_operator_are_in_the_names_from_the_beginning(time: Time) -> None:
    lists = catalogue(Scripted("local", LOCAL), time, aliases={"gpt-4": "local/m"})
    assert lists.names.resolve("gpt-4").model == "m"


async def test_what_was_downloaded_has_a_name_at_once(time: Time) -> None:
    local = Scripted("local", LOCAL, [])
    lists = catalogue(local, time)

    async def pull(name: str):
        yield "pulling"
        local.models = [model(name)]
        yield "success"

    assert [line async for line in lists.renewing("local", pull)("m")] == ["pulling", "success"]
    assert lists.names.resolve("m").provider == "local"
    local.models = DOWN
    assert [line async for line in lists.renewing("local", pull)("n")] == ["pulling", "success"]


async def test_no_price_is_looked_up_for_what_runs_here(time: Time) -> None:
    def prices(provider: str, names: list[str]):
        raise AssertionError("a local model has no list price")

    lists = catalogue(Scripted("local", LOCAL, [model("a")]), time, prices_of=prices)
    await lists.listing("local")
    assert lists.names.find("a").price.dearest == 0


async def test_a_model_that_was_installed_this_moment_is_found_by_its_bare_name(time: Time) -> None:
    local, cloud = Scripted("local", LOCAL, [model("a")]), Scripted("cloud", CLOUD, [model("b")])
    lists = Catalogue({"local": local, "cloud": cloud}, clock=time.clock(), own_keys=("cloud",))
    await asyncio.gather(lists.listing("local"), lists.listing("cloud"))
    local.models = [model("a"), model("gemma3:latest")]
    time.now += 2
    found = await lists.sought(lambda names: names.resolve("gemma3"))
    assert (found.provider, found.model) == ("local", "gemma3:latest")
    assert (len(local.listed), len(cloud.listed)) == (2, 1), "who is afar is not asked again"


async def test_names_that_nobody_has_cost_one_list_a_second(time: Time) -> None:
    local = Scripted("local", LOCAL, [model("a")])
    pauses: list[float] = []
    second = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await second.wait()

    lists = catalogue(local, time, sleep=sleep)
    await lists.listing("local")
    time.now += 0.25
    asked = [asyncio.create_task(lists.sought(lambda names: names.resolve("x"))) for _ in range(5)]
    new = asyncio.create_task(lists.sought(lambda names: names.resolve("b")))
    while len(pauses) < 6:
        await asyncio.sleep(0)
    assert pauses == [0.75] * 6 and len(local.listed) == 1
    local.models = [model("a"), model("b")]
    time.now += 0.75
    second.set()
    assert [type(told) for told in await asyncio.gather(*asked, return_exceptions=True)] == [ModelNotFound] * 5
    assert (await new).model == "b" and len(local.listed) == 2
    assert (await lists.sought(lambda names: names.resolve("a"))).model == "a" and len(local.listed) == 2


async def test_right_after_the_start_a_name_waits_for_the_first_lists(time: Time) -> None:
    slow, dead = Scripted("cloud", CLOUD, [model("a")]), Scripted("other", CLOUD, [model("b")])
    slow.gate = asyncio.Event()
    lists = Catalogue({"cloud": slow, "other": dead}, clock=time.clock(), own_keys=("cloud", "other"))
    dead.models = DOWN
    asked = asyncio.create_task(lists.sought(lambda names: names.resolve("a")))
    followed = asyncio.create_task(lists.listing("cloud", fresh=True))
    await asyncio.sleep(0)
    slow.gate.set()
    assert (await asked).provider == "cloud" and await followed and len(slow.listed) == 1
    with pytest.raises(ModelNotFound):
        await lists.sought(lambda names: names.resolve("b"))
    assert len(dead.listed) == 1, "who has failed is not waited for again"


async def test_the_first_lists_are_not_waited_for_without_end(time: Time) -> None:
    never = Scripted("cloud", CLOUD, [model("a")])
    never.gate = asyncio.Event()
    lists = catalogue(never, time, own_keys=("cloud",))
    await lists.begun(0.01)
    assert len(never.listed) == 1 and lists.names.find("a") is None
