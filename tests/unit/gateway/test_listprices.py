import sys

import pytest

from gateway.listprices import ListPrices


@pytest.fixture(scope="module")
def prices_of() -> ListPrices:
    return ListPrices()


@pytest.mark.parametrize(
    "provider, model",
    [
        ("openai", "gpt-4o"),
        ("anthropic", "claude-3-haiku"),
        ("gemini", "gemini-2.5-flash"),
        ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("grok", "grok-3"),
    ],
)
def test_models_of_the_clouds_have_a_price(prices_of, provider, model):
    price = prices_of(provider, [model])[model].price
    assert 0 < price.input <= price.output


def test_a_price_is_in_usd_per_million_tokens(prices_of):
    listed = prices_of("openai", ["GPT-4o"])["GPT-4o"]
    assert (listed.price.input, listed.price.output, listed.price.cache_read) == (2.5, 10.0, 1.25)
    assert listed.context == 128_000


def test_an_embedding_costs_what_it_reads(prices_of):
    price = prices_of("openai", ["text-embedding-3-small"])["text-embedding-3-small"].price
    assert price.input > 0 and price.output == 0


@pytest.mark.parametrize("provider, model", [("openai", "no-such-model"), ("my-openai-host", "gpt-4o"), ("", "")])
def test_what_is_not_listed_by_that_provider_is_left_out(prices_of, provider, model):
    assert prices_of(provider, [model]) == {}


def test_what_is_paid_by_the_hour_has_no_price_for_tokens(prices_of):
    assert prices_of("openai", ["whisper-1"])["whisper-1"].price is None


def test_the_table_is_let_go_and_read_again_only_for_what_was_not_asked_before(prices_of, monkeypatch):
    first = prices_of("openai", ["gpt-4o", "no-such-model"])
    assert "genai_prices.data" not in sys.modules
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)  # an import would fail
    assert prices_of("openai", ["gpt-4o", "no-such-model"]) == first
    with pytest.raises(ImportError):
        prices_of("openai", ["gpt-4o-mini-never-asked-before"])
