"""Who asks how much: every question to a model is entered here before it is asked, and settled once when it is over.

In memory and synchronous: it stands on the path of every request.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Literal, Self

from core.errors import Forbidden, InvalidKey, MyelinError, RateLimited
from providers.types import FinishReason, Usage

Outcome = Literal["ok", "error", "client_closed"]
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key may do. `models` and `providers` are patterns (`gpt-*`), empty for all; None is without limit.

    `rpm` and `tpm` are requests and tokens a minute, `expires_at` is in seconds since 1970.
    """

    key_id: str
    name: str = ""
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    max_parallel: int | None = None
    budget_usd: float | None = None
    budget_period: str | None = None
    expires_at: float | None = None

    def allows(self, provider: str, model: str) -> bool:
        names = (model, f"{provider}/{model}")
        return (not self.providers or any(fnmatchcase(provider, pattern) for pattern in self.providers)) and (
            not self.models or any(fnmatchcase(name, pattern) for pattern in self.models for name in names)
        )


class Ledger:
    """Holds each key to its grant. `settled` is told every call that is over."""

    def __init__(
        self,
        *,
        settled: Callable[["Call"], None] = lambda call: None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ):
        self._settled, self._monotonic, self._now = settled, monotonic, now
        self._next: dict[str, float] = {}
        self.running: Counter[str] = Counter()

    def enter(self, grant: Grant | None, *, front: str, operation: str, model: str, request_id: str, stream: bool) -> "Call":
        """A key without a grant has no limits. Raises InvalidKey (expired) and RateLimited."""
        if grant is not None:
            self._check(grant)
        return Call(self, grant, front, operation, model, request_id, stream)

    def _check(self, grant: Grant) -> None:
        if grant.expires_at is not None and self._now() >= grant.expires_at:
            raise InvalidKey("This key has expired.")
        if grant.max_parallel is not None and self.running[grant.key_id] >= grant.max_parallel:
            raise RateLimited(f"This key may ask {grant.max_parallel} at a time.", hint="Wait for an answer.", retry_after=1)
        if grant.rpm is not None:
            self._pace(grant.key_id, grant.rpm)

    def _pace(self, key_id: str, rpm: int) -> None:
        """The generic cell rate algorithm (ITU-T I.371): a tenth of a minute's requests may come at once."""
        if rpm <= 0:
            raise RateLimited("This key may ask nothing.", retry_after=60)
        step, now = 60 / rpm, self._monotonic()
        due = max(self._next.get(key_id, 0.0), now)
        if (wait := due - now - max(6.0 - step, 0.0)) > 0:
            raise RateLimited(f"This key may ask {rpm} times a minute.", hint="Ask again later.", retry_after=wait)
        self._next[key_id] = due + step

    def over(self, call: "Call") -> None:
        if call.grant is not None:
            self.running[call.grant.key_id] -= 1
            if not self.running[call.grant.key_id]:
                del self.running[call.grant.key_id]
        self._settled(call)

    def begun(self, call: "Call") -> None:
        if call.grant is not None:
            self.running[call.grant.key_id] += 1


class Call:
    """One question under way: `with ledger.enter(…) as call:`. What nobody settled is settled when the block is left."""

    __slots__ = (
        "_characters", "_ledger", "attempts", "error_code", "finish_reason", "first_at", "front", "grant", "http_status", "model",
        "operation", "outcome", "provider", "request_id", "served", "started_at", "stream", "usage",
    )  # fmt: skip

    def __init__(
        self, ledger: Ledger, grant: Grant | None, front: str, operation: str, model: str, request_id: str, stream: bool
    ):
        self._ledger, self.grant, self.front, self.operation = ledger, grant, front, operation
        self.model, self.request_id, self.stream = model, request_id, stream
        self.started_at, self.first_at = time.perf_counter(), 0.0
        self.provider = self.served = ""
        self._characters = 0
        self.outcome: Outcome | None = None
        self.usage: Usage | None = None
        self.http_status, self.attempts = 0, 0
        self.error_code: str | None = None
        self.finish_reason: FinishReason | None = None

    def __enter__(self) -> Self:
        self._ledger.begun(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None) -> None:
        if isinstance(error, MyelinError):
            self.settle("error", usage=None, http_status=error.status, error_code=error.code)
        elif isinstance(error, Exception):
            self.settle("error", usage=None, http_status=500, error_code=MyelinError.code)
        elif self.outcome is None:
            estimate = Usage(output_text=self._characters // _CHARACTERS_PER_TOKEN, estimated=True)
            self.settle("client_closed", usage=estimate, http_status=499)

    def route(self, provider: str, model: str, *, input_tokens: int, max_output: int | None) -> None:
        """Raises Forbidden when the key may not use this model of this provider."""
        if self.grant is not None and not self.grant.allows(provider, model):
            raise Forbidden(
                f"This key may not use {provider}/{model}.", hint="GET /v1/models lists what it may use.", field="model"
            )
        self.provider, self.served = provider, model

    def first(self) -> None:
        """The first content has come."""
        self.first_at = time.perf_counter()

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
        attempts: int = 1,
    ) -> None:
        """The first time counts."""
        if self.outcome is None:
            self.outcome, self.usage, self.http_status = outcome, usage, http_status
            self.error_code, self.finish_reason, self.attempts = error_code, finish_reason, attempts
            self._ledger.over(self)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`x-ratelimit-*` of a key that has a rate."""
        if self.grant is None or self.grant.rpm is None:
            return []
        return [(b"x-ratelimit-limit-requests", b"%d" % self.grant.rpm)]
