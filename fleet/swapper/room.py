"""Which models have room together, and who has to leave for another. Sizes in bytes."""

from collections.abc import Callable, Collection, Iterable, Sequence

from core.errors import MemoryTaken, ModelTooLarge
from fleet.swapper.residency import Model

_GIB = 1 << 30
#: Seconds after which somebody may ask again.
_GIVEN_BACK = 60.0


class Room:
    """The memory that local models may take together; `budget` None: nobody knows, so one on-demand model at a time.

    `taken`: bytes of it that other programs have now. `most`: models that the server has place for, whatever their size; None: as
    many as fit."""

    def __init__(
        self,
        budget: Callable[[], int | None],
        free_share: float,
        most: int | None = None,
        taken: Callable[[], int] = lambda: 0,
    ):
        self._budget, self._taken = budget, taken
        self._free_share = free_share
        self.most = most

    @property
    def bytes(self) -> int | None:
        """What there is for models now."""
        budget = self._budget()
        return None if budget is None else max(0, budget - self._taken())

    def fits(self, model: Model, staying: Collection[Model]) -> bool:
        """Beside others Ollama takes a part of the free memory only; beyond it would evict, pinned or not. It goes by what it
        foresees itself."""
        return self._fits(model, staying, self.bytes)

    def _fits(self, model: Model, staying: Collection[Model], room: int | None) -> bool:
        if self._is_full(staying):
            return False
        if room is None:
            return True
        free = room - sum(other.size for other in staying)
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
        """The first of `models` that can all be in memory at once, whichever of them is loaded last; other programs that take a
        part of it for a while change nothing."""
        budget = self._budget()
        kept: list[Model] = []
        for model in models:
            trial = [*kept, model]
            if all(self._fits(last, [other for other in trial if other is not last], budget) for last in trial):
                kept = trial
        return kept

    def _is_full(self, staying: Collection[Model]) -> bool:
        return self.most is not None and len(staying) >= self.most

    def too_large(self, model: Model, pinned: Sequence[Model]) -> ModelTooLarge | MemoryTaken:
        """The refusal of a model that has no room even when only `pinned` stay."""
        if (taken := self._taken()) and self._fits(model, pinned, self._budget()):
            return memory_taken(model.name, model.predicted, self.bytes or 0, taken)
        beside = sum(other.size for other in pinned)
        names = ", ".join(other.name for other in pinned)
        if self._is_full(pinned):
            count = "one model" if self.most == 1 else f"{self.most} models"
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


def memory_taken(model: str, needed: int, room: int, taken: int) -> MemoryTaken:
    """The refusal of a model that would fit without other programs; all but its name in bytes."""
    return MemoryTaken(
        f"The model {model} needs {_gib(needed)}; other programs have {_gib(taken)} of the memory, and {_gib(room)} are left.",
        hint="It is loaded when they give it back; GET /machines shows how much they have.",
        field="model",
        retry_after=_GIVEN_BACK,
    )


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"
