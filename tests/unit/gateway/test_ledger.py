"""Keys are held to their grants, and every call is settled once."""

import asyncio
from pathlib import Path

import pytest

from core.errors import BudgetSpent, ExpiredKey, ModelNotAllowed, NotFound, PricePending, RateLimited, TooLarge
from gateway.grants import NANO
from gateway.ledger import Grant, Ledger
from gateway.pricelist import PriceList
from gateway.prices import Prices
from providers.types import Usage

ASKED = {"front": "openai", "operation": "chat", "model": "m", "request_id": "r", "stream": False}
DOLLAR_A_TOKEN = Prices([("openai/*", {"input": 1e6, "output": 1e6})])


class Desk:
    """A ledger whose times a test moves, and what was settled in it."""

    def __init__(self, prices=DOLLAR_A_TOKEN):
        self.time = 1_000_000.0
        self.over = []
        self.ledger = Ledger(settled=self.over.append, prices=prices, monotonic=lambda: self.time, now=lambda: self.time)

    def enter(self, grant, **asked):
        return self.ledger.enter(grant, **ASKED | asked)

    def ask(self, grant, tokens=(0, 0), used=None, provider="openai"):
        with self.enter(grant) as call:
            call.route(provider, "gpt-5", input_tokens=tokens[0], max_output=tokens[1])
            call.settle("ok", usage=used or Usage(*tokens), http_status=200)
        return call


@pytest.fixture
def desk():
    return Desk()


def test_a_call_is_settled_once_and_the_first_time_counts(desk):
    with desk.enter(Grant("k")) as call:
        assert desk.ledger.running == {"k": 1}
        call.settle("ok", usage=Usage(1, 2), http_status=200)
        call.settle("error", usage=None, http_status=500)
    assert desk.over == [call] and call.outcome == "ok" and not desk.ledger.running


@pytest.mark.parametrize(("error", "outcome", "status", "code"), [
    (NotFound("No."), "error", 404, "not_found"), (ZeroDivisionError(), "error", 500, "internal_error"),
    (asyncio.CancelledError(), "client_closed", 499, None), (GeneratorExit(), "client_closed", 499, None),
])  # fmt: skip
def test_what_nobody_settled_is_settled_at_the_end(desk, error, outcome, status, code):
    with pytest.raises(type(error)), desk.enter(None) as call:
        raise error
    assert desk.over == [call] and (call.outcome, call.http_status, call.error_code) == (outcome, status, code)
    assert not desk.ledger.running


@pytest.mark.parametrize(("outcome", "told", "usage"), [
    ("client_closed", 41, Usage(100, 11, estimated=True)), ("client_closed", 0, Usage(100, 0, estimated=True)),
    ("ok", 8, Usage(100, 2, estimated=True)), ("error", 8, Usage(100, 2, estimated=True)), ("error", 0, Usage()),
])  # fmt: skip
def test_what_no_provider_counted_is_estimated_from_what_was_told(desk, outcome, told, usage):
    with desk.enter(Grant("k")) as call:
        call.route("openai", "gpt-5", input_tokens=100, max_output=None)
        call.told(told)
        call.settle(outcome, usage=None, http_status=200)
    assert call.usage == usage and call.cost == (usage.input_tokens + usage.output_tokens) * NANO


def test_a_key_asks_only_so_many_at_a_time(desk):
    with desk.enter(Grant("k", max_parallel=1)):
        with pytest.raises(RateLimited):
            desk.enter(Grant("k", max_parallel=1))
        desk.enter(Grant("other", max_parallel=1))
    desk.enter(Grant("k", max_parallel=1))


def test_a_refused_call_is_settled_and_tells_the_limits(desk):
    grant = Grant("k", rpm=1)
    with desk.enter(grant), pytest.raises(RateLimited) as refused:
        desk.enter(grant)
    assert next((call.outcome, call.http_status, call.error_code) for call in desk.over) == ("error", 429, "rate_limited")
    assert dict(refused.value.headers)[b"x-ratelimit-remaining-requests"] == b"0"


@pytest.mark.parametrize("rpm", [1, 7, 60, 1000])
def test_a_key_may_use_its_minute_at_once_and_is_told_when_again(desk, rpm):
    grant = Grant("k", rpm=rpm)
    for _ in range(rpm):
        desk.enter(grant)
    with pytest.raises(RateLimited) as refused:
        desk.enter(grant)
    assert 0 < refused.value.retry_after <= 60 / rpm + 1e-6
    desk.time += refused.value.retry_after
    desk.enter(grant)


def test_tokens_that_were_reserved_and_not_used_are_given_back(desk):
    grant = Grant("k", tpm=1000)
    call = desk.ask(grant, (100, 900), used=Usage(100, 50))
    assert dict(call.headers())[b"x-ratelimit-remaining-tokens"] == b"850"
    desk.ask(grant, (100, 750), used=Usage(100, 1750))
    with pytest.raises(RateLimited) as owed:
        desk.ask(grant, (1, 0))
    assert 60 < owed.value.retry_after <= 60.1


def test_tokens_of_a_refused_request_are_not_taken(desk):
    grant = Grant("k", tpm=1000, budget_usd=10, budget_period="day")
    with pytest.raises(BudgetSpent):
        desk.ask(grant, (100, 500))
    assert desk.ledger.account("k").tokens.left(1000, desk.time) == 1000


def test_a_request_that_no_minute_holds_is_too_large_and_a_large_cap_waits_for_a_whole_minute(desk):
    grant = Grant("k", tpm=1000)
    with pytest.raises(TooLarge):
        desk.ask(grant, (1001, 0))
    assert desk.ask(grant, (10, 10**30), used=Usage(10, 10)).outcome == "ok"


def test_accepted_work_waits_for_no_pace_but_is_counted(desk):
    grant = Grant("k", rpm=1, tpm=10, max_parallel=1, expires_at=0.0)
    for _ in range(3):
        with desk.enter(grant, paced=False) as call:
            call.route("openai", "gpt-5", input_tokens=50, max_output=50)
    with pytest.raises(RateLimited):
        desk.ask(Grant("k", tpm=10), (1, 1))


def test_a_key_that_is_over_is_dead(desk):
    desk.enter(Grant("k", expires_at=desk.time + 0.1))
    with pytest.raises(ExpiredKey):
        desk.enter(Grant("k", expires_at=desk.time))


@pytest.mark.parametrize(("grant", "may"), [
    (Grant("k"), True), (Grant("k", models=("gpt-*",)), True), (Grant("k", models=("openai/gpt-5",)), True),
    (Grant("k", models=("claude-*",)), False), (Grant("k", providers=("ollama",)), False),
    (Grant("k", models=("GPT-5",)), False), (Grant("k", models=("gpt-5",), providers=("open*",)), True),
])  # fmt: skip
def test_a_key_uses_what_it_was_given(desk, grant, may):
    if may:
        assert desk.ask(grant).served == "gpt-5"
    else:
        with pytest.raises(ModelNotAllowed):
            desk.ask(grant)
        assert desk.over[-1].error_code == "model_not_allowed"


def test_money_is_reserved_at_the_most_and_paid_as_it_was(desk):
    grant = Grant("k", budget_usd=100, budget_period="day")
    with desk.enter(grant) as first:
        first.route("openai", "gpt-5", input_tokens=10, max_output=60)
        with pytest.raises(RateLimited):  # it may be there again in a moment
            desk.ask(grant, (10, 50))
        first.settle("ok", usage=Usage(10, 5), http_status=200)
    assert desk.ask(grant, (10, 75)).cost == 85 * NANO
    with pytest.raises(BudgetSpent):
        desk.ask(grant, (1, 0))
    assert desk.ledger.account("k").reserved == 0


@pytest.mark.parametrize(("period", "seconds"), [("day", 86400), ("week", 7 * 86400), ("month", 31 * 86400)])
def test_a_budget_begins_anew_with_its_period(desk, period, seconds):
    grant = Grant("k", budget_usd=1, budget_period=period)
    desk.ask(grant, (1, 0))
    with pytest.raises(BudgetSpent) as spent:
        desk.ask(grant, (1, 0))
    assert "begins anew at 1970-" in spent.value.hint
    desk.time += seconds
    desk.ask(grant, (1, 0))


def test_a_budget_for_all_time_never_begins_anew(desk):
    grant = Grant("k", budget_usd=1)
    desk.ask(grant, (1, 0))
    desk.time += 1e9
    with pytest.raises(BudgetSpent):
        desk.ask(grant, (1, 0))


def test_an_error_gives_the_money_back(desk):
    grant = Grant("k", budget_usd=1)
    with pytest.raises(NotFound), desk.enter(grant) as call:
        call.route("openai", "gpt-5", input_tokens=1, max_output=0)
        raise NotFound("No.")
    assert call.cost == 0 and desk.ledger.account("k").reserved == 0
    desk.ask(grant, (1, 0))


def test_who_is_asked_instead_takes_the_place_of_the_reservation(desk):
    grant = Grant("k", budget_usd=10, tpm=100)
    with desk.enter(grant) as call:
        for _ in range(5):
            call.route("openai", "gpt-5", input_tokens=4, max_output=4)
        assert desk.ledger.account("k").reserved == 8 * NANO
        assert desk.ledger.account("k").tokens.left(100, desk.time) == 92
    assert desk.ledger.account("k").reserved == 0


def test_a_negative_cap_reserves_nothing_that_others_could_use(desk):
    with desk.enter(Grant("k", budget_usd=1, tpm=10)) as call:
        call.route("openai", "gpt-5", input_tokens=1, max_output=-1000)
        assert desk.ledger.account("k").reserved == NANO
        assert desk.ledger.account("k").tokens.left(10, desk.time) == 9


def test_what_is_free_needs_no_money_and_the_own_key_pays_for_itself(desk):
    grant = Grant("k", budget_usd=0)
    assert desk.ask(grant, (5, 5), provider="ollama").cost == 0
    with desk.enter(grant) as call:
        call.route("openai", "gpt-5", input_tokens=5, max_output=5, own_key=True)
        call.settle("ok", usage=Usage(5, 5), http_status=200)
    assert (call.cost, call.billed) == (10 * NANO, 0)
    assert desk.ledger.account("k").spending.of("total", desk.time) == 0
    with pytest.raises(BudgetSpent):
        desk.ask(grant, (5, 5))


def test_a_budget_waits_for_the_prices_and_an_unknown_price_is_no_price():
    prices = Prices([("openai/*", {"input": 1})], listed=PriceList(Path("/no/such/table")))
    desk, grant = Desk(prices), Grant("k", budget_usd=1)
    with pytest.raises(PricePending):
        desk.ask(grant, (1, 1), provider="anthropic")
    assert desk.ask(grant, (0, 0), provider="anthropic").cost == 0, "what takes no tokens"
    assert desk.ask(Grant("k"), (1, 1), provider="anthropic").cost is None


def test_what_was_spent_before_the_start_is_spent(desk):
    desk.ledger.restore({"k": {"day": 0, "week": NANO, "month": NANO, "total": NANO}})
    desk.ask(Grant("k", budget_usd=1, budget_period="day"), (1, 0))
    with pytest.raises(BudgetSpent):
        desk.ask(Grant("k", budget_usd=2, budget_period="week"), (1, 0))


def test_counts_beyond_reason_are_cut(desk):
    call = desk.ask(Grant("k"), used=Usage(-5, 10**40))
    assert call.usage == Usage(0, 1_000_000_000, estimated=True)


def test_a_key_without_rates_has_no_headers_about_them(desk):
    assert desk.ask(Grant("k")).headers() == []


@pytest.mark.parametrize(
    ("budget", "tokens", "said"),
    [
        (1e-7, 50, "The request may cost $50, $0.0000001 is left of the budget of $0.0000001."),
        (100, 101, "The request may cost $101, $100 is left of the budget of $100."),
        (0, 1, "The budget of $0 is spent."),
    ],
)
def test_money_is_written_out(desk, budget, tokens, said):
    with pytest.raises(BudgetSpent) as refused:
        desk.ask(Grant("k", budget_usd=budget), (tokens, 0))
    assert refused.value.detail == said
