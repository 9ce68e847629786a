"""What a key may do, and the calendar of its budget."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal, get_args

BudgetPeriod = Literal["day", "week", "month", "total"]
PERIODS: tuple[BudgetPeriod, ...] = get_args(BudgetPeriod)

#: Money is counted in whole billionths of a US dollar, so that sums are exact in whatever order they are made.
NANO = 1_000_000_000
_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key may do. `models` and `providers` are patterns (`gpt-*`), empty for all; None is without limit.

    A pattern of `models` is compared with `model` and with `provider/model`. `rpm` and `tpm` are requests and tokens a
    minute, `budget_usd` is for each `budget_period` (UTC), `expires_at` is in seconds since 1970.
    """

    key_id: str
    name: str = ""
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    max_parallel: int | None = None
    budget_usd: float | None = None
    budget_period: BudgetPeriod = "total"
    expires_at: float | None = None
    _decided: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def allows(self, provider: str, model: str) -> bool:
        """Decided once for each model: it is asked twice for each question."""
        asked = (provider, model)
        if (decided := self._decided.get(asked)) is None:
            if len(self._decided) >= _KEPT:
                self._decided.clear()
            decided = self._decided[asked] = self._fits(provider, model)
        return decided

    def _fits(self, provider: str, model: str) -> bool:
        names = (model, f"{provider}/{model}")
        return (not self.providers or any(fnmatchcase(provider, pattern) for pattern in self.providers)) and (
            not self.models or any(fnmatchcase(name, pattern) for pattern in self.models for name in names)
        )


def period_start(period: BudgetPeriod, now: float) -> float:
    """Seconds since 1970 of the midnight (UTC) at which the period around `now` began; weeks begin on Monday, `total` at 0."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        day -= timedelta(days=day.weekday())
    elif period == "month":
        day = day.replace(day=1)
    elif period == "total":
        return 0.0
    return day.timestamp()


def period_end(period: BudgetPeriod, now: float) -> float | None:
    """When the period around `now` ends, in seconds since 1970; None for `total`.

    >>> period_end("day", 1.0), period_end("month", 1.0), period_end("total", 1.0)
    (86400.0, 2678400.0, None)
    """
    start = datetime.fromtimestamp(period_start(period, now), UTC)
    if period == "total":
        return None
    if period == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1).timestamp()
    return (start + timedelta(days=7 if period == "week" else 1)).timestamp()
