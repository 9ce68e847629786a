"""Who asks how much: every question to a model is entered here before it is asked, and settled once when it is over.

In memory and synchronous: it stands on the path of every request. Tokens and money are reserved when it is known who shall
answer (`route`) and trued up when it is known what that took (`settle`); a call is a context manager, so that no reservation
outlives its request. What was spent before a restart is read from the sums of the audit (`restore`).
"""

import time
from collections.abc import Callable, Mapping

from core.errors import BudgetSpent, ExpiredKey, ModelNotAllowed, MyelinError, Overloaded, PricePending, RateLimited, TooLarge
from gateway.calls import Call
from gateway.grants import NANO, BudgetPeriod, Grant, period_end
from gateway.limits import Account
from gateway.prices import Prices
from models import OPERATOR

__all__ = ["Call", "Grant", "Ledger"]

_UNLIMITED = Grant(OPERATOR, OPERATOR)


class Ledger:
    """Holds each key to its grant. `settled` is told every call that is over, also those that were refused."""

    def __init__(
        self,
        *,
        settled: Callable[[Call], None] = lambda call: None,
        prices: Prices | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ):
        self._settled, self.prices, self.monotonic, self.now = settled, prices or Prices(), monotonic, now
        self._accounts: dict[str, Account] = {}

    def account(self, key_id: str) -> Account:
        if (account := self._accounts.get(key_id)) is None:
            account = self._accounts[key_id] = Account()
        return account

    @property
    def running(self) -> dict[str, int]:
        """Calls under way, by key."""
        return {key_id: account.running for key_id, account in self._accounts.items() if account.running}

    def restore(self, spent: Mapping[str, Mapping[BudgetPeriod, int]]) -> None:
        """What each key has spent in the periods that run, in billionths of a US dollar."""
        for key_id, sums in spent.items():
            self.account(key_id).spending.restore(sums, self.now())

    def enter(
        self, grant: Grant | None, *, front: str, operation: str, model: str, request_id: str, stream: bool, paced: bool = True
    ) -> Call:
        """To be used as `with ledger.enter(…) as call:`. Without a grant there are no limits; without `paced` there is no pace:
        work that was accepted before waits for nothing but money.

        Raises ExpiredKey and RateLimited; a call that is refused is settled, too.
        """
        grant = grant or _UNLIMITED
        call = Call(self, grant, self.account(grant.key_id), front, operation, model, request_id, stream, paced)
        if paced:
            try:
                self._admit(grant, call)
            except MyelinError as error:
                call.settle("error", usage=None, http_status=error.front_status, error_code=error.code)
                raise
        return call

    def _admit(self, grant: Grant, call: Call) -> None:
        account = call.account
        if grant.expires_at is not None and self.now() >= grant.expires_at:
            raise ExpiredKey("This key has expired.")
        if grant.max_parallel is not None and account.running >= grant.max_parallel:
            detail = f"This key may ask {grant.max_parallel} at a time."
            raise RateLimited(detail, hint="Wait for an answer.", retry_after=1, headers=call.headers())
        if grant.rpm is not None and (wait := account.requests.take(1, grant.rpm, call.started_at)):
            detail = f"This key may ask {grant.rpm} times a minute."
            raise RateLimited(detail, hint="Ask again later.", retry_after=wait, headers=call.headers())

    def admit_target(self, call: Call, provider: str, model: str) -> None:
        """Raises ModelNotAllowed."""
        if not call.grant.allows(provider, model):
            hint = "GET /v1/models lists what it may use."
            raise ModelNotAllowed(f"This key may not use {provider[:60]}/{model[:120]}.", hint=hint, field="model")

    def reserve_tokens(self, call: Call, tokens: int, input_tokens: int) -> int:
        """Takes `tokens` of the key's minute; never more than a minute holds. Raises RateLimited and TooLarge."""
        tpm = call.grant.tpm
        tokens = min(tokens, tpm)
        if not call.paced:
            call.account.tokens.add(tokens, tpm, self.monotonic())
        elif input_tokens > tpm:
            detail = f"The request has about {input_tokens} tokens, this key may send {tpm} a minute."
            raise TooLarge(detail, hint="Send less at once.")
        elif wait := call.account.tokens.take(tokens, tpm, self.monotonic()):
            detail = f"This key may use {tpm} tokens a minute."
            hint = "Ask again later, or for less (max_tokens)."
            raise RateLimited(detail, hint=hint, retry_after=wait, headers=call.headers())
        return tokens

    def reserve_money(self, call: Call, ceiling: int) -> None:
        """Raises BudgetSpent, RateLimited while questions under way hold the rest (Overloaded for work that was accepted: it
        waits), and PricePending while no price can be told."""
        if call.unpriced:
            detail = f"The price of {call.served[:120]}, which this key's budget must hold, is being looked up."
            raise PricePending(detail, hint="Ask again in a moment.", retry_after=1)
        grant, account, now = call.grant, call.account, self.now()
        budget = round(grant.budget_usd * NANO)
        left = budget - account.spending.of(grant.budget_period, now)
        if left <= 0 or ceiling > left:
            raise BudgetSpent(_spent(left, ceiling, budget), hint=_until(grant, now))
        if account.reserved + ceiling > left:
            detail = "What is left of this key's budget is held by requests that are under way."
            if not call.paced:
                raise Overloaded(detail, retry_after=1)
            raise RateLimited(detail, hint="Wait for their answers.", retry_after=1, headers=call.headers())
        account.reserved += ceiling

    def over(self, call: Call) -> None:
        """For Call alone: it is settled, its reservations are gone."""
        self._settled(call)


def _spent(left: int, ceiling: int, budget: int) -> str:
    if left <= 0:
        return f"The budget of {_dollars(budget)} is spent."
    return f"The request may cost {_dollars(ceiling)}, {_dollars(left)} is left of the budget of {_dollars(budget)}."


def _dollars(nano: int) -> str:
    """In full: `$0.0000001`, `$5`."""
    return "$" + f"{nano / NANO:.9f}".rstrip("0").rstrip(".")


def _until(grant: Grant, now: float) -> str:
    end = period_end(grant.budget_period, now)
    if end is None:
        return "Ask the operator for a larger budget, or ask for less (max_tokens)."
    return f"It begins anew at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(end))}; until then ask for less (max_tokens)."
