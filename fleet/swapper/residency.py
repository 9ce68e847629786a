"""What the swapper knows of one model: who waits, who is inside, whether it is in memory, what it costs."""

from dataclasses import dataclass

from fleet.compute import Resident
from fleet.swapper.breaker import Breaker
from fleet.swapper.estimates import Mean, Rate
from fleet.swapper.line import Line, Shares
from fleet.swapper.tuning import Tuning


@dataclass(slots=True, eq=False)
class Model:
    """`loaded_at`, `used_at` and `held_until` are times of the swapper's clock. Bytes: `predicted` before a load, `foreseen` by
    Ollama itself, `weighed` in memory, `claimed` for a longer context that it is about to be loaded with anew.

    `is_leaving`: nobody is let in any more, because another model gets the memory. `is_foreign`: somebody else loaded it.
    `changed`: the number of our last act on it, so that a look that began earlier cannot undo it.
    """

    name: str
    line: Line
    breaker: Breaker
    load: Mean
    service: Mean
    rate: Rate
    predicted: int = 0
    foreseen: int = 0
    weighed: int = 0
    claimed: int = 0
    inside: int = 0
    served: int = 0
    is_resident: bool = False
    is_leaving: bool = False
    is_foreign: bool = False
    is_deleted: bool = False
    loaded_at: float = 0.0
    used_at: float = 0.0
    held_until: float = float("-inf")
    changed: int = 0
    seen: Resident | None = None

    @property
    def is_open(self) -> bool:
        return self.is_resident and not self.is_leaving

    @property
    def is_idle(self) -> bool:
        return not self.inside and not self.line

    @property
    def is_fixed(self) -> bool:
        """Its server has no way to unload it, or none any more since its files are gone: it stays until its lease ends."""
        return self.seen is not None and (self.seen.fixed or self.is_deleted)

    @property
    def size(self) -> int:
        """Bytes: what it was seen to take, else what is predicted."""
        return max(self.weighed or self.predicted, self.claimed)

    def settled(self, now: float) -> None:
        """It is in memory from now on."""
        self.is_resident, self.is_leaving, self.loaded_at, self.served = True, False, now, 0

    def gone(self) -> None:
        self.is_resident = self.is_leaving = self.is_foreign = self.is_deleted = False
        self.seen, self.weighed, self.claimed = None, 0, 0
        self.held_until = float("-inf")


def model(name: str, predicted: int, tuning: Tuning, shares: Shares) -> Model:
    """Until it is told what Ollama foresees that is what we do."""
    return Model(
        name,
        Line(tuning.patience, shares),
        Breaker(tuning),
        Mean(_load_guess(predicted, tuning)),
        Mean(tuning.service),
        Rate(),
        predicted,
        predicted,
    )


def predict_again(model: Model, predicted: int, foreseen: int, tuning: Tuning) -> None:
    model.predicted, model.foreseen = predicted, foreseen
    model.load.guess(_load_guess(predicted, tuning))


def _load_guess(predicted: int, tuning: Tuning) -> float:
    return 1.0 + predicted / tuning.load_speed
