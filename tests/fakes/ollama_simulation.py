"""Visits to a fake Ollama in memory, on its own: no HTTP, no event loop, hours in milliseconds."""

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.ollama_cards import Cards, Environment
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_options import RunnerOptions
from tests.fakes.ollama_runner import Ticket
from tests.fakes.ollama_scheduler import Outcome, Scheduler

_END = float("inf")


@dataclass(eq=False, slots=True)
class Visit:
    """One request: it arrives, may start when it has a slot, and ends `seconds` later. `outcome` is None while it waits."""

    model: FakeModel
    arrived: float
    seconds: float
    ticket: Ticket | None = None
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None

    @property
    def wait(self) -> float:
        """Seconds to the first service; endless when there was none."""
        return _END if self.started is None else self.started - self.arrived


class Simulation:
    """`arrive` plans visits, `at` anything else, `run` lets the time pass."""

    def __init__(self, cards: Cards | None = None, environment: Environment = Environment()):
        self.scheduler = Scheduler(lambda ticket, outcome: self._told.append((ticket, outcome)), cards, environment)
        self.now = 0.0
        self._told: list[tuple[Ticket, Outcome]] = []
        self._visits: dict[Ticket, Visit] = {}
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (when, next(self._numbers), do))

    def arrive(
        self, when: float, model: FakeModel, seconds: float = 1.0, *, keep_alive: float | None = None, load: bool = False,
        shift: bool | None = None, **options: Any,
    ) -> Visit:  # fmt: skip
        """`load` asks nothing, and only wants the model in memory."""
        visit = Visit(model, when, seconds)
        self.at(when, lambda: self._ask(visit, keep_alive, load, shift, options))
        return visit

    def hang_up(self, when: float, visit: Visit) -> None:
        self.at(when, lambda: visit.ended is None and self._finish(visit))

    def run(self, until: float = _END) -> None:
        """Every moment up to `until`; without it until nothing is planned any more."""
        while True:
            due = self.scheduler.due
            planned = self._planned[0][0] if self._planned else _END
            moment = min(planned, _END if due is None else due)
            if moment > until or moment == _END:
                break
            self.now = max(self.now, moment)
            if planned <= moment:
                heapq.heappop(self._planned)[2]()
            self.scheduler.advance(self.now)
            self._hear()
        self.now = self.now if until == _END else until

    def _ask(self, visit: Visit, keep_alive: float | None, load: bool, shift: bool | None, options: Mapping[str, Any]) -> None:
        model, default = visit.model, self.scheduler.default_context
        read = RunnerOptions.of(options, shift, default=default, train=model.context, vision="vision" in model.capabilities)
        visit.ticket = Ticket(model, read, keep_alive, generates=not load)
        self._visits[visit.ticket] = visit
        self.scheduler.ask(visit.ticket, self.now)

    def _hear(self) -> None:
        while self._told:
            ticket, outcome = self._told.pop(0)
            visit = self._visits[ticket]
            if visit.ended is not None:
                continue
            visit.outcome = outcome
            if outcome != "go":
                visit.ended = self.now
            else:
                visit.started = self.now
                self.at(self.now + (visit.seconds if ticket.generates else 0.0), lambda visit=visit: self._end(visit))

    def _end(self, visit: Visit) -> None:
        if visit.ended is None and not (visit.ticket.runner and visit.ticket.runner.hung):
            self._finish(visit)

    def _finish(self, visit: Visit) -> None:
        visit.ended = self.now
        if visit.ticket is not None:
            self.scheduler.finish(visit.ticket, self.now)
