"""How models are in the memory of the machines now: the one truth behind every list that tells of it."""

from collections.abc import Iterable, Iterator
from typing import Literal

from typing_extensions import TypedDict

from api.shapes import Time, Turn, TurnsOfModel
from api.views import stamp
from core.machines import OLLAMA
from fleet.machines.engine import Engine
from fleet.machines.standing import Occupant, Queue, Standing
from gateway.facts import Model
from gateway.names import Allows


class Presence(TypedDict):
    """`state` null: its machine does not tell. `since` it is in memory, or is being loaded; `waiting` for their turn and
    `inside` are requests; `eta_seconds` until a request that came now would begin, null where nobody can say."""

    state: Literal["absent", "resident", "loading", "leaving"] | None
    since: Time | None
    waiting: int
    inside: int
    eta_seconds: float | None


#: Of a model on no machine of ours.
NOWHERE: Presence = {"state": None, "since": None, "waiting": 0, "inside": 0, "eta_seconds": None}


class Presences:
    """Of one moment: `now` is its time. Every machine is looked at once."""

    def __init__(self, engines: Iterable[Engine], now: float):
        self._now = now
        self._standing = {engine.record.name: (engine, engine.standing()) for engine in engines}

    def standing(self, machine: str) -> Standing:
        return self._standing[machine][1]

    def of(self, machine: str, model: str) -> Presence:
        engine, standing = self._standing[machine]
        occupant, queue = self.occupant(machine, model), _queue(standing, model)
        absent = None if standing.occupants is None else "absent"
        return {
            "state": occupant.state if occupant else absent,
            "since": self.since(occupant) if occupant else None,
            "waiting": queue.waiting,
            "inside": queue.inside,
            "eta_seconds": round(engine.candidate(model, None, self._now).eta, 1) if engine.open else None,
        }

    def occupant(self, machine: str, model: str) -> Occupant | None:
        return next((one for one in self._standing[machine][1].occupants or () if one.model == model), None)

    def resident(self, model: Model) -> bool | None:
        """Whether a model is in memory on any of the machines that have it; of one on none of them, what its server says."""
        told = [self._standing[copy.machine][1] for copy in model.copies if copy.machine in self._standing]
        if not told:
            return model.info.resident
        known = [standing.occupants for standing in told if standing.occupants is not None]
        there = any(one.model == model.name and one.state != "loading" for occupants in known for one in occupants)
        return there or (False if known else None)

    def since(self, occupant: Occupant) -> str | None:
        return None if occupant.seconds is None else stamp(self._now - occupant.seconds)

    def all(self) -> Iterator[tuple[Engine, Occupant]]:
        """Every model in memory, by machines."""
        for engine, standing in self._standing.values():
            for occupant in standing.occupants or ():
                yield engine, occupant


def is_resident(presence: Presence) -> bool | None:
    """Whether it is in memory and answers."""
    return None if presence["state"] is None else presence["state"] in ("resident", "leaving")


def _queue(standing: Standing, model: str) -> Queue:
    return next((queue for queue in standing.queues if queue.model == model), Queue(model, 0, 0))


def queue_view(queue: Queue) -> TurnsOfModel:
    seconds = {name: getattr(queue, name) for name in ("oldest_seconds", "eta_seconds")}
    counts = {"model": queue.model, "waiting": queue.waiting, "inside": queue.inside}
    return {**counts, **{name: value if value is None else round(value, 1) for name, value in seconds.items()}}


def turns(engines: Iterable[Engine], allows: Allows | None) -> list[Turn]:
    """Who waits for a turn, and who has one, by machines and models; those of models that `allows` lets through (None: all)."""
    return [
        {**queue_view(queue), "machine": engine.record.name}
        for engine in engines
        for queue in engine.standing().queues
        if allows is None or allows(OLLAMA, queue.model)
    ]
