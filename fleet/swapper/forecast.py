"""When a request will begin, as far as anybody can say now. Told to whoever waits, and the ground of refusals.

What was never measured is guessed for those who want to be told, and counts as nothing where somebody would be refused for it.
"""

from dataclasses import dataclass
from typing import Literal

from fleet.swapper.line import Ticket, claim
from fleet.swapper.residency import Model
from fleet.swapper.yard import Move, Phase, Yard


@dataclass(frozen=True, slots=True)
class Forecast:
    """`position` 1 is next in the line of its model; `seconds` until it begins; `phase` is what the memory is doing."""

    position: int
    seconds: float
    phase: Phase | Literal["serving"]


class Forecaster:
    def __init__(self, yard: Yard, *, is_proof: bool = False):
        """`is_proof`: of turns counts what is measured only (`Mean.proven`)."""
        self._yard = yard
        self._is_proof = is_proof

    def of(self, ticket: Ticket, now: float) -> Forecast:
        """For a request that waits, or that would."""
        yard, tuning = self._yard, self._yard.tuning
        model = yard.models[ticket.model]
        ahead = model.line.ahead_of(ticket, now)
        if model.is_open:
            seconds = self._served(model, ahead)
        else:
            floor = yard.floor(now, yard.rho(now))
            overdue_at = ticket.arrived + claim(tuning.patience, ticket.klass, floor)
            overdue_at = min(overdue_at, model.line.overdue_at(floor)) if model.line else overdue_at
            seconds = self.memory(model, overdue_at, now) + ahead // tuning.parallel * self._service(model)
        return Forecast(ahead + 1, seconds, yard.move.phase if yard.move else "serving")

    def beyond(self, ticket: Ticket, now: float) -> float | None:
        """The seconds for one that would wait, when they are more than its class may: never where they are not behind the whole
        line."""
        tuning, model = self._yard.tuning, self._yard.models[ticket.model]
        if model.is_open and self._served(model, len(model.line)) <= tuning.eta_limit:  # no class may less
            return None
        seconds = self.of(ticket, now).seconds
        return seconds if seconds > tuning.limit(ticket.klass) else None

    def hopeless(self, model: Model, now: float) -> list[tuple[Ticket, float]]:
        """Who waits for a model in memory and would wait for longer in all than anybody may, with the seconds that are left."""
        found, ahead = [], 0
        for ticket in model.line.in_turn(now):
            seconds = self._served(model, ahead)
            if now - ticket.arrived + seconds > self._yard.tuning.longest(ticket.klass):
                found.append((ticket, seconds))
            else:
                ahead += 1
        return found

    def memory(self, model: Model, overdue_at: float, now: float) -> float:
        """Seconds until `model` is in memory when its first request claims it at `overdue_at`."""
        yard, move = self._yard, self._yard.move
        if move and move.target is model:
            return self.rest(move, now)
        wait = self.rest(move, now) if move else 0.0
        occupants = [one for one in yard.victims(model) or () if not (move and one in move.leaving)]
        if move and move.target:
            occupants.append(move.target)
        stay = max((self._stay(one, overdue_at, now) for one in occupants), default=0.0)
        floor = yard.floor(now, yard.rho(now))
        before = (one for one in yard.lined() if one is not model and one not in occupants and not one.is_open)
        passed = sum(self._visit(one, now) for one in before if one.line.overdue_at(floor) <= overdue_at)
        return wait + stay + passed + yard.tuning.unload + model.load.value

    def rest(self, move: Move, now: float) -> float:
        """Seconds until the move has ended."""
        load = move.target.load.value if move.target else 0.0
        if move.phase == "loading":
            # A load that is late is nearly there, as far as is known.
            return max(load - (now - move.since), load / 10)
        drain = max((self._service(one) for one in move.leaving if one.inside), default=0.0)
        return drain + self._yard.tuning.unload + load

    def _stay(self, model: Model, overdue_at: float, now: float) -> float:
        """How long a model keeps the memory: until it has no work, or until somebody is due; and then drains."""
        began = model.loaded_at if model.is_resident else now
        due = max(overdue_at, began + self._yard.quantum(model, now)) - now
        busy = max(self._busy(model, now), model.held_until - now, self._yard.kept_until(model, now) - now)
        return min(busy, max(due, 0.0) + (self._service(model) if model.inside else 0.0))

    def _visit(self, model: Model, now: float) -> float:
        return self._yard.tuning.unload + model.load.value + min(self._busy(model, now), self._yard.quantum(model, now))

    def _busy(self, model: Model, now: float) -> float:
        """Seconds until a model has served who is there and who will come meanwhile."""
        tuning = self._yard.tuning
        work = (len(model.line) + model.inside) * self._service(model) / tuning.parallel
        share = model.rate.at(now) * self._service(model) / tuning.parallel
        return work / (1 - min(share, tuning.busiest))

    def _served(self, model: Model, ahead: int) -> float:
        """Seconds until the turn of one with so many before it, for a model in memory."""
        parallel = self._yard.tuning.parallel
        return max(0, ahead + model.inside + 1 - parallel) * self._service(model) / parallel

    def _service(self, model: Model) -> float:
        return model.service.proven if self._is_proof else model.service.value
