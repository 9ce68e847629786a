"""On which machine a request goes: a filter, then the least estimated time. Pure.

    ETA = queued work + drain + unload + load (0 when it is resident)

A machine that has the model in memory keeps its requests unless another one wins by more than a load: with three machines
and five models that halves the wait of the plain least ETA. A load that drives other models out counts theirs as well. What
is on a disk that was just read loads from the page cache.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.machines import OLLAMA
from fleet.machines.health import State

#: Seconds that a machine must win by when it is slow to tell how it is.
SLOW = 10.0
#: What is left of a load's seconds when the files are still in the memory of the machine.
WARM = 0.5
WARM_SECONDS = 600.0

Reason = Literal["disabled", "draining", "down", "kind", "not installed", "too large", "memory taken"]


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


def unfit(candidate: Candidate, kind: str = "") -> Reason | None:
    """Why a machine cannot take a request that is for machines of `kind` (empty: any); None when it can."""
    if not candidate.enabled:
        return "disabled"
    if candidate.draining:
        return "draining"
    if candidate.state == "down":
        return "down"
    if kind not in ("", candidate.kind):
        return "kind"
    if candidate.installed is False:
        return "not installed"
    if candidate.resident or candidate.budget is None or candidate.predicted is None:
        return None
    if candidate.predicted > candidate.budget:
        return "too large"
    return "memory taken" if candidate.predicted > candidate.budget - candidate.taken else None


def ranked(candidates: Iterable[Candidate], kind: str = "") -> list[Candidate]:
    """Those that can take the request, the best first; equals stay in the order of their names, `candidates` in any order."""
    fit = [one for one in candidates if unfit(one, kind) is None]
    at_home = any(one.resident and not one.suspected for one in fit)

    def key(one: Candidate) -> tuple[bool, float, bool, str]:
        leaving = one.load if at_home and not one.resident else 0.0
        slow = SLOW if one.state == "unknown" else 0.0
        return one.suspected, one.eta + one.displaced + leaving + slow, not one.resident, one.name

    return sorted(fit, key=key)


def reasons(candidates: Sequence[Candidate], kind: str = "") -> dict[str, Reason]:
    """Of each machine that cannot take the request, why."""
    found = {one.name: unfit(one, kind) for one in candidates}
    return {name: reason for name, reason in found.items() if reason is not None}
