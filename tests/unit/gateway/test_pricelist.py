import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.facts import Listed, Price
from gateway.pricelist import PriceList


@pytest.fixture(scope="module")
def prices_of() -> PriceList:
    return PriceList()


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


def test_the_table_stays_outside_and_is_asked_once_for_each_name(prices_of, monkeypatch):
    before = set(sys.modules)  # another test of this process may have it already
    first = prices_of("openai", ["gpt-4o", "no-such-model"])
    assert not any(name.startswith("genai_prices") for name in sys.modules.keys() - before)
    monkeypatch.setattr(prices_of, "_table", Path("/no/such/program"))
    assert prices_of("openai", ["gpt-4o", "no-such-model"]) == first


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "print('no JSON')", "this is no Python"])
def test_a_table_that_cannot_be_read_is_no_price_and_is_tried_again_a_minute_later(tmp_path, program):
    table, time = tmp_path / "table.py", [0.0]
    table.write_text(program)
    prices = PriceList(table, now=lambda: time[0])
    with capture_logs() as told:
        assert prices("openai", ["gpt-4o"]) == {}
        table.write_text(
            """print('{"openai": {"gpt-4o": {"context": 9, "prices": {"input": [[-1, 1]], "output": [[-1, 2]]}}}}')"""
        )
        assert prices("openai", ["gpt-4o"]) == {}
    assert [line["event"] for line in told] == ["prices.unreadable"]
    time[0] = 61.0
    assert prices("openai", ["gpt-4o"])["gpt-4o"] == Listed(Price(1, 2), 9)


def test_nobody_waits_for_a_price():
    prices = PriceList()
    with prices._reading, pytest.raises(KeyError):  # it is read at the moment
        prices.get("openai", "gpt-4o-mini")
    prices.settle()
    assert prices.get("openai", "gpt-4o-mini").prices["input"] == [[-1, 0.15]]


def test_who_waits_for_the_table_finds_its_names_learned_by_who_went_before(tmp_path):
    table, runs = tmp_path / "table.py", tmp_path / "runs"
    table.write_text(
        f"""import json, sys
asked = json.load(sys.stdin)
with open({str(runs)!r}, "a") as told:
    print("run", file=told)
print(json.dumps({{seller: {{model: {{"context": 9, "prices": {{}}}} for model in asked[seller]}} for seller in asked if seller != "at"}}))
"""
    )
    prices = PriceList(table)
    with ThreadPoolExecutor(5) as threads:
        with prices._reading:
            asked = [threads.submit(prices, "openai", [f"m{number}"]) for number in range(5)]
            while len(prices._wanted) < 5:
                pass
        assert [one.result() for one in asked] == [{f"m{number}": Listed(None, 9)} for number in range(5)]
    assert runs.read_text() == "run\n"
