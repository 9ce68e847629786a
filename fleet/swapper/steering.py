"""When memory changes hands: shows the policy what there is, and begins the move that it decides for."""

from collections.abc import Iterator

from core.errors import MemoryTaken, ModelTooLarge
from fleet.swapper.moves import Mover
from fleet.swapper.policy import Candidate, Occupant, Swap, Wait, decide, is_worth_loading_ahead
from fleet.swapper.residency import Model
from fleet.swapper.yard import Yard


class Steering:
    def __init__(self, yard: Yard, mover: Mover):
        self._yard = yard
        self._mover = mover

    def steer(self, now: float) -> float:
        """Runs after every event and when the time comes that it returned last."""
        yard = self._yard
        self._mover.advance(now)
        for model in yard.models.values():
            yard.admit(model, now)
        if yard.move:
            return min(yard.move.deadline, *(self._next_step()))
        if yard.is_closed or yard.is_blind:
            return float("inf")
        return self._choose(now)

    def _next_step(self) -> tuple[float, float]:
        move = self._yard.move
        if not move or move.phase != "unloading" or move.unanswered:
            return float("inf"), float("inf")
        return move.look_at, move.ask_at

    def _choose(self, now: float) -> float:
        yard = self._yard
        if now < yard.taken_until:
            return yard.taken_until
        if leaving := self._evicted() or self._intruder():
            self._mover.begin(None, [leaving], now)
            return now
        candidates = list(self._candidates(now))
        match decide(candidates, now, yard.tuning):
            case Swap(to, victims):
                self._mover.begin(yard.models[to], [yard.models[name] for name in victims], now)
                return now
            case Wait(until):
                return min(until, self._retry_at(now))
        return self._load_ahead(now) if not candidates else self._retry_at(now)

    def _evicted(self) -> Model | None:
        evicting = self._yard.evicting
        while evicting and not evicting[0].is_resident:
            evicting.pop(0)
        return evicting.pop(0) if evicting else None

    def _intruder(self) -> Model | None:
        """An idle model that somebody else loaded and that is too much."""
        yard = self._yard
        budget = yard.room.bytes
        if budget is None or not yard.tuning.evict_foreign or sum(model.size for model in yard.residents()) <= budget:
            return None
        foreign = (model for model in yard.residents() if model.is_foreign and model.is_idle and not model.is_fixed)
        return next((model for model in foreign if model.name not in yard.pinned_names), None)

    def _candidates(self, now: float) -> Iterator[Candidate]:
        yard = self._yard
        rho = yard.rho(now)
        floor = yard.floor(now, rho)
        missing = yard.missing(now)
        for model in missing or [lined for lined in yard.lined() if not lined.is_resident]:
            if model.is_resident:
                return
            if now < model.breaker.retry_at:
                continue
            victims = yard.victims(model)
            if victims is None:
                self._refuse(model)
                continue
            yield Candidate(
                model.name,
                len(model.line),
                model.line.oldest() if model.line else now,
                model.line.overdue_at(floor) if model.line else now,
                model.load.value,
                model.service.value,
                [self._occupant(victim, now) for victim in victims],
                is_pinned=model in missing,
            )

    def _occupant(self, model: Model, now: float) -> Occupant:
        paid = max(model.loaded_at + self._yard.quantum(model, now), model.held_until)
        is_idle = model.is_idle and now >= model.held_until
        return Occupant(model.name, is_idle, paid if model.is_open else now, self._yard.kept_until(model, now))

    def _refuse(self, model: Model) -> None:
        yard = self._yard
        try:
            yard.check_room(model)
        except (ModelTooLarge, MemoryTaken) as error:
            yard.refuse(model.line, error)

    def _retry_at(self, now: float) -> float:
        return min((model.breaker.retry_at for model in self._yard.lined() if model.breaker.retry_at > now), default=float("inf"))

    def _load_ahead(self, now: float) -> float:
        """Nobody waits: the model that is likely to be asked for next may already come."""
        yard, tuning = self._yard, self._yard.tuning
        if not tuning.speculate or yard.waiting or yard.inside or yard.missing(now):
            return self._retry_at(now)
        chances = yard.successions.after_last()
        name = max(chances, key=lambda one: chances[one], default="")
        if (
            not name
            or yard.models[name].is_resident
            or yard.models[name] in yard.withheld
            or now < yard.models[name].breaker.retry_at
        ):
            return float("inf")
        if now < yard.quiet_since + tuning.speculate_after:
            return yard.quiet_since + tuning.speculate_after
        model = yard.models[name]
        victims = yard.victims(model)
        if victims is None or any(victim.held_until > now for victim in victims):
            return float("inf")
        lost = sum(chances.get(victim.name, 0.0) * victim.load.value for victim in victims)
        if is_worth_loading_ahead(chances[name], model.load.value, lost):
            self._mover.begin(model, victims, now, speculative=True)
            return now
        return float("inf")
