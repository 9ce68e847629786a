"""On which machine a request goes: a filter, then the least estimated time. Pure.

    ETA = queued work + drain + unload + load (0 when it is resident)

A machine that has the model in memory keeps its requests unless another one wins by more than a load: with three machines
and five models that halves the wait of the plain least ETA. A load that drives other models out counts theirs as well. What
is on a disk that was just read loads from the page cache.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.machines import OLLAMA
from fleet.machines.health import State
from fleet.machines.record import Device

#: Seconds that a machine must win by when it is slow to tell how it is.
SLOW = 10.0
#: What is left of a load's seconds when the files are still in the memory of the machine.
WARM = 0.5
WARM_SECONDS = 600.0

Reason = Literal["disabled", "draining", "down", "kind", "device", "labels", "not installed", "too large", "memory taken"]


@dataclass(frozen=True, slots=True)
class Wish:
    """`avoid` are machines that failed just now: asked again only when there is no other. `kind` "" is any."""

    kind: str = ""
    device: Device = "auto"
    labels: frozenset[str] = frozenset()
    may_pull: bool = False
    avoid: frozenset[str] = frozenset()

    def refuses(self, kind: str, device: Device, labels: Collection[str]) -> Reason | None:
        """Why it is not for such a machine; None when it is."""
        if self.kind not in ("", kind):
            return "kind"
        if "auto" not in (self.device, device) and self.device != device:
            return "device"
        return None if self.labels.issubset(labels) else "labels"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine as one request for one model sees it. Seconds and bytes.

    `installed` None: its list is not known. Other programs have `taken` of the budget now. `wait` is what is queued, drained and
    unloaded before a load could begin, or before the turn when the model is `resident`; `displaced` is what it takes to load
    again what would have to leave for it; `idle` are the seconds since the model left its memory, None for never there.
    """

    name: str
    kind: str = OLLAMA
    state: State = "up"
    enabled: bool = True
    draining: bool = False
    suspected: bool = False
    device: Device = "auto"
    labels: frozenset[str] = frozenset()
    installed: bool | None = True
    predicted: int | None = None
    budget: int | None = None
    taken: int = 0
    resident: bool = False
    wait: float = 0.0
    load: float = 0.0
    displaced: float = 0.0
    idle: float | None = None

    @property
    def loading(self) -> float:
        if self.resident:
            return 0.0
        return self.load * WARM if self.idle is not None and self.idle <= WARM_SECONDS else self.load

    @property
    def eta(self) -> float:
        return self.wait + self.loading


def unfit(candidate: Candidate, wish: Wish) -> Reason | None:
    """Why a machine cannot take the request; None when it can."""
    if not candidate.enabled:
        return "disabled"
    if candidate.draining:
        return "draining"
    if candidate.state == "down":
        return "down"
    if (reason := wish.refuses(candidate.kind, candidate.device, candidate.labels)) is not None:
        return reason
    if candidate.installed is False and not wish.may_pull:
        return "not installed"
    if candidate.resident or candidate.budget is None or candidate.predicted is None:
        return None
    if candidate.predicted > candidate.budget:
        return "too large"
    return "memory taken" if candidate.predicted > candidate.budget - candidate.taken else None


def ranked(candidates: Iterable[Candidate], wish: Wish = Wish()) -> list[Candidate]:
    """Those that can take the request, the best first; equals stay in the order of their names, `candidates` in any order."""
    fit = [one for one in candidates if unfit(one, wish) is None]
    at_home = any(one.resident and not _is_shunned(one, wish) for one in fit)

    def key(one: Candidate) -> tuple[bool, bool, float, bool, str]:
        leaving = one.load if at_home and not one.resident else 0.0
        slow = SLOW if one.state == "unknown" else 0.0
        return (
            _is_shunned(one, wish),
            one.installed is False,
            one.eta + one.displaced + leaving + slow,
            not one.resident,
            one.name,
        )

    return sorted(fit, key=key)


def _is_shunned(candidate: Candidate, wish: Wish) -> bool:
    return candidate.suspected or candidate.name in wish.avoid


def reasons(candidates: Sequence[Candidate], wish: Wish = Wish()) -> dict[str, Reason]:
    """Of each machine that cannot take the request, why."""
    found = {one.name: unfit(one, wish) for one in candidates}
    return {name: reason for name, reason in found.items() if reason is not None}
