"""The state of the swapper, and what happens at its door: who comes, who is let in, who leaves.

Everything runs on one event loop and nothing here awaits, so there is one writer without a lock. What is to be done to
Ollama is written down in `orders`; the scheduler carries it out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from core.errors import Overloaded
from fleet.swapper.estimates import Successions
from fleet.swapper.line import Shares, Ticket
from fleet.swapper.policy import cycle, quantum
from fleet.swapper.residency import Model, model, predict_again
from fleet.swapper.room import Room
from fleet.swapper.tuning import Tuning

Phase = Literal["draining", "unloading", "loading"]


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done to Ollama. `number` comes back with the outcome."""

    verb: Literal["look", "load", "unload", "cancel"]
    model: str = ""
    number: int = 0


@dataclass(slots=True, eq=False)
class Move:
    """The one change of memory under way: `leaving` are drained, unloaded and confirmed gone, then `target` is loaded."""

    target: Model | None
    leaving: list[Model]
    began: float
    is_speculative: bool = False
    phase: Phase = "draining"
    since: float = 0.0
    deadline: float = float("inf")
    look_at: float = 0.0
    ask_at: float = 0.0
    #: Unloads, or the end of a cancelled load, that are under way; and the number of the act before all of them.
    unanswered: int = 0
    number: int = 0
    #: Since all who leave are gone: when their memory is free as well.
    free_at: float | None = None
    #: After a load that came to nothing.
    is_clean_up: bool = False


@dataclass(slots=True, eq=False)
class Yard:
    """All state; see `fleet.swapper.moves` for how memory changes and `fleet.swapper.steering` for when."""

    tuning: Tuning
    room: Room
    predict: Callable[[str], int]
    foresee: Callable[[str], int]
    pinned_names: list[str]
    models: dict[str, Model] = field(default_factory=dict)
    move: Move | None = None
    orders: list[Order] = field(default_factory=list)
    shares: Shares = field(default_factory=Shares)
    successions: Successions = field(default_factory=Successions)
    evicting: list[Model] = field(default_factory=list)
    #: The operator's: nobody is let in to these and they are not loaded.
    withheld: list[Model] = field(default_factory=list)
    #: The operator's: nobody is let in and nothing moves.
    is_closed: bool = False
    #: The act after which a look opens again.
    opens_after: int | None = None
    #: `/api/ps` gave no answer: residents are served, nothing moves.
    is_blind: bool = True
    waiting: int = 0
    inside: int = 0
    loads: int = 0
    acts: int = 0
    quiet_since: float = 0.0
    #: Somebody else loads models here as well: so long nobody is let in on the word of an old look.
    shared_until: float = float("-inf")
    looked_at: float = float("-inf")
    #: Somebody else is loading a model, as far as one can tell.
    taken_until: float = float("-inf")

    def model(self, name: str) -> Model:
        if (known := self.models.get(name)) is None:
            known = self.models[name] = model(name, self.predict(name), self.tuning, self.shares)
            known.foreseen = self.foresee(name)
        return known

    def predict_again(self) -> None:
        """More may be known of those that are not in memory."""
        for one in self.models.values():
            if not one.is_resident:
                predict_again(one, self.predict(one.name), self.foresee(one.name), self.tuning)

    def pinned(self) -> list[Model]:
        """The always-on models that have room together, in the order of their importance."""
        return self.room.together(self.model(name) for name in self.pinned_names)

    def missing(self, now: float) -> list[Model]:
        """Always-on models that are not in memory and may be loaded; others are loaded after them.

        One that crashed with requests inside is not known to be gone: Ollama may be loading it again for them.
        """
        move = self.move
        return [
            model
            for model in self.pinned()
            if (not model.is_resident and now >= model.breaker.retry_at)
            or (model.is_leaving and not (move and model in move.leaving))
        ]

    def residents(self) -> list[Model]:
        return [model for model in self.models.values() if model.is_resident]

    def lined(self) -> Iterator[Model]:
        """Models that somebody waits for, and may have."""
        return (model for model in self.models.values() if model.line and model not in self.withheld)

    def act(self, model: Model) -> int:
        """Numbers an act of ours on this model."""
        self.acts += 1
        model.changed = self.acts
        return self.acts

    def order(self, verb: Literal["look", "load", "unload", "cancel"], model: Model | None = None) -> int:
        number = self.act(model) if model else self.acts
        self.orders.append(Order(verb, model.name if model else "", number))
        return number

    def is_loading(self, model: Model) -> bool:
        return self.move is not None and self.move.target is model

    def lets_in(self, model: Model) -> bool:
        return model.is_open and model.inside < self.tuning.places and not self.is_closed and model not in self.withheld

    def must_look(self, now: float) -> bool:
        """Whether somebody else may have taken a model away since it was last seen."""
        return now < self.shared_until and now - self.looked_at > self.tuning.look_holds

    # The door

    def arrive(self, ticket: Ticket, now: float) -> Model:
        """Counts the arrival, and lets it in when its model is in memory and a place is free; else it stays outside, unqueued."""
        model = self.model(ticket.model)
        model.rate.add(now)
        if model.name not in self.pinned_names:
            self.successions.add(model.name)
        if self.lets_in(model) and not model.line and not self.must_look(now):
            self._enter(model, ticket, now)
        return model

    def queue(self, model: Model, ticket: Ticket, now: float) -> None:
        """Raises ModelTooLarge, or Overloaded while loads of this model keep failing."""
        if not model.is_resident:
            predict_again(model, self.predict(model.name), self.foresee(model.name), self.tuning)
            self.check_room(model)
        if not model.is_open and (seconds := model.breaker.open_for(now)):
            raise unavailable(model, seconds)
        model.line.add(ticket)
        self.waiting += 1

    def check_room(self, model: Model) -> None:
        """Raises ModelTooLarge when it has no room even beside the always-on models and those that cannot leave alone."""
        pinned = self.pinned()
        others = [other for other in self.models.values() if other is not model and (other in pinned or other.is_fixed)]
        if not model.is_resident and not self.room.fits(model, others):
            raise self.room.too_large(model, others)

    def claim(self, model: Model, predicted: int, foreseen: int) -> list[Model]:
        """Room for a resident that will take more; it is claimed when nobody has to leave for it. Raises ModelTooLarge."""
        before = model.predicted, model.foreseen
        model.predicted, model.foreseen = predicted, foreseen
        try:
            leaving = self.victims(model)
            if leaving is None:
                raise self.room.too_large(model, [other for other in self.pinned() if other is not model])
        finally:
            # Until it is claimed it takes what it took: nobody shall think that the room is there.
            model.predicted, model.foreseen = before
        if not leaving:
            model.claimed = predicted
        return leaving

    def withdraw(self, ticket: Ticket) -> None:
        model = self.models[ticket.model]
        model.line.remove(ticket)
        self.waiting -= 1
        ticket.state = "gone"

    def admit(self, model: Model, now: float) -> None:
        """Lets in who waits, as far as there are places."""
        while model.line and self.lets_in(model):
            if self.must_look(now):
                self.order("look")
                return
            ticket = model.line.pop(now)
            self.waiting -= 1
            self._enter(model, ticket, now)
            ticket.settle()
            if ticket.is_preload:
                model.held_until = now + self.quantum(model, now)
                self.leave(ticket, now, failed=True)

    def leave(self, ticket: Ticket, now: float, *, failed: bool = False) -> None:
        """A turn has ended; one that failed says nothing about how long turns take."""
        model = self.models[ticket.model]
        if not failed:
            at_once = max(self.tuning.parallel, model.inside)
            model.service.add((now - ticket.began) * self.tuning.parallel / at_once)
        model.inside -= 1
        self.inside -= 1
        ticket.state = "gone"
        model.used_at = self.quiet_since = now

    def refuse(self, tickets: Iterable[Ticket], error: Exception) -> None:
        for ticket in list(tickets):
            self.withdraw(ticket)
            ticket.settle(error)

    def _enter(self, model: Model, ticket: Ticket, now: float) -> None:
        assert model.is_open and model.inside < self.tuning.places
        model.inside += 1
        model.served += 1
        self.inside += 1
        ticket.state, ticket.began = "inside", now
        self.shares.charge(ticket.client, model.service.value)

    # What the policy wants to know

    def rho(self, now: float) -> float:
        """The measured load of those models that take turns, 0 to `tuning.busiest`."""
        pinned = self.pinned_names
        return min(sum(self.share(one, now) for one in self.models.values() if one.name not in pinned), self.tuning.busiest)

    def share(self, model: Model, now: float) -> float:
        """The part of the time for which a model is in use, as it is asked now."""
        return model.rate.at(now) * model.service.value / self.tuning.parallel

    def floor(self, now: float, rho: float) -> float:
        """Nobody is overdue before so many seconds: the rounds of all models that are asked for must fit in between."""
        active = [one.load.value for one in self.models.values() if one.line or one.inside or one.rate.at(now) > _ACTIVE]
        return self.tuning.floor_cycles * cycle(active, rho)

    def kept_until(self, model: Model, now: float) -> float:
        """Until when an idle one that is asked for most of the time is worth keeping: as long as it would take to load again."""
        is_hot = self.share(model, now) >= self.tuning.hot
        return model.used_at + model.load.value if is_hot else float("-inf")

    def quantum(self, model: Model, now: float) -> float:
        return quantum(model.load.value, self.rho(now), self.tuning)

    def victims(self, model: Model) -> list[Model] | None:
        """Who has to leave for `model`; None when it has no room even then."""
        pinned = [other for other in self.pinned() if other is not model]
        residents = [other for other in self.residents() if other is not model]
        keeps_foreign = not self.tuning.evict_foreign
        others = [
            other
            for other in residents
            if other not in pinned and not other.is_fixed and not (other.is_foreign and keeps_foreign)
        ]
        # A pinned model that is missing will come back: its room is not for others.
        reserved = [other for other in pinned if other.is_resident or model.name not in self.pinned_names]
        return self.room.victims(model, [*reserved, *(other for other in residents if other not in others + reserved)], others)


#: Asked for at least once in ten minutes.
_ACTIVE = 1 / 600


def unavailable(model: Model, seconds: float) -> Overloaded:
    return Overloaded(
        f"The model {model.name} cannot be loaded now: {model.breaker.reason}",
        hint="It is tried again by itself; ask the operator when it goes on.",
        retry_after=max(1.0, seconds),
    )
