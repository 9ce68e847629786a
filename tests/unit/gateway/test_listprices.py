import pytest

from gateway.listprices import ListPrices


@pytest.fixture(scope="module")
def price_of() -> ListPrices:
    return ListPrices()


@pytest.mark.parametrize("provider, model", [("openai", "gpt-4o"), ("anthropic", "claude-3-haiku"), ("gemini", "gemini-2.5-flash"),
                                             ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0"), ("grok", "grok-3")])  # fmt: skip
def test_models_of_the_clouds_have_a_price(price_of, provider, model):
    listed = price_of(provider, model)
    assert 0 < listed.price.input <= listed.price.output


def test_a_price_is_in_usd_per_million_tokens(price_of):
    price = price_of("openai", "gpt-4o").price
    assert (price.input, price.output, price.cache_read) == (2.5, 10.0, 1.25)
    assert price_of("openai", "gpt-4o").context == 128_000


def test_an_embedding_costs_what_it_reads(price_of):
    price = price_of("openai", "text-embedding-3-small").price
    assert price.input > 0 and price.output == 0


@pytest.mark.parametrize(
    "provider, model", [("openai", "no-such-model"), ("my-openai-host", "gpt-4o"), ("", ""), ("openai", "whisper-1")]
)
def test_what_is_not_listed_by_that_provider_has_no_price(price_of, provider, model):
    listed = price_of(provider, model)
    assert listed is None or listed.price is None


def test_an_answer_is_remembered(price_of):
    assert price_of("openai", "gpt-4o") is price_of("openai", "gpt-4o")
