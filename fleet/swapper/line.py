"""Who waits for a model, and whose turn is next: by class with ageing, then the least-served client, then first come."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from fleet.swapper.tuning import CLASSES, Class

_RANK = {klass: rank for rank, klass in enumerate(CLASSES)}


@dataclass(slots=True, eq=False)
class Ticket:
    """One request for a turn; `turn` is what its owner waits for."""

    model: str
    client: str
    klass: Class
    arrived: float = 0.0
    #: `preload` has no request behind it: its turn ends as it begins.
    is_preload: bool = False
    turn: asyncio.Future[None] | None = None
    state: Literal["waiting", "inside", "gone"] = "waiting"
    began: float = 0.0

    def settle(self, refusal: Exception | None = None) -> None:
        """Its turn came, or was refused; an owner that has hung up is told nothing."""
        if self.turn is None or self.turn.done():
            return
        self.turn.set_exception(refusal) if refusal else self.turn.set_result(None)


def claim(patience: Mapping[Class, float], klass: Class, floor: float) -> float:
    """Seconds of waiting after which a request claims the memory. Impatient classes have a part of the floor only."""
    return max(patience[klass], floor * min(1.0, patience[klass] / patience["normal"]))


class Shares:
    """Start-time fair queueing (Goyal, 1996) over clients: each one's virtual time grows by the service it was given."""

    _MANY = 1000

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._clock = 0.0

    def of(self, client: str) -> float:
        return max(self._served.get(client, 0.0), self._clock)

    def charge(self, client: str, seconds: float) -> None:
        begin = self.of(client)
        self._clock = begin
        self._served[client] = begin + seconds
        if len(self._served) > self._MANY:
            self._served = {name: at for name, at in self._served.items() if at > self._clock}


class Line:
    """The waiting requests of one model. `patience` is the wait after which a class is overdue and goes to the front."""

    __slots__ = ("_count", "_lanes", "_patience", "_shares")

    def __init__(self, patience: Mapping[Class, float], shares: Shares):
        self._patience = patience
        self._shares = shares
        self._lanes: dict[tuple[Class, str], deque[Ticket]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Ticket]:
        return (ticket for lane in self._lanes.values() for ticket in lane)

    def add(self, ticket: Ticket) -> None:
        self._lanes.setdefault((ticket.klass, ticket.client), deque()).append(ticket)
        self._count += 1

    def remove(self, ticket: Ticket) -> None:
        lane = self._lanes[ticket.klass, ticket.client]
        lane.remove(ticket)
        self._taken(ticket)

    def pop(self, now: float) -> Ticket:
        """The next one; the line must not be empty."""
        lanes = list(self._lanes.values())
        lane = lanes[0] if len(lanes) == 1 else min(lanes, key=lambda lane: self._order(lane[0], now))
        ticket = lane.popleft()
        self._taken(ticket)
        return ticket

    def oldest(self) -> float:
        """When the first of those who wait came; the line must not be empty."""
        return min(lane[0].arrived for lane in self._lanes.values())

    def overdue_at(self, floor: float) -> float:
        """When the first of them will have waited for the patience of its class, or for its `floor` where that is longer."""
        return min(lane[0].arrived + claim(self._patience, klass, floor) for (klass, _), lane in self._lanes.items())

    def ahead_of(self, ticket: Ticket, now: float) -> int:
        """How many of those who wait go before this one, which may wait or not."""
        mine = self._order(ticket, now)
        return sum(self._ahead_in(lane, mine, now) for lane in self._lanes.values())

    def _ahead_in(self, lane: deque[Ticket], mine: tuple[int, float, float], now: float) -> int:
        """In a lane each one goes before those behind it: when its last goes before `mine`, all of them do."""
        if self._order(lane[-1], now) < mine:
            return len(lane)
        return bisect_left(lane, mine, key=lambda other: self._order(other, now))

    def in_turn(self, now: float) -> list[Ticket]:
        """Those who wait, the next one first, if nobody else comes."""
        return sorted(self, key=lambda ticket: self._order(ticket, now))

    def _order(self, ticket: Ticket, now: float) -> tuple[int, float, float]:
        overdue = now - ticket.arrived >= self._patience[ticket.klass]
        return 0 if overdue else _RANK[ticket.klass], self._shares.of(ticket.client), ticket.arrived

    def _taken(self, ticket: Ticket) -> None:
        self._count -= 1
        if not self._lanes[ticket.klass, ticket.client]:
            del self._lanes[ticket.klass, ticket.client]
