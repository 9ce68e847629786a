"""The state of a key: how fast it asks, how many of its questions are under way, and what it has spent."""

from collections.abc import Mapping

from gateway.grants import PERIODS, BudgetPeriod, period_start

_MINUTE = 60.0
_ROUNDING = 1e-6
_DAY = 86400


class Rate:
    """So many a minute: the generic cell rate algorithm (ITU-T I.371), which is a token bucket with one number of state.

    The bucket holds a whole minute: a quiet key may use it at once. What was taken can be given back, and more than there is
    can be taken afterwards; the bucket then owes it.
    """

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = 0.0

    def take(self, amount: float, per_minute: int, now: float) -> float:
        """0.0 when it was taken, else the seconds until it can be."""
        due = (self._due if self._due > now else now) + amount * _MINUTE / per_minute
        wait = due - now - _MINUTE
        if wait > _ROUNDING:
            return wait
        self._due = due
        return 0.0

    def add(self, amount: float, per_minute: int, now: float) -> None:
        """Takes `amount` whether it is there or not; gives it back when it is negative."""
        self._due = (self._due if self._due > now else now) + amount * _MINUTE / per_minute

    def left(self, per_minute: int, now: float) -> int:
        used = self._due - now
        if used <= 0.0:
            return per_minute
        left = (_MINUTE - used) * per_minute / _MINUTE + _ROUNDING
        return int(left) if left > 0.0 else 0

    def full_in(self, now: float) -> float:
        """Seconds until the bucket is full again."""
        return self._due - now if self._due > now else 0.0


class Spending:
    """Money of the present day, week, month and of all time, in billionths of a US dollar; UTC, weeks begin on Monday."""

    __slots__ = ("_day", "_sums")

    def __init__(self) -> None:
        self._day = -1
        self._sums: dict[BudgetPeriod, int] = dict.fromkeys(PERIODS, 0)

    def add(self, amount: int, now: float) -> None:
        self._turn(now)
        for period in PERIODS:
            self._sums[period] += amount

    def restore(self, sums: Mapping[BudgetPeriod, int], now: float) -> None:
        """Takes over what was spent before, in the periods around `now`."""
        self._turn(now)
        self._sums |= sums

    def of(self, period: BudgetPeriod, now: float) -> int:
        self._turn(now)
        return self._sums[period]

    def all(self, now: float) -> dict[BudgetPeriod, int]:
        self._turn(now)
        return dict(self._sums)

    def _turn(self, now: float) -> None:
        """Begins anew what has ended since the last look. A clock that was set back ends nothing."""
        day = int(now // _DAY)
        if day <= self._day:
            return
        if self._day >= 0:
            last = self._day * _DAY
            for period in PERIODS:
                if period_start(period, now) > last:
                    self._sums[period] = 0
        self._day = day


class Account:
    """What the ledger knows of one key. `reserved` is what the questions under way may cost at the most."""

    __slots__ = ("requests", "reserved", "running", "spending", "tokens")

    def __init__(self) -> None:
        self.requests, self.tokens = Rate(), Rate()
        self.running = 0
        self.reserved = 0
        self.spending = Spending()
