import asyncio
import itertools
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace

import pytest

from core.clock import Clock
from core.errors import (
    InvalidField,
    ModelNotInstalled,
    ModelOutOfMemory,
    ModelUnable,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from gateway.catalogue import Catalogue
from gateway.facts import Listed
from gateway.retry import Retry, RetryPolicy
from gateway.service import Gateway, Target
from providers.types import Capabilities, ChatRequest, Message
from tests.unit.gateway.scripted import CLOUD, LOCAL, Scripted, model

GIB = 1 << 30
DOWN = ProviderUnreachable("Box cannot be reached.")
BUSY = ProviderRateLimited("Box is busy.", retry_after=0)
ASK = ChatRequest("", (Message.of("user", "?"),), api_key="k")


def house(*providers: Scripted, own_keys: tuple[str, ...] = (), **more: object) -> Gateway:
    named: Mapping[str, Scripted] = {provider.spec.name: provider for provider in providers}
    catalogue = Catalogue(named, clock=Clock(monotonic=lambda: 0.0))
    retry = Retry(RetryPolicy(tries=2, first=0))
    return Gateway(named, catalogue, retry=retry, own_keys=own_keys, **more)


def box(models: object = (model("b:8b", size=5 * GIB, context=32768),), replies: object = ("ok",)) -> Scripted:
    return Scripted("box", LOCAL, models, replies)


def cloud(
    models: object = (model("gemini-3.5-flash", context=1_000_000),), replies: object = ("ok",), **more: object
) -> Scripted:
    return Scripted("cloud", CLOUD, models, replies, **more)


async def test_an_unknown_provider_is_named_with_the_known_ones() -> None:
    gateway = house(box(), cloud())
    for call in (lambda: gateway.capabilities("bix"), lambda: gateway.has_key("bix", None)):
        with pytest.raises(InvalidField) as caught:
            call()
        assert caught.value.field == "AI-Provider" and "box, cloud, builtin, auto" in caught.value.hint
    with pytest.raises(InvalidField):
        await gateway.route("bix", "m", api_key=None)
    with pytest.raises(InvalidField):
        await gateway.models("bix")
    assert gateway.names == ("box", "cloud") and gateway.capabilities("box") is LOCAL


async def test_the_builtin_finder_needs_no_target() -> None:
    assert await house(box()).route("builtin", "auto", api_key=None) is None


async def test_what_was_requested_is_not_questioned() -> None:
    one = box(DOWN)
    assert await house(one).route("box", "any:1b", api_key=None) == Target("box", "any:1b", "requested")
    assert one.listed == []


@pytest.mark.parametrize("word", ["auto", ""])
async def test_a_named_provider_may_choose_the_model(word: str) -> None:
    target = await house(box()).route("box", word, api_key=None)
    assert (target.provider, target.model, target.automatic) == ("box", "b:8b", False)
    assert target.because.startswith("auto: ") and "largest sensible" in target.because


async def test_a_named_provider_without_models_says_what_to_do() -> None:
    with pytest.raises(ModelNotInstalled) as caught:
        await house(box([])).route("box", "auto", api_key=None)
    assert "/models/download" in caught.value.hint
    with pytest.raises(ProviderUnreachable):
        await house(box(DOWN)).route("box", "auto", api_key=None)


@pytest.mark.parametrize(
    ("priority", "key", "own", "chosen"),
    [
        ("normal", "k", (), "box"), ("batch", "k", (), "box"), ("urgent", "k", (), "cloud"),
        ("urgent", None, ("cloud",), "cloud"), ("urgent", None, (), "box"), ("normal", None, (), "box"),
    ],
)  # fmt: skip
async def test_auto_prefers_by_priority_and_keys(priority: str, key: str | None, own: tuple[str, ...], chosen: str) -> None:
    target = await house(box(), cloud(), own_keys=own).route("auto", "auto", api_key=key, priority=priority)
    assert target.provider == chosen and target.automatic and target.because.startswith(f"auto: {chosen.title()} with ")


async def test_auto_passes_over_a_provider_that_is_down_and_says_so() -> None:
    target = await house(box(DOWN), cloud()).route("auto", "auto", api_key="k")
    assert target.provider == "cloud" and "Box cannot be reached" in target.because


async def test_auto_passes_over_a_provider_without_models() -> None:
    target = await house(box([]), cloud()).route("auto", "auto", api_key="k")
    assert target.provider == "cloud" and "Box has no model that can answer" in target.because


async def test_auto_does_not_trust_names_known_by_heart() -> None:
    refused = ProviderAuthFailed("Cloud refused the API key.")
    lone = cloud(refused, known=(model("gemini-2.5-flash"),))
    assert await house(lone).route("auto", "auto", api_key="bad") is None
    assert (await house(lone).route("cloud", "auto", api_key="bad")).model == "gemini-2.5-flash"


async def test_auto_without_anybody_is_the_builtin_finder() -> None:
    assert await house(box(DOWN), cloud()).route("auto", "auto", api_key=None) is None
    assert await house().route("auto", "auto", api_key="k") is None


@pytest.mark.parametrize(
    ("named", "provider", "chosen"),
    [("gemini-3.5-flash", "cloud", "gemini-3.5-flash"), ("b:8b", "box", "b:8b")],
)
async def test_auto_with_a_model_goes_where_that_model_is(named: str, provider: str, chosen: str) -> None:
    target = await house(box(), cloud()).route("auto", named, api_key="k")
    assert (target.provider, target.model) == (provider, chosen)


async def test_auto_never_exchanges_a_named_model_in_silence() -> None:
    with pytest.raises(ModelNotInstalled, match="nobody-has-it: Box does not have it; Cloud does not have it") as raised:
        await house(box(), cloud()).route("auto", "nobody-has-it", api_key="k")
    assert "/models/download" in raised.value.hint and "Model: auto" in raised.value.hint


@pytest.mark.parametrize(("provider", "named"), [("auto", "e-1"), ("auto", "e-1:latest"), ("auto", "box/e-1"), ("box", "e-1")])
async def test_a_model_that_only_embeds_is_not_exchanged_either(provider: str, named: str) -> None:
    embeds = model("e-1:latest", capabilities=("embedding",))
    local = box([embeds, model("b:8b")])
    local.spec = replace(local.spec, lists_capabilities=True)
    gateway = house(local, cloud(), own_keys=("cloud",))
    await gateway.models("box")
    with pytest.raises(ModelUnable, match="e-1:latest does not chat") as raised:
        await gateway.route(provider, named, api_key=None)
    assert raised.value.hint == "Some that chat: b:8b." and raised.value.field == "model"


@pytest.mark.parametrize(
    ("provider", "named", "led"),
    [
        ("auto", "box/b:8b", "box/b:8b"), ("auto", "fast", "cloud/gemini-3.5-flash"), ("auto", "maker/of-it", "cloud/maker/of-it"),
        ("auto", "cloud/unlisted", "cloud/unlisted"), ("cloud", "cloud/unlisted", "cloud/unlisted"),
        ("cloud", "cloud/auto", "cloud/cloud/auto"),
    ],
)  # fmt: skip
async def test_a_document_names_models_as_all_clients_do(provider: str, named: str, led: str) -> None:
    far = cloud([model("gemini-3.5-flash"), model("maker/of-it"), model("cloud/auto")])
    providers = {"box": box(), "cloud": far}
    catalogue = Catalogue(providers, own_keys=("cloud",), aliases={"fast": "cloud/gemini-3.5-flash"})
    await asyncio.gather(catalogue.listing("box"), catalogue.listing("cloud"))
    target = await Gateway(providers, catalogue, own_keys=("cloud",)).route(provider, named, api_key=None)
    assert (f"{target.provider}/{target.model}", target.because, target.automatic) == (led, "requested", False)


async def test_the_size_of_a_local_model_can_be_capped() -> None:
    models = [model("s:1b", size=GIB), model("b:8b", size=5 * GIB)]
    assert (await house(box(models), largest_local=2 * GIB).route("auto", "auto", api_key=None)).model == "s:1b"


async def test_what_is_known_of_a_model_is_that_of_the_list() -> None:
    gateway = house(box(), cloud(), Scripted("dead", LOCAL, DOWN))
    known = [await gateway.model_info(Target(name, of, ""), "k") for name, of in
              (("box", "b:8b"), ("box", "x"), ("cloud", "gemini-3.5-flash"), ("dead", "x"))]  # fmt: skip
    assert [info and info.context for info in known] == [32768, None, 1_000_000, None]


async def test_what_the_list_leaves_out_comes_from_the_makers_and_from_the_list_of_prices() -> None:
    sky = Scripted("sky", CLOUD, [model("gpt-4o", capabilities=()), model("unheard-of", capabilities=())])
    catalogue = Catalogue({"sky": sky}, own_keys=["sky"], prices_of=lambda provider, names: {"unheard-of": Listed(None, 777_000)})
    gateway = Gateway({"sky": sky}, catalogue, own_keys=["sky"])
    known = await gateway.model_info(Target("sky", "gpt-4o", ""), None)
    assert (known.context, "vision" in known.capabilities) == (128_000, True)
    rumour = await gateway.model_info(Target("sky", "unheard-of", ""), None)
    assert (rumour.context, rumour.capabilities) == (777_000, ())


async def test_a_model_that_is_not_in_a_kept_list_is_looked_for_once_more() -> None:
    one, ticks = box(), itertools.count()
    catalogue = Catalogue({"box": one}, local_ttl=100.0, clock=Clock(monotonic=lambda: float(next(ticks))))
    gateway = Gateway({"box": one}, catalogue)
    for _ in range(2):
        assert (await gateway.model_info(Target("box", "b:8b", ""), None)).context == 32768
    assert len(one.listed) == 1
    assert await gateway.model_info(Target("box", "just-installed:1b", ""), None) is None
    assert len(one.listed) == 2


async def test_a_completion_says_who_gave_it_and_asks_for_the_model_of_the_target() -> None:
    one = box()
    target = Target("box", "b:8b", "requested")
    reply = await house(one).complete(target, ASK)
    assert (reply.text, reply.model, reply.model_version, reply.target) == ("ok", "b:8b", "v1", target)
    assert [(sent.model, sent.messages, sent.api_key) for sent in one.asked] == [("b:8b", ASK.messages, "k")]


async def test_a_hiccup_is_tried_again() -> None:
    one = box(replies=[DOWN, "ok"])
    assert (await house(one).complete(Target("box", "b", "requested"), ASK)).text == "ok"
    assert len(one.asked) == 2


OVERLOADED = [DOWN, BUSY, ProviderTimeout("Box is slow."), ModelOutOfMemory("b does not fit.")]


@pytest.mark.parametrize("error", OVERLOADED, ids=lambda error: error.code)
async def test_an_overloaded_box_is_replaced_by_the_cloud_when_the_choice_was_ours(error: ProviderError) -> None:
    local, far = box(replies=[error]), cloud()
    reply = await house(local, far).complete(Target("box", "b:8b", "auto: x", automatic=True), ASK)
    assert (reply.target.provider, reply.target.model, reply.model) == ("cloud", "gemini-3.5-flash", "gemini-3.5-flash")
    assert error.detail.rstrip(".") in reply.target.because and reply.target.because.startswith("auto: ")


@pytest.mark.parametrize("error", OVERLOADED, ids=lambda error: error.code)
async def test_who_chose_a_provider_keeps_it(error: ProviderError) -> None:
    far = cloud()
    with pytest.raises(type(error)):
        await house(box(replies=[error]), far).complete(Target("box", "b:8b", "requested"), ASK)
    assert far.asked == [] and far.listed == []


@pytest.mark.parametrize(
    "error", [ProviderRefused("no."), ModelNotInstalled("no."), ProviderAuthFailed("no.")], ids=lambda error: error.code
)
async def test_a_refusal_is_not_an_overload(error: ProviderError) -> None:
    far = cloud()
    with pytest.raises(type(error)):
        await house(box(replies=[error]), far).complete(Target("box", "b:8b", "auto: x", automatic=True), ASK)
    assert far.asked == []


async def test_without_a_key_nobody_steps_in() -> None:
    far = cloud()
    with pytest.raises(ProviderUnreachable):
        asked = ChatRequest("", (Message.of("user", "?"),))
        await house(box(replies=[DOWN]), far).complete(Target("box", "b:8b", "auto: x", automatic=True), asked)
    assert far.asked == []


async def test_when_both_fail_the_first_error_is_told() -> None:
    with pytest.raises(ProviderUnreachable) as caught:
        failing = cloud(replies=[ProviderRefused("Cloud refused.")])
        await house(box(replies=[DOWN]), failing).complete(Target("box", "b:8b", "auto: x", automatic=True), ASK)
    assert caught.value is DOWN


async def test_the_cloud_is_not_replaced_by_the_box() -> None:
    local = box()
    with pytest.raises(ProviderRateLimited):
        target = Target("cloud", "gemini-3.5-flash", "auto: x", automatic=True)
        await house(local, cloud(replies=[BUSY])).complete(target, ASK)
    assert local.asked == []


async def test_a_cancellation_passes_through() -> None:
    local, far = box(replies=[asyncio.CancelledError()]), cloud()
    with pytest.raises(asyncio.CancelledError):
        await house(local, far).complete(Target("box", "b:8b", "auto: x", automatic=True), ASK)
    assert len(local.asked) == 1 and far.asked == []


async def test_a_model_that_is_listed_is_not_said_to_be_unknown() -> None:
    far, near = Scripted("far", Capabilities(needs_key=False), [model("embed-1")]), box()
    gateway, unknown = house(near, far), ModelNotInstalled("Far has no model embed-1.")
    await asyncio.gather(gateway.models("far"), gateway.models("box"))
    told = gateway.cured(Target("far", "embed-1", ""), unknown, "chat")
    assert (type(told), told.front_status, told.detail) == (ModelUnable, 400, "embed-1 does not chat there.")
    missed = gateway.cured(Target("far", "embed-2", ""), unknown, "chat")
    assert (missed.status, missed.field) == (404, "model") and "embed-1" in missed.hint
    gone = gateway.cured(Target("box", "b:8b", ""), unknown, "chat")
    assert gone.status == 404, "a local model may have gone this moment"


@pytest.mark.parametrize("kinds, hint", [
    (("completion",), "Some that make embeddings: e-1, e-2."), ((), "Some that make embeddings: e-1, e-2."),
])  # fmt: skip
async def test_a_model_that_is_known_not_to_embed_is_not_asked_and_one_of_which_nothing_is_known_is(kinds, hint) -> None:
    far = Scripted("far", Capabilities(embed=True, needs_key=False), [replace(model("c-1"), capabilities=kinds)])
    far.spec = replace(far.spec, lists_capabilities=True)
    sells = [replace(model(name), capabilities=("embedding",)) for name in ("e-1", "e-2")]
    shop = Scripted("shop", Capabilities(embed=True, needs_key=False), sells)
    gateway = house(shop, far)
    await asyncio.gather(gateway.models("far"), gateway.models("shop"))
    target = Target("far", "c-1", "")
    gateway.must_be_able(target, "chat")
    with pytest.raises(ModelUnable) if kinds else nullcontext():
        gateway.must_be_able(target, "embeddings")
    assert gateway.cured(target, ModelUnable("No."), "embeddings").hint == hint
    nobody = gateway.cured(target, ModelUnable("No."), "embeddings", lambda provider, _: provider == "far")
    assert nobody.hint == "No model that is known here makes embeddings."
