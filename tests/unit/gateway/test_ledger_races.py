"""Whatever many requests do at the same time: nobody spends more than he has, and nothing stays reserved."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.errors import BudgetSpent, NotFound, RateLimited
from gateway.grants import NANO, period_start
from gateway.ledger import Call, Grant, Ledger
from gateway.prices import Prices
from providers.types import Usage

BUDGET, TPM, PARALLEL = 100, 500, 4
GRANT = Grant("k", tpm=TPM, max_parallel=PARALLEL, budget_usd=BUDGET, budget_period="day")
TOKENS = st.integers(0, 60)


class Crowd(RuleBasedStateMachine):
    """Calls are opened, routed again, answered, broken off and forgotten in any order; an answer is within its estimate."""

    def __init__(self):
        super().__init__()
        self.time, self.over, self.under_way = 1.7e9, [], {}
        prices = Prices([("openai/*", {"input": 1e6, "output": 1e6})])
        self.ledger = Ledger(settled=self.book, prices=prices, monotonic=lambda: self.time, now=lambda: self.time)

    def book(self, call: Call) -> None:
        self.over.append((self.time, call))

    @rule(seconds=st.sampled_from([0.0, 1.0, 30.0, 43_200.0]))
    def wait(self, seconds):
        self.time += seconds

    @rule(paid=TOKENS, made=TOKENS)
    def ask(self, paid, made):
        full = len(self.under_way) >= PARALLEL
        try:
            call = self.ledger.enter(GRANT, front="openai", operation="chat", model="m", request_id="r", stream=False)
            assert not full
        except RateLimited:
            assert full
            return
        call.__enter__()
        self._route(call, paid, made)

    @rule(data=st.data(), paid=TOKENS, made=TOKENS)
    def ask_another_provider(self, data, paid, made):
        if self.under_way:
            call = data.draw(st.sampled_from(list(self.under_way)))
            self._route(call, paid, made)

    def _route(self, call, paid, made):
        try:
            call.route("openai", "gpt-5", input_tokens=paid, max_output=made)
            self.under_way[call] = (paid, made)
        except (BudgetSpent, RateLimited) as error:
            self.under_way.pop(call, None)
            call.__exit__(type(error), error, None)

    @rule(data=st.data(), how=st.sampled_from(["ok", "twice", "error", "left", "forgotten"]))
    def end(self, data, how):
        if not self.under_way:
            return
        call = data.draw(st.sampled_from(list(self.under_way)))
        paid, made = self.under_way.pop(call)
        used = Usage(data.draw(st.integers(0, paid)), data.draw(st.integers(0, made)))
        if how in ("ok", "twice"):
            for _ in range(1 + (how == "twice")):
                call.settle("ok", usage=used, http_status=200)
        error = NotFound("No.") if how == "error" else GeneratorExit() if how == "left" else None
        call.__exit__(type(error) if error else None, error, None)

    @invariant()
    def nobody_spends_more_than_he_has(self):
        spent = sum(call.billed for at, call in self.over if at >= period_start("day", self.time))
        account = self.ledger.account("k")
        assert account.spending.of("day", self.time) == spent <= BUDGET * NANO
        held = sum(paid + made for paid, made in self.under_way.values())
        assert account.reserved == held * NANO

    @invariant()
    def every_call_is_under_way_or_over_once(self):
        assert self.ledger.account("k").running == len(self.under_way)
        over = [id(call) for _, call in self.over]
        assert len(over) == len(set(over)) and not {id(call) for call in self.under_way} & set(over)

    def teardown(self):
        for call in self.under_way:
            call.__exit__(None, None, None)
        account = self.ledger.account("k")
        assert (account.reserved, account.running) == (0, 0)


Crowd.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCrowd = Crowd.TestCase
