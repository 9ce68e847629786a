"""Which models have room together, and who has to leave for another. Sizes in bytes."""

from collections.abc import Callable, Collection, Iterable, Sequence

from core.errors import ModelTooLarge
from fleet.swapper.residency import Model

_GIB = 1 << 30


class Room:
    """The memory that local models may take together; `budget` None: nobody knows, so one on-demand model at a time.

    `most`: models that the server has place for, whatever their size; None: as many as fit."""

    def __init__(self, budget: Callable[[], int | None], free_share: float, most: int | None = None):
        self._budget = budget
        self._free_share = free_share
        self._most = most

    @property
    def bytes(self) -> int | None:
        return self._budget()

    def fits(self, model: Model, staying: Collection[Model]) -> bool:
        """Beside others Ollama takes a part of the free memory only; beyond it would evict, pinned or not. It goes by what it
        foresees itself."""
        budget = self._budget()
        if self._is_full(staying):
            return False
        if budget is None:
            return True
        free = budget - sum(other.size for other in staying)
        return model.predicted <= free and (not staying or model.foreseen <= free * self._free_share)

    def victims(self, model: Model, staying: Sequence[Model], others: Iterable[Model]) -> list[Model] | None:
        """Who of `others` has to leave beside `staying`, idle and long unused ones first; None when even all are not enough."""
        order = sorted(others, key=lambda other: (not other.is_idle, other.used_at))
        if self._budget() is None and not self._is_full(staying):
            return order
        leaving: list[Model] = []
        while not self.fits(model, [*staying, *order]):
            if not order:
                return None
            leaving.append(order.pop(0))
        for other in leaving[:-1]:
            if self.fits(model, [*staying, *order, other]):
                leaving.remove(other)
                order.append(other)
        return leaving

    def together(self, models: Iterable[Model]) -> list[Model]:
        """The first of `models` that can all be in memory at once, whichever of them is loaded last."""
        kept: list[Model] = []
        for model in models:
            trial = [*kept, model]
            if all(self.fits(last, [other for other in trial if other is not last]) for last in trial):
                kept = trial
        return kept

    def _is_full(self, staying: Collection[Model]) -> bool:
        return self._most is not None and len(staying) >= self._most

    def too_large(self, model: Model, pinned: Sequence[Model]) -> ModelTooLarge:
        """The refusal of a model that has no room even when only `pinned` stay."""
        beside = sum(other.size for other in pinned)
        names = ", ".join(other.name for other in pinned)
        if self._is_full(pinned):
            count = "one model" if self._most == 1 else f"{self._most} models"
            return ModelTooLarge(
                f"The model {model.name} has no place beside {names}: its server holds {count} at a time.",
                hint="Take one out of the models that stay in memory, or use another machine.",
                field="model",
            )
        detail = f"The model {model.name} needs {_gib(model.predicted)}, and local models may take {_gib(self._budget() or 0)}"
        if not pinned:
            return ModelTooLarge(
                f"{detail}.", hint="Choose a smaller model or quantization, or raise VRAM_LIMIT_GB.", field="model"
            )
        return ModelTooLarge(
            f"{detail}, of which {_gib(beside)} are kept for {names}; "
            f"a model beside others may take {self._free_share:.0%} of the rest.",
            hint="Choose a smaller model, take one out of ALWAYS_ON_MODELS, or raise VRAM_LIMIT_GB.",
            field="model",
        )


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"
