"""Costs: the operator's table first, then list prices, each bucket apart, and what is unknown stays unknown."""

import pytest

from gateway.pricelist import PriceList, Row
from gateway.prices import FREE, Prices, rates_of
from providers.types import Usage

#: Sunday, 2026-03-01: prices of the list are of that day for good.
DAY = 1_772_323_200.0


@pytest.fixture(scope="module")
def listed():
    return Prices(local=["ollama"], listed=PriceList(now=lambda: DAY))


def rates(prices, provider, model):
    """Those that are known once the list has been asked."""
    if prices.rates(provider, model)[1]:
        prices._listed.settle()
    return prices.rates(provider, model)[0]


def test_every_bucket_has_its_price():
    rates = rates_of({"input": 1, "output": 10, "cache_read": 0.1, "cache_write": 1.25, "reasoning": 20})
    usage = Usage(1000, 100, cache_read=10_000, cache_write=200, output_reasoning=7)
    assert rates.cost(usage) == 1000 * 1000 + 100 * 10_000 + 10_000 * 100 + 200 * 1250 + 7 * 20_000


def test_what_has_no_price_of_its_own_costs_what_its_kind_costs():
    rates = rates_of({"input": 2, "output": 4})
    assert (rates.cache_read, rates.cache_write, rates.reasoning) == (rates.input, rates.input, rates.output)


@pytest.mark.parametrize(
    "usage", [Usage(5, 7), Usage(0, 0, cache_write=5, output_reasoning=7), Usage(2, 3, cache_read=3, output_reasoning=4)]
)
def test_the_ceiling_is_above_whatever_the_tokens_turn_out_to_be(usage):
    rates = rates_of({"input": 1, "output": 10, "cache_read": 3, "cache_write": 1.25, "reasoning": 20})
    assert rates.cost(usage) <= rates.ceiling(5, 7)


def test_the_first_pattern_of_the_operator_that_fits_holds_and_goes_before_all_lists(listed):
    table = [("openai/gpt-5*", {"input": 7}), ("*", {"input": 8}), ("openai/*", {"input": 9}), ("ollama/*", {"input": 1})]
    prices = Prices(table, local=["ollama"])
    assert prices.rates("openai", "gpt-5-mini")[0].input == 7000
    assert prices.rates("openai", "o3")[0].input == 8000 and prices.rates("ollama", "gemma3:1b")[0].input == 8000
    assert not prices.rates("openai", "o3")[1]


def test_what_runs_here_is_free_and_needs_no_list():
    prices = Prices(local=["ollama"], listed=None)
    prices._listed = None
    assert prices.rates("ollama", "gpt-5")[0] is FREE and not prices.rates("ollama", "gpt-5")[1]


@pytest.mark.parametrize(("provider", "model", "paid", "made"), [
    ("openai", "gpt-4o-mini", 150, 600), ("openai", "gpt-4o-mini-2024-07-18", 150, 600),
    ("anthropic", "claude-3-5-haiku-20241022", 800, 4000), ("gemini", "gemini-2.0-flash", 100, 400),
    ("openai", "text-embedding-3-small", 20, 0),
])  # fmt: skip
def test_list_prices(listed, provider, model, paid, made):
    found = rates(listed, provider, model)
    assert (found.input, found.output) == (pytest.approx(paid), pytest.approx(made))
    assert listed.rates(provider, model)[0] is found


@pytest.mark.parametrize(("provider", "model"), [("openai", "no-such-model"), ("house", "gpt-4o-mini"), ("openai", "")])
def test_what_is_not_on_the_list_has_no_price(listed, provider, model):
    assert rates(listed, provider, model) is None and not listed.rates(provider, model)[1]


class Late:
    """A list that knows a price when it is asked for the fourth time."""

    asked = 0

    def get(self, provider, model):
        self.asked += 1
        if self.asked < 4:
            raise KeyError(model)
        return Row(None, {"input": [(-1, 1.0)], "output": [(-1, 2.0)]})


async def test_a_price_that_is_looked_up_is_waited_for_but_not_for_ever():
    prices = Prices(listed=Late())
    await prices.looked_up("openai", "gpt-5", seconds=0)
    assert prices.rates("openai", "gpt-5") == (None, True)
    await prices.looked_up("openai", "gpt-5")
    assert prices.rates("openai", "gpt-5")[0].output == 2000


def test_a_long_request_pays_the_dearer_rate_for_all_its_tokens(listed):
    found = rates(listed, "gemini", "gemini-2.5-pro")
    assert found.cost(Usage(200_000, 0)) == 200_000 * 1250
    assert found.cost(Usage(200_000, 10, cache_read=1)) == 200_000 * 2500 + 10 * 15_000 + 250


def test_the_list_agrees_with_its_makers(listed):
    from genai_prices import Usage as Theirs
    from genai_prices import calc_price

    for input_tokens in (1000, 250_000):
        ours = rates(listed, "anthropic", "claude-sonnet-4-5").cost(Usage(input_tokens, 500, False, 3000, 700))
        used = {"input_tokens": input_tokens + 3700, "cache_read_tokens": 3000, "cache_write_tokens": 700, "output_tokens": 500}
        theirs = calc_price(Theirs(**used), "claude-sonnet-4-5", provider_id="anthropic").total_price
        assert ours == pytest.approx(float(theirs) * 1e9)


def test_a_price_that_changed_is_the_price_from_then_on():
    time, asked = [DAY], []
    table = PriceList(now=lambda: time[0])
    table._read = lambda names: (
        asked.append(names) or {name: Row(None, {"input": [(-1, len(asked))], "output": [(-1, 0)]}) for name in names}
    )
    prices = Prices(listed=table)
    assert rates(prices, "openai", "x").input == 1000
    time[0] += 3600
    assert prices.rates("openai", "x")[0].input == 1000  # of the hour before, until it is looked up
    table.settle()
    assert prices.rates("openai", "x")[0].input == 2000 and len(asked) == 2
