"""One question to a model while it is under way: what it reserved, what it told, and how it ended."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self

from core.errors import MyelinError
from gateway.asking import Attempts
from gateway.grants import Grant
from gateway.limits import Account, Rate
from gateway.prices import Prices, Rates
from providers.types import USUAL_CHARACTERS_PER_TOKEN, FinishReason, Usage

Outcome = Literal["ok", "error", "client_closed"]
#: What a client that hung up is answered in the audit (nginx's 499).
CLIENT_CLOSED = 499
_MOST_TOKENS = 1_000_000_000
#: Without a cap of the client's own an answer is expected to take this many tokens.
EXPECTED_OUTPUT = 1024
_NOTHING = Usage()
_REQUESTS = (b"x-ratelimit-limit-requests", b"x-ratelimit-remaining-requests", b"x-ratelimit-reset-requests")
_TOKENS = (b"x-ratelimit-limit-tokens", b"x-ratelimit-remaining-tokens", b"x-ratelimit-reset-tokens")


class Keeper(Protocol):
    """What a call needs of its ledger; what raises has reserved nothing."""

    prices: Prices

    def monotonic(self) -> float: ...

    def now(self) -> float: ...

    def admit_target(self, call: "Call", provider: str, model: str) -> None: ...

    def reserve_tokens(self, call: "Call", tokens: int, input_tokens: int) -> int: ...

    def reserve_money(self, call: "Call", ceiling: int) -> None: ...

    def over(self, call: "Call") -> None: ...


class Call:
    """`with ledger.enter(…) as call:`. What nobody settled is settled when the block is left.

    `model` is the name that was asked for, `provider` and `served` who answered; `started_at`, `first_at` and `ended_at` are
    monotonic seconds, 0.0 for what has not come. `cost` is the price of the answer in billionths of a US dollar, None when
    the price is unknown; `billed` is what of it this house pays: nothing for an answer that the client's own key pays.
    `unpriced` says that the price is being looked up. `attempts` is given to the gateway, which counts in it.
    """

    __slots__ = (
        "_characters", "_entered", "_input_tokens", "_ledger", "_rates", "_reserved_money", "_reserved_tokens",
        "account", "attempts", "cost", "ended_at", "error_code", "finish_reason", "first_at", "front", "grant",
        "http_status", "model", "operation", "outcome", "own_key", "paced", "provider", "request_id", "served",
        "started_at", "stream", "unpriced", "usage",
    )  # fmt: skip

    def __init__(
        self, ledger: Keeper, grant: Grant, account: Account, front: str, operation: str, model: str, request_id: str,
        stream: bool, paced: bool,
    ):  # fmt: skip
        self._ledger, self.grant, self.account, self.front, self.operation = ledger, grant, account, front, operation
        self.model, self.request_id, self.stream, self.paced = model, request_id, stream, paced
        self.started_at = ledger.monotonic()
        self.first_at = self.ended_at = 0.0
        self.provider = self.served = ""
        self.own_key = self.unpriced = self._entered = False
        self._rates: Rates | None = None
        self._characters = self._input_tokens = self._reserved_tokens = self._reserved_money = 0
        self.outcome: Outcome | None = None
        self.usage = _NOTHING
        self.cost: int | None = 0
        self.http_status = 0
        self.attempts = Attempts()
        self.error_code: str | None = None
        self.finish_reason: FinishReason | None = None

    def __enter__(self) -> Self:
        self._entered = True
        self.account.running += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None) -> None:
        if self.outcome is not None:
            return
        if isinstance(error, MyelinError):
            self.settle("error", usage=None, http_status=error.front_status, error_code=error.code)
        elif isinstance(error, Exception):
            self.settle("error", usage=None, http_status=500, error_code=MyelinError.code)
        else:
            self.settle("client_closed", usage=None, http_status=CLIENT_CLOSED)

    def route(self, provider: str, model: str, *, input_tokens: int, max_output: int | None, own_key: bool = False) -> None:
        """Who shall answer, with about so many tokens of input and at most so many of output; again for another one.

        Raises ModelNotAllowed, RateLimited, TooLarge, BudgetSpent and Overloaded; nothing is reserved then. With `own_key` the
        client's own key pays; what takes no tokens needs no money.
        """
        if self.provider:
            self._release(0)
        ledger, grant = self._ledger, self.grant
        if grant.models or grant.providers:
            ledger.admit_target(self, provider, model)
        output = EXPECTED_OUTPUT if max_output is None else min(max(max_output, 0), _MOST_TOKENS)
        self.answers(provider, model)
        self._input_tokens, self.own_key = input_tokens, own_key
        if grant.tpm is not None:
            self._reserved_tokens = ledger.reserve_tokens(self, input_tokens + output, input_tokens)
        if grant.budget_usd is not None and not own_key and (input_tokens or output):
            self._reserve_money(output)

    def _reserve_money(self, output: int) -> None:
        rates = self._rates
        ceiling = rates.ceiling(self._input_tokens, output) if rates is not None else 0
        if rates is not None and not ceiling:
            return  # free: a key without money may go on asking what runs here
        try:
            self._ledger.reserve_money(self, ceiling)
        except MyelinError:
            self._release(0)
            raise
        self._reserved_money = ceiling

    def answers(self, provider: str, model: str) -> None:
        """Another one than was asked has stepped in, or answers; what was reserved stays."""
        self.provider, self.served = provider, model
        self._rates, self.unpriced = self._ledger.prices.rates(provider, model)

    def first(self) -> None:
        """The first content has come."""
        self.first_at = self._ledger.monotonic()

    def told(self, characters: int) -> None:
        """So much more was told to the client."""
        self._characters += characters

    def settle(
        self,
        outcome: Outcome,
        *,
        usage: Usage | None,
        http_status: int,
        error_code: str | None = None,
        finish_reason: FinishReason | None = None,
    ) -> None:
        """The first time counts. Without `usage` the tokens are estimated: those of an answer, and of what was told of one."""
        if self.outcome is not None:
            return
        ledger = self._ledger
        self.ended_at = ledger.monotonic()
        self.outcome, self.http_status, self.error_code = outcome, http_status, error_code
        self.finish_reason = finish_reason
        self.usage = usage = self._estimate() if usage is None else _sane(usage)
        tokens = usage.input_tokens + usage.output_tokens
        if tokens:
            if self.unpriced:
                self.answers(self.provider, self.served)
            self.cost = None if self._rates is None else self._rates.cost(usage)
        self._release(tokens)
        if billed := self.billed:
            self.account.spending.add(billed, ledger.now())
        if self._entered:
            self.account.running -= 1
        ledger.over(self)

    @property
    def billed(self) -> int | None:
        """Billionths of a US dollar that this house pays; None when the price is unknown."""
        return 0 if self.own_key else self.cost

    def _estimate(self) -> Usage:
        # A refusal before anything was told costs nothing; a client that left was being answered.
        if not self.provider or (self.outcome == "error" and not self._characters):
            return _NOTHING
        told = -(-self._characters // USUAL_CHARACTERS_PER_TOKEN)
        return _sane(Usage(self._input_tokens, told, estimated=True))

    def _release(self, used_tokens: int) -> None:
        """Gives back what was reserved; `used_tokens` of the minute's tokens stay taken."""
        if self.grant.tpm is not None and self._reserved_tokens != used_tokens:
            self.account.tokens.add(used_tokens - self._reserved_tokens, self.grant.tpm, self._ledger.monotonic())
        self.account.reserved -= self._reserved_money
        self._reserved_tokens = self._reserved_money = 0

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`x-ratelimit-*` of a key that has a rate, as OpenAI names and writes them."""
        grant, now, found = self.grant, self._ledger.monotonic(), []
        if grant.rpm is not None:
            found += _told(_REQUESTS, grant.rpm, self.account.requests, now)
        if grant.tpm is not None:
            found += _told(_TOKENS, grant.tpm, self.account.tokens, now)
        return found


def _told(names: Sequence[bytes], limit: int, rate: Rate, now: float) -> Iterable[tuple[bytes, bytes]]:
    return zip(names, (b"%d" % limit, b"%d" % rate.left(limit, now), b"%.3fs" % rate.full_in(now)), strict=True)


def _sane(usage: Usage) -> Usage:
    """Counts as a provider may have them: whole, and neither below nothing nor beyond all reason."""
    counts = (usage.input_uncached, usage.output_text, usage.cache_read, usage.cache_write, usage.output_reasoning)
    if min(counts) >= 0 and max(counts) <= _MOST_TOKENS:
        return usage
    paid, made, read, written, thought = (min(max(count, 0), _MOST_TOKENS) for count in counts)
    return Usage(paid, made, True, read, written, thought)
