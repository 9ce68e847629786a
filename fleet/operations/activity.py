"""Which models are served: all, but those that an operator has deactivated. They stay on the disk."""

from collections.abc import Awaitable, Callable, Iterable

from core.errors import Conflict

#: (model with its tag, machine); None for every machine.
Mark = tuple[str, str | None]


class Activity:
    """`offers` is the one question. `load` gives the saved marks, `save` makes all of them durable."""

    def __init__(self, load: Callable[[], Awaitable[Iterable[Mark]]], save: Callable[[frozenset[Mark]], Awaitable[None]]):
        self._load, self._save = load, save
        self._marks: frozenset[Mark] = frozenset()

    async def open(self) -> None:
        self._marks = frozenset(await self._load())

    @property
    def marks(self) -> frozenset[Mark]:
        """What is deactivated."""
        return self._marks

    def offers(self, model: str, machine: str | None = None) -> bool:
        """Whether `model` (with its tag) may be listed and served: on `machine`, or anywhere at all."""
        return (model, None) not in self._marks and (machine is None or (model, machine) not in self._marks)

    def deactivated(self, model: str, machine: str | None) -> bool:
        """Whether there is nothing left to deactivate."""
        return not self.offers(model, machine)

    def activated(self, model: str, machine: str | None) -> bool:
        """Whether there is nothing left to activate. Raises Conflict for one machine of a model that is nowhere served."""
        if machine is None:
            return not any(name == model for name, _ in self._marks)
        if (model, None) in self._marks:
            raise Conflict(
                f"The model {model} is deactivated on every machine.",
                hint="Activate it without naming a machine, then deactivate it where it shall not be served.",
            )
        return self.offers(model, machine)

    async def deactivate(self, model: str, machine: str | None) -> None:
        """Everywhere is more than on one machine: it takes the place of the marks for those."""
        kept = self._without(model) if machine is None else self._marks
        await self._take(kept | {(model, machine)})

    async def activate(self, model: str, machine: str | None) -> None:
        """Raises Conflict as `activated` does."""
        if not self.activated(model, machine):
            await self._take(self._without(model) if machine is None else self._marks - {(model, machine)})

    async def gone(self, model: str, machine: str, target: str | None = None) -> None:
        """The model has left a machine, for `target` if it was moved: the mark goes with it, or is forgotten."""
        if (model, machine) in self._marks:
            moved = {(model, target)} if target is not None else frozenset()
            await self._take((self._marks - {(model, machine)}) | moved)

    def _without(self, model: str) -> frozenset[Mark]:
        return frozenset(mark for mark in self._marks if mark[0] != model)

    async def _take(self, marks: frozenset[Mark]) -> None:
        if marks != self._marks:
            await self._save(marks)
            self._marks = marks
