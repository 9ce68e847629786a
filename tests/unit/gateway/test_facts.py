from dataclasses import replace

import pytest

from gateway.facts import FREE, Listed, Price, completed, described
from providers.base import ProviderSpec
from providers.types import Capabilities, ModelInfo

EVERYTHING = Capabilities(embed=True, json_schema=True, vision=True, tools=True, thinking=True)
CLOUD = ProviderSpec("cloud", "Cloud", "https://x", "KEY", "https://x", EVERYTHING)
LOCAL = replace(CLOUD, name="box", capabilities=replace(EVERYTHING, local=True, needs_key=False))
TELLING = replace(LOCAL, lists_capabilities=True)
PRICE = Price(2.5, 10.0, 1.25)


def test_what_the_list_leaves_out_is_completed_from_the_makers_documents():
    info = completed(ModelInfo("gpt-4o-mini", "cloud", capabilities=("extra",)), CLOUD)
    assert (info.context, info.output_limit) == (128_000, 16_384)
    assert info.capabilities == ("extra", "completion", "tools", "vision", "json_schema")


def test_what_the_list_says_holds():
    info = completed(ModelInfo("gpt-4o", "cloud", context=64_000, output_limit=100), CLOUD)
    assert (info.context, info.output_limit) == (64_000, 100)


def test_a_local_model_with_a_famous_name_is_what_its_owner_made_of_it():
    info = ModelInfo("gpt-4o", "box")
    assert completed(info, LOCAL) is info
    assert described(info, LOCAL, None).supports.vision is None


def test_what_nobody_says_is_unknown_never_false():
    supports = described(ModelInfo("something", "cloud"), CLOUD, None).supports
    assert set(map(supports.__getattribute__, supports.__slots__)) == {None}


def test_a_list_that_tells_all_denies_what_it_leaves_out():
    supports = described(ModelInfo("m", "box", capabilities=("completion", "vision")), TELLING, None).supports
    assert (supports.chat, supports.vision, supports.tools, supports.thinking, supports.embeddings) == (
        True, True, False, False, None,
    )  # fmt: skip
    embeds = described(ModelInfo("m", "box", capabilities=("embedding",)), TELLING, None).supports
    assert (embeds.chat, embeds.embeddings) == (False, True), "one that chats may embed, one that embeds does not chat"
    told = described(ModelInfo("m", "box", capabilities=()), TELLING, None).supports
    assert told.tools is None, "a list that is silent of a model denies nothing"


def test_a_list_that_tells_some_leaves_the_rest_open():
    supports = described(ModelInfo("m", "cloud", capabilities=("completion",)), CLOUD, None).supports
    assert (supports.chat, supports.streaming, supports.vision) == (True, True, None)


def test_what_the_adapter_cannot_carry_no_model_has():
    blind = replace(CLOUD, capabilities=replace(EVERYTHING, vision=False, tools=False, stream=False))
    supports = described(ModelInfo("gpt-4o", "cloud"), blind, None).supports
    assert (supports.chat, supports.vision, supports.tools, supports.streaming) == (True, False, False, False)


@pytest.mark.parametrize("capabilities, schema", [(("completion",), True), (("embedding",), False), ((), None)])
def test_a_local_server_keeps_every_model_that_answers_to_a_schema(capabilities, schema):
    assert described(ModelInfo("m", "box", capabilities=capabilities), LOCAL, None).supports.json_schema is schema


def test_a_model_for_vectors_does_not_chat():
    supports = described(ModelInfo("m", "cloud", capabilities=("embedding",)), CLOUD, None).supports
    assert (supports.chat, supports.streaming, supports.embeddings) == (False, False, True)


def test_prices_and_contexts_come_from_the_list_of_prices():
    listed = Listed(PRICE, 9_999)
    model = described(ModelInfo("some-model", "cloud"), CLOUD, listed)
    assert (model.price, model.info.context, model.price.dearest, model.local) == (PRICE, 9_999, 10.0, False)
    assert described(ModelInfo("some-model", "cloud", context=5), CLOUD, listed).info.context == 5
    assert described(ModelInfo("other", "cloud"), CLOUD, None).price is None


def test_what_runs_here_is_free_and_what_is_only_forwarded_has_no_known_price():
    here = described(ModelInfo("m", "box"), LOCAL, None)
    forwarded = described(ModelInfo("m:cloud", "box", capabilities=("completion", "remote")), LOCAL, None)
    assert (here.price, here.local, forwarded.price, forwarded.local) == (FREE, True, None, False)


def test_the_name_of_a_model_is_unique_with_its_provider():
    model = described(ModelInfo("a/b:1", "elsewhere"), CLOUD, None)
    assert (model.id, model.provider, model.name) == ("cloud/a/b:1", "cloud", "a/b:1")


@pytest.mark.parametrize("text, year", [("2025-03-01T10:00:00.123456789-07:00", 2025), (None, None), ("soon", None)])
def test_the_date_of_a_model_is_read_or_unknown(text, year):
    changed = described(ModelInfo("m", "cloud", modified_at=text), CLOUD, None).changed_at
    assert (changed and changed.year) == year
