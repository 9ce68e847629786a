"""The "gated index" policy: which model has the memory next. Pure: no clock, no I/O, no state.

While the resident model has work it keeps the memory, until somebody else is due: waited for the patience of its class
*and* the resident has paid for its own load. (Patience alone collapses at high load into one request a swap.) When it
has none, the waiting model with the best index is next; but one that is asked for most of the time is idle for a moment only, and
is not given up in it unless somebody is due. A model that fits beside the others takes nobody's place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.swapper.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Occupant:
    """A model that has to leave for another. `paid_at`: from then on its residency was worth its load; `kept_until`: until then
    it is only worth giving up, idle, for one that is overdue."""

    name: str
    is_idle: bool
    paid_at: float
    kept_until: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is not in memory and has `count` requests waiting, the first since `oldest`.

    `overdue_at`: when one of them will have waited long enough to claim the memory. `load`, `service`: mean seconds.
    `victims`: who leaves for it. `is_pinned`: it belongs into memory whether or not anybody waits.
    """

    name: str
    count: int
    oldest: float
    overdue_at: float
    load: float
    service: float
    victims: Sequence[Occupant] = ()
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class Serve:
    """Nothing to change."""


@dataclass(frozen=True, slots=True)
class Swap:
    """`victims` leave, then `to` is loaded."""

    to: str
    victims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Keep serving until `until` (or until something happens)."""

    until: float


Decision = Serve | Swap | Wait


def decide(candidates: Sequence[Candidate], now: float, tuning: Tuning) -> Decision:
    if not candidates:
        return Serve()
    pinned = next((candidate for candidate in candidates if candidate.is_pinned), None)
    if pinned:
        return _swap(pinned)
    first = min(candidates, key=lambda candidate: candidate.overdue_at)
    if now >= first.overdue_at:
        # Nobody passes one that is overdue: a model loaded beside the others would begin to pay for its load in front of it.
        paid = _paid_at(first)
        return _swap(first) if _is_free(first) or now >= paid else Wait(paid)
    free = [candidate for candidate in candidates if _is_free(candidate) and now >= _kept_until(candidate)]
    if free:
        return _swap(max(free, key=lambda candidate: index(candidate, now, tuning)))
    return Wait(min(_turn_at(candidate) for candidate in candidates))


def index(candidate: Candidate, now: float, tuning: Tuning) -> float:
    """Requests served a second by giving the memory to this model, the more the longer it waits."""
    served = candidate.count / (candidate.load + candidate.count * candidate.service / tuning.parallel)
    patience = max(candidate.overdue_at - candidate.oldest, 1e-6)
    return served * (1 + (now - candidate.oldest) / patience)


def is_worth_loading_ahead(chance: float, load: float, lost: float) -> bool:
    """`chance` that the model is next, `load` seconds, `lost` the same product summed over those who would leave for it."""
    return chance * load - lost > load / 2


def cycle(loads: Sequence[float], rho: float) -> float:
    """Seconds in which every active model has had the memory once, at the load `rho` (0..1)."""
    return sum(loads) / (1 - rho)


def quantum(load: float, rho: float, tuning: Tuning) -> float:
    """Seconds of residency that pay for a load: at most 1/(1+gamma) of the time goes into forced swaps."""
    return load * max(tuning.gamma, tuning.kappa * rho / (1 - rho))


def _is_free(candidate: Candidate) -> bool:
    return all(victim.is_idle for victim in candidate.victims)


def _turn_at(candidate: Candidate) -> float:
    if _is_free(candidate):
        return min(candidate.overdue_at, _kept_until(candidate))
    return max(candidate.overdue_at, _paid_at(candidate))


def _kept_until(candidate: Candidate) -> float:
    return max((victim.kept_until for victim in candidate.victims), default=float("-inf"))


def _paid_at(candidate: Candidate) -> float:
    return max((victim.paid_at for victim in candidate.victims if not victim.is_idle), default=float("-inf"))


def _swap(candidate: Candidate) -> Swap:
    return Swap(candidate.name, tuple(victim.name for victim in candidate.victims))
