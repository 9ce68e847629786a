"""What the policy believes about the future: moving averages of what happened."""

import math
from collections import defaultdict

_MEAN_ALPHA = 0.1
#: From so many on a mean moves evenly; before, one odd beginning may still be most of it.
_YOUNG = round(1 / _MEAN_ALPHA)
#: Shorter windows make the load that the policy reckons with jump, and its floors are passed where it jumps down.
_WINDOW = 300.0
#: A silence with a chance of less than exp(-4) at the rate believed in disproves it: a batch that came at once is no stream.
_SURPRISE = 4.0
#: Successions that must have been seen from a model before the next one is guessed, and how fast old ones fade.
_ENOUGH, _FADE = 6.0, 0.95


class Mean:
    """A moving average of durations in seconds; `value` is the guess until the first one."""

    __slots__ = ("_known", "_least", "value")

    def __init__(self, guess: float):
        self.value = guess
        self._known, self._least = 0, 0.0

    @property
    def is_known(self) -> bool:
        return self._known > 0

    @property
    def has_grown_up(self) -> bool:
        """Whether enough were measured, with the last one, to look back at what was believed before."""
        return self._known == _YOUNG

    @property
    def proven(self) -> float:
        """What may be held against somebody: nothing until the first one, the least of the first few, then the mean."""
        return self._least if self._known < _YOUNG else self.value

    def guess(self, value: float) -> None:
        """Replaces the guess as long as nothing was measured."""
        if not self._known:
            self.value = value

    def add(self, seconds: float) -> None:
        # The first ones count evenly, so that one odd beginning is not remembered for long.
        self._known += 1
        self._least = min(self._least, seconds) if self._known > 1 else seconds
        self.value += (seconds - self.value) * max(_MEAN_ALPHA, 1 / self._known)


class Rate:
    """Arrivals a second over about the last `_WINDOW` seconds, older ones fading; silence lowers it."""

    __slots__ = ("_count", "_first", "_last")

    def __init__(self) -> None:
        self._count = 0.0
        self._first = self._last = float("-inf")

    def add(self, now: float) -> None:
        if not self._count:
            self._first = now
        self._count = self._count * math.exp((self._last - now) / _WINDOW) + 1.0
        self._last = now

    def at(self, now: float) -> float:
        """Zero until the second arrival: one says nothing about the next."""
        if self._last <= self._first:
            return 0.0
        # What a window that began with the first arrival would hold of an even stream.
        seen = _WINDOW * (1 - math.exp((self._first - now) / _WINDOW))
        rate = self._count * math.exp((self._last - now) / _WINDOW) / max(seen, _WINDOW / 10)
        return min(rate, _SURPRISE / max(now - self._last, 1e-6))


class Successions:
    """Which model is asked for after which: a Markov chain of the first order whose past fades."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, float]] = defaultdict(dict)
        self._last: str | None = None

    def add(self, model: str) -> None:
        if self._last is not None:
            row = self._counts[self._last]
            for name in row:
                row[name] *= _FADE
            row[model] = row.get(model, 0.0) + 1.0
        self._last = model

    def forget(self, model: str) -> None:
        """Nobody is to expect it any more."""
        self._counts.pop(model, None)
        for row in self._counts.values():
            row.pop(model, None)
        if self._last == model:
            self._last = None

    def after_last(self) -> dict[str, float]:
        """Probabilities of the next model; empty while too little was seen."""
        row = self._counts.get(self._last or "", {})
        total = sum(row.values())
        return {name: count / total for name, count in row.items()} if total >= _ENOUGH * _FADE else {}
